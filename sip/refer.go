package sip

import (
	"net/url"
	"strconv"
	"strings"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// Referrer is a Session that can be asked to call somebody else. One that
// cannot declines.
type Referrer interface {
	// Refer is a REFER of the far end (RFC 3515 §2.4.2). nil accepts it: what
	// becomes of it is told by r.Tell. An error refuses it as in Reoffer, by
	// default with 603. It does not wait.
	Refer(r *Referral) error
}

// Referral is a REFER of the far end.
type Referral struct {
	To       string    // sip or tel URI to be called, without headers
	Replaces *Replaces // the dialog there to be replaced; nil: none
	By       string    // value of Referred-By, to be sent along (RFC 3892); "" if there is none

	told *telling // nil: nobody wants to know (RFC 4488)
}

// Tell tells the far end how far it is: a provisional or the final status of
// the INVITE that it had asked for. After the final one nothing is told. It
// does not wait.
func (r *Referral) Tell(code int, reason string) {
	if r.told != nil {
		r.told.tell(code, reason)
	}
}

// Told is closed when the final status has reached the far end, or cannot.
func (r *Referral) Told() <-chan struct{} {
	if r.told == nil {
		done := make(chan struct{})
		close(done)
		return done
	}
	return r.told.done
}

// Status codes of this file and of replaces.go and notify.go.
const (
	codeAccepted = 202
	codeBusy     = 486
	codeBadEvent = 489
)

// referrals are those of a dialog, guarded by its mu.
type referrals struct {
	telling *telling // the far end's REFER under way
	asked   *asked   // ours
	heard   bool     // the far end has sent one before: its Event needs an id
}

// referred handles a REFER, RFC 3515 §2.4.2. One at a time.
func (d *Dialog) referred(in *incoming) {
	if !d.sequence(in) {
		return
	}
	r, wanted, bad := referralOf(in.req)
	if bad != nil {
		d.ua.replyCode(in, bad)
		return
	}
	d.mu.Lock()
	s, _ := d.session.(Referrer)
	ready, busy := d.state == stateConfirmed && d.unacked == nil, d.refers.telling != nil
	t := &telling{dialog: d, held: true, done: make(chan struct{}), event: "refer"}
	if d.refers.heard {
		t.event += ";id=" + strconv.FormatUint(uint64(in.cseq), 10)
	}
	if ready && !busy && s != nil {
		d.refers.telling, d.refers.heard = t, true
	}
	d.mu.Unlock()
	switch {
	case s == nil:
		d.ua.replyCode(in, refuse(codeDecline))
		return
	case busy, !ready:
		d.ua.replyCode(in, refuse(codePending))
		return
	}
	if wanted {
		r.told = t
	}
	if err := s.Refer(r); err != nil {
		t.release(false)
		d.ua.replyCode(in, refusalOf(err, codeDecline))
		return
	}
	d.peer.refresh(in.req.Contact(), in.req.Via(), in.origin(d.ua))
	var hs []Header
	if !wanted {
		hs = append(hs, Header{"Refer-Sub", "false"})
	}
	res := d.ua.response(in.req, codeAccepted, "", d.id.localTag, hs...)
	res.AppendHeader(&sipgo.ContactHeader{Address: d.peer.contact})
	d.ua.reply(in, res)
	t.release(wanted)
}

// referralOf reads a REFER. wanted says whether the far end is to be told what
// becomes of it.
func referralOf(req *sipgo.Request) (r *Referral, wanted bool, bad *refusal) {
	to := values(req, "Refer-To")
	if len(to) != 1 || len(to[0]) > maxReferTo {
		return nil, false, badRequest("One Refer-To Is Needed")
	}
	r, bad = parseReferTo(to[0])
	if bad != nil {
		return nil, false, bad
	}
	if by := values(req, "Referred-By"); len(by) == 1 && len(by[0]) <= maxReferredBy {
		r.By = by[0]
	}
	wanted = true
	for _, v := range values(req, "Refer-Sub") {
		v, _, _ = strings.Cut(v, ";")
		wanted = wanted && !equalFold(strings.TrimSpace(v), "false")
	}
	return r, wanted, nil
}

// parseReferTo reads a Refer-To. Of the header fields in its URI Replaces
// counts, the others are left out.
func parseReferTo(value string) (*Referral, *refusal) {
	bad := badRequest("Bad Refer-To")
	if len(splitList(value)) != 1 || strings.ContainsAny(value, "\r\n\x00") {
		return nil, bad
	}
	uri := value
	if i := strings.LastIndexByte(value, '<'); i >= 0 {
		var closed bool
		if uri, _, closed = strings.Cut(value[i+1:], ">"); !closed {
			return nil, bad
		}
	}
	uri, headers, _ := strings.Cut(strings.TrimSpace(uri), "?")
	scheme, rest, _ := strings.Cut(uri, ":")
	r := &Referral{}
	switch {
	case equalFold(scheme, "tel") && rest != "" && strings.Trim(rest, "+0123456789-.()") == "":
		r.To = "tel:" + rest
	case equalFold(scheme, "sip"):
		parsed, err := parseURI(uri)
		if err != nil {
			return nil, bad
		}
		if method, ok := param(parsed.UriParams, "method"); ok && !equalFold(method, "INVITE") {
			return nil, refuse(codeDecline)
		}
		parsed.UriParams = without(parsed.UriParams, "method")
		r.To = parsed.String()
	default:
		return nil, refuse(codeScheme)
	}
	for h := range strings.SplitSeq(headers, "&") {
		name, escaped, _ := strings.Cut(h, "=")
		if !equalFold(name, "Replaces") {
			continue
		}
		text, err := url.PathUnescape(escaped)
		if err != nil || r.Replaces != nil {
			return nil, bad
		}
		replaces, err := ParseReplaces(text)
		if err != nil {
			return nil, bad
		}
		r.Replaces = &replaces
	}
	return r, nil
}

// without is ps without the parameter of that name.
func without(ps sipgo.HeaderParams, name string) sipgo.HeaderParams {
	var rest sipgo.HeaderParams
	for _, p := range ps {
		if !equalFold(p.K, name) {
			rest = append(rest, p)
		}
	}
	return rest
}

// telling is the implicit subscription of a REFER of the far end: it tells the
// far end by NOTIFY what becomes of it, RFC 3515 §2.4.4.
type telling struct {
	dialog *Dialog
	event  string
	done   chan struct{} // closed after the last NOTIFY

	mu      sync.Mutex
	held    bool // the REFER has no response yet
	working bool // somebody sends
	ended   bool // the final status is queued or sent
	queue   []Progress
}

// PhoneAt is the name of the phone that a SIP URI at a domain or address of
// ours is for (Access.Phones), "" if it is for none.
func (u *UA) PhoneAt(uri string) string {
	parsed, err := parseURI(uri)
	if err != nil {
		return ""
	}
	name, _ := u.phoneAt(&parsed)
	return name
}
