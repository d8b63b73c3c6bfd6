package sip

import (
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// response builds a response to a request, RFC 3261 §8.2.6. toTag is added to
// To if that has none; 100 gets none.
func (u *UA) response(req *sipgo.Request, code int, reason, toTag string, headers ...Header) *sipgo.Response {
	res := sipgo.NewResponse(code, reasonOf(code, oneLine(reason)))
	for _, h := range req.GetHeaders("Via") {
		res.AppendHeader(sipgo.HeaderClone(h))
	}
	if code > codeTrying && code < 300 && req.Method == sipgo.INVITE {
		for _, h := range req.GetHeaders("Record-Route") {
			res.AppendHeader(sipgo.HeaderClone(h))
		}
	}
	if h := req.From(); h != nil {
		res.AppendHeader(sipgo.HeaderClone(h))
	}
	if h := req.To(); h != nil {
		to, ok := sipgo.HeaderClone(h).(*sipgo.ToHeader)
		if ok && code > codeTrying && toTag != "" {
			if _, has := param(to.Params, "tag"); !has {
				to.Params.Add("tag", toTag)
			}
		}
		res.AppendHeader(to)
	}
	if h := req.CallID(); h != nil {
		res.AppendHeader(sipgo.HeaderClone(h))
	}
	if h := req.CSeq(); h != nil {
		res.AppendHeader(sipgo.HeaderClone(h))
	}
	if code == codeTrying {
		for _, h := range req.GetHeaders("Timestamp") {
			res.AppendHeader(sipgo.HeaderClone(h))
		}
	} else {
		res.AppendHeader(sipgo.NewHeader("Server", u.cfg.UserAgent))
	}
	appendHeaders(res, headers)
	res.SetBody(nil)
	return res
}

// withSDP gives a message a session description; nil leaves it without.
func withSDP(m sipgo.Message, sdp []byte) { withBody(m, typeSDP, sdp) }

func withBody(m sipgo.Message, contentType string, body []byte) {
	if len(body) == 0 {
		return
	}
	ct := sipgo.ContentTypeHeader(contentType)
	m.AppendHeader(&ct)
	m.SetBody(body)
}

func appendHeaders(m sipgo.Message, headers []Header) {
	for _, h := range headers {
		m.AppendHeader(sipgo.NewHeader(oneLine(h.Name), oneLine(h.Value)))
	}
}

// oneLine keeps a value from ending its line and adding lines of its own.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n\x00") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
}

func retryAfter(d time.Duration) Header {
	return Header{"Retry-After", retryAfterValue(d.Seconds())}
}

// refuseStateless answers without keeping anything, RFC 3261 §8.2.7. An ACK
// is never answered.
func (u *UA) refuseStateless(req *sipgo.Request, back *flow, r *refusal) {
	if req.Method == sipgo.ACK {
		u.m.drop(dropStray)
		return
	}
	_ = back.send(u.response(req, r.code, r.reason, u.statelessTag(req), r.headers...)) // counted there
}

// statelessTag is the same for all copies of a request, as §8.2.7 wants it.
func (u *UA) statelessTag(req *sipgo.Request) string {
	var id string
	if h := req.CallID(); h != nil {
		id = h.Value()
	}
	if h := req.Via(); h != nil {
		b, _ := param(h.Params, "branch")
		id += "\n" + b
	}
	return u.tagOf(id)
}
