package sip

import (
	"context"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// Thread is what several requests outside a dialog share: a Call-ID and the
// numbers of their CSeq, RFC 3261 §10.2. The zero value is a new one.
type Thread struct {
	mu     sync.Mutex
	callID string
	seq    uint32
}

// next is the Call-ID and the number of the next request.
func (t *Thread) next() (callID string, seq uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.callID == "" {
		t.callID = newTag() + newTag()
	}
	t.seq++
	return t.callID, t.seq
}

// outside is a request that makes no dialog and belongs to none.
type outside struct {
	method   sipgo.RequestMethod
	uri      string // Request-URI
	from, to string // SIP URIs; from "" = our own
	user     string // of our Contact; "" = Config.Username
	proxy    string // SIP URI that it is sent to; "" = uri
	routes   []string
	headers  []Header
	digest   *Digest
	thread   *Thread
}

// answered is the final response to a request outside a dialog.
type answered struct {
	res     *sipgo.Response
	contact sipgo.Uri   // ours, as it was sent
	conn    *streamConn // it came by; nil for UDP
}

// ask sends a request outside a dialog and waits for its final response.
func (u *UA) ask(ctx context.Context, o outside) (answered, error) {
	var a answered
	if err := u.awaitServe(ctx); err != nil {
		return a, err
	}
	uris, err := parseURIs(append([]string{o.uri, o.to, o.proxy, o.from}, o.routes...))
	if err != nil {
		return a, err
	}
	target, to, routes := uris[0], uris[1], uris[4:]
	next := target
	switch {
	case o.proxy != "":
		next = uris[2]
	case len(routes) > 0:
		next = routes[0]
	}
	tag := newTag()
	_, err = u.overHops(ctx, next, nil, func(h attempt) (*sipgo.Response, error) {
		if _, err := h.flow.route(); err != nil {
			return nil, err
		}
		ctx := ctx
		if !h.last { // the patience for the first response is that for the final one
			var done context.CancelFunc
			ctx, done = context.WithTimeoutCause(ctx, h.patience, ErrTimeout)
			defer done()
		}
		a.contact, a.conn = o.contact(h.flow), h.flow.conn
		from := uris[3]
		if o.from == "" {
			from = sipgo.Uri{Scheme: "sip", User: a.contact.User, Host: a.contact.Host}
		}
		a.res, err = u.authorized(ctx, o.digest, func() (*sipgo.Request, *flow, error) {
			callID, seq := o.thread.next()
			req := u.outsideRequest(o, target, callID, seq)
			req.AppendHeader(&sipgo.FromHeader{Address: from, Params: sipgo.HeaderParams{{K: "tag", V: tag}}})
			req.AppendHeader(&sipgo.ToHeader{Address: to})
			req.AppendHeader(&sipgo.ContactHeader{Address: a.contact})
			for _, r := range routes {
				req.AppendHeader(&sipgo.RouteHeader{Address: r})
			}
			return req, h.flow, nil
		})
		return a.res, err
	})
	return a, err
}

// contact is our Contact by a flow.
func (o outside) contact(f *flow) sipgo.Uri {
	c := f.contact()
	if o.user != "" {
		c.User = escapeUser(o.user)
	}
	return c
}

// outsideRequest is the request but for the header fields that name places.
func (u *UA) outsideRequest(o outside, target sipgo.Uri, callID string, seq uint32) *sipgo.Request {
	req := sipgo.NewRequest(o.method, target)
	hops, id := sipgo.MaxForwardsHeader(maxForwards), sipgo.CallIDHeader(callID)
	req.AppendHeader(&hops)
	req.AppendHeader(&id)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: seq, MethodName: o.method})
	req.AppendHeader(sipgo.NewHeader("User-Agent", u.cfg.UserAgent))
	appendHeaders(req, o.headers)
	req.SetBody(nil)
	return req
}

// parseURIs reads SIP URIs; empty ones stay empty.
func parseURIs(list []string) ([]sipgo.Uri, error) {
	uris := make([]sipgo.Uri, len(list))
	for i, s := range list {
		if s == "" {
			continue
		}
		var err error
		if uris[i], err = parseURI(s); err != nil {
			return nil, err
		}
	}
	return uris, nil
}
