package sip

import (
	"errors"
	"math/rand/v2"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// within finds the dialog of a request that has a To tag; nil if there is
// none, or if it is another's.
func (u *UA) within(in *incoming) *Dialog {
	d := u.dialogs.find(in.dialogID())
	if d == nil || d.peerOf(in.fromTag) == nil {
		return nil
	}
	return d
}

// request handles a request within the dialog. It runs in the call's mailbox.
func (d *Dialog) request(in *incoming) {
	handled := false
	defer func() {
		if !handled { // a panic, which the mailbox survives
			d.failed(in)
		}
	}()
	d.sort(in)
	handled = true
}

// failed answers a request whose handling has failed, unless that is done.
func (d *Dialog) failed(in *incoming) {
	t := d.ua.txs.findServer(in.key)
	switch {
	case t != nil:
		_ = t.respond(t.response(codeInternal, "")) // it repeats itself
	case in.req.Method != sipgo.INVITE && in.req.Method != sipgo.ACK:
		d.ua.replyCode(in, refuse(codeInternal))
	}
}

// sort hands a request to who handles its method.
func (d *Dialog) sort(in *incoming) {
	switch in.req.Method {
	case sipgo.ACK:
		d.acknowledged(in)
	case sipgo.BYE:
		d.hungUp(in)
	case sipgo.INVITE:
		d.reinvited(in)
	case sipgo.UPDATE:
		d.updated(in)
	case sipgo.PRACK:
		d.pracked(in)
	case sipgo.INFO:
		d.informed(in)
	case sipgo.REFER:
		d.referred(in)
	case sipgo.NOTIFY:
		d.notified(in)
	case sipgo.OPTIONS:
		if d.sequence(in) {
			d.ua.reply(in, d.ua.capabilities(in.req))
		}
	}
}

// acknowledged handles an ACK of a 2xx. Later and repeated ones are absorbed.
func (d *Dialog) acknowledged(in *incoming) {
	d.mu.Lock()
	if d.unacked == nil || d.unacked.cseq != in.cseq {
		d.mu.Unlock()
		d.ua.m.drop(dropRepeated)
		return
	}
	d.mu.Unlock()
	d.settle(sdpOf(in.req))
}

// settle ends the wait for an ACK, tells the Session, and sends the BYE that
// had to wait.
func (d *Dialog) settle(body []byte) {
	d.mu.Lock()
	a := d.settleLocked()
	if a == nil {
		d.mu.Unlock()
		return
	}
	if !a.late {
		body = nil
	}
	s, bye := d.session, d.bye
	d.bye = nil
	d.peer.describe(nil, body)
	if s == nil {
		d.heldACK = &heldACK{body: body}
	}
	ended := d.state == stateEnded
	d.mu.Unlock()
	if bye != nil {
		d.sayBye(bye.headers)
	}
	if s != nil && !ended {
		s.Acknowledged(body)
	}
}

// hungUp handles a BYE, RFC 3261 §15.1.2.
func (d *Dialog) hungUp(in *incoming) {
	if !d.peer.is(in.fromTag) {
		// The end of an INVITE of ours is a final response, RFC 3261 §15.
		d.ua.replyCode(in, refuse(codeNoDialog))
		return
	}
	if !d.peer.accepts(in.cseq) {
		d.ua.replyCode(in, &refusal{code: codeInternal, headers: overlap()})
		return
	}
	if d.invite == nil || !d.is(stateEarly) || d.refuseInvite(ErrRemoteBye, codeTerminated, "") != nil { // else the INVITE was pending
		d.end(ErrRemoteBye)
		d.mu.Lock()
		d.bye = nil
		d.mu.Unlock()
		d.forgetIfOurs()
	}
	d.ua.replyCode(in, &refusal{code: codeOK})
}

// sequence applies RFC 3261 §12.2.2: numbers must rise. It answers for the
// request if they do not, or if the dialog has ended.
func (d *Dialog) sequence(in *incoming) bool {
	d.mu.Lock()
	ended := d.state == stateEnded
	d.mu.Unlock()
	p := d.peerOf(in.fromTag)
	switch {
	case ended || p == nil:
		d.ua.replyCode(in, refuse(codeNoDialog))
	case !p.accepts(in.cseq):
		d.ua.replyCode(in, &refusal{code: codeInternal, headers: overlap()})
	default:
		p.heardBy(in.origin(d.ua))
		return true
	}
	return false
}

// maxOverlapSeconds bounds the Retry-After of a request that came before the
// one in front of it was done, RFC 3261 §14.2.
const maxOverlapSeconds = 10

func overlap() []Header {
	return []Header{retryAfter(time.Duration(rand.IntN(maxOverlapSeconds+1)) * time.Second)}
}

// glare says why an offer of the far end cannot be handled now, RFC 3261
// §14.2 and RFC 3311 §5.2; nil if it can.
func (d *Dialog) glare(in *incoming) *refusal {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state == stateEnded:
		return refuse(codeNoDialog)
	case d.state == stateEarly && in.req.Method == sipgo.UPDATE && d.settledLocked(in.fromTag):
		// Offer and answer of the INVITE went through in provisional responses.
		if d.inviting {
			return refuse(codePending)
		}
	case d.state == stateEarly && d.invite != nil && d.ext.rel.waiting() && d.inv.Offer == nil:
		return refuse(codePending)
	case d.state == stateEarly && d.invite != nil:
		// Its first INVITE has no final response.
		return &refusal{code: codeInternal, headers: overlap()}
	case d.state == stateEarly, d.inviting, d.unacked != nil && d.unacked.late:
		// An offer of ours has no answer.
		return refuse(codePending)
	}
	return nil
}

// reinvited handles a re-INVITE.
func (d *Dialog) reinvited(in *incoming) {
	u := d.ua
	if s, known := u.seen.claim(in.inviteID(), seenInvite{key: in.key, toTag: d.id.localTag}); known {
		u.invitedAgain(in, s)
		return
	}
	t, ok := u.newInviteTx(in, d.id.localTag, nil)
	if !ok {
		return
	}
	refuse := func(r *refusal) { _ = t.respond(t.response(r.code, r.reason, r.headers...)) } // it repeats itself
	p := d.peerOf(in.fromTag)
	if p == nil { // another has answered meanwhile
		refuse(&refusal{code: codeNoDialog})
		return
	}
	if !p.accepts(in.cseq) {
		refuse(&refusal{code: codeInternal, headers: overlap()})
		return
	}
	if r := d.glare(in); r != nil {
		refuse(r)
		return
	}
	agreed, timer, r := u.judgeSession(in.req)
	if r != nil {
		refuse(r)
		return
	}
	// Who sends a re-INVITE has our 2xx: its ACK is late or lost.
	d.settle(nil)
	offer := sdpOf(in.req)
	body, r := d.reoffer(p, offer)
	if r != nil {
		refuse(r)
		return
	}
	d.peer.refresh(in.req.Contact(), in.req.Via(), in.origin(u))
	d.peer.learn(in.req)
	res := d.ok(t, body, timer...)
	d.mu.Lock()
	if d.state != stateConfirmed { // hung up by the Session
		d.mu.Unlock()
		refuse(&refusal{code: codeTerminated})
		return
	}
	d.awaitACKLocked(res, t, offer == nil)
	d.mu.Unlock()
	d.keepSession(agreed)
	_ = t.accept(res) // repeated until the ACK
}

// origin is the way to where a request came from.
func (in *incoming) origin(u *UA) *flow {
	return &flow{ua: u, sock: in.src.sock, conn: in.src.conn, to: in.src.addr}
}

// reoffer asks the Session for what an offer of p is answered with.
func (d *Dialog) reoffer(p *peer, offer []byte) ([]byte, *refusal) {
	d.mu.Lock()
	s := d.session
	d.mu.Unlock()
	if s == nil {
		return nil, refuse(codeNotHere)
	}
	body, err := s.Reoffer(d.nameOf(p), offer)
	if err != nil {
		return nil, refusalOf(err, codeNotHere)
	}
	p.describe(body, offer)
	return body, nil
}

// refusalOf turns an error of the Session into a response.
func refusalOf(err error, code int, h ...Header) *refusal {
	e, ok := errors.AsType[*StatusError](err)
	if !ok || e.Code < 300 || e.Code > 699 {
		return &refusal{code: code, headers: h}
	}
	r := &refusal{code: e.Code, reason: e.Reason}
	if e.RetryAfter > 0 {
		r.headers = append(r.headers, retryAfter(e.RetryAfter))
	}
	return r
}

// updated handles an UPDATE, RFC 3311.
func (d *Dialog) updated(in *incoming) {
	if !d.sequence(in) {
		return
	}
	u, p := d.ua, d.peerOf(in.fromTag)
	if p == nil { // the dialog has ended meanwhile
		u.replyCode(in, refuse(codeNoDialog))
		return
	}
	agreed, timer, r := u.judgeSession(in.req)
	if r != nil {
		u.replyCode(in, r)
		return
	}
	d.mu.Lock()
	timed := d.state == stateConfirmed // RFC 4028 §4: not before the answer
	d.mu.Unlock()
	if !timed {
		timer = nil
	}
	offer := sdpOf(in.req)
	var body []byte
	if offer != nil {
		r := d.glare(in)
		if r == nil {
			body, r = d.reoffer(p, offer)
		}
		if r != nil {
			u.replyCode(in, r)
			return
		}
	}
	p.refresh(in.req.Contact(), in.req.Via(), in.origin(u))
	p.learn(in.req)
	h := append([]Header{{"Allow", allowedMethods}, {"Supported", u.cfg.supported()}}, timer...)
	res := u.response(in.req, codeOK, "", d.id.localTag, h...)
	res.AppendHeader(&sipgo.ContactHeader{Address: p.contact})
	withSDP(res, body)
	if timed {
		d.keepSession(agreed)
	}
	u.reply(in, res)
}

// informed handles an INFO in its legacy use, RFC 6086 §4.
func (d *Dialog) informed(in *incoming) {
	if !d.sequence(in) {
		return
	}
	u := d.ua
	if in.req.GetHeader("Info-Package") != nil {
		u.replyCode(in, refuse(codeBadInfo, Header{"Recv-Info", ""}))
		return
	}
	if len(in.req.Body()) == 0 {
		u.replyCode(in, &refusal{code: codeOK})
		return
	}
	d.mu.Lock()
	s := d.session
	d.mu.Unlock()
	accept := Header{"Accept", acceptedInfo}
	if s == nil {
		u.replyCode(in, refuse(codeMediaType, accept))
		return
	}
	if err := s.Info(in.cseq, mediaType(in.req), in.req.Body()); err != nil {
		u.replyCode(in, refusalOf(err, codeMediaType, accept))
		return
	}
	u.replyCode(in, &refusal{code: codeOK})
}
