package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"mediaserver/internal/apart"
)

// invited handles an INVITE outside a dialog. It runs on a reader and does
// not wait.
func (u *UA) invited(in *incoming) {
	if s, known := u.seen.get(in.inviteID()); known && s.key == in.key {
		u.invitedAgain(in, s) // whatever room and rights there are by now
		return
	}
	if r := u.admit(in); r != nil {
		u.refuseStateless(in.req, in.back, r)
		return
	}
	if _, r := u.replacedBy(in.req); r != nil {
		u.refuseStateless(in.req, in.back, r)
		return
	}
	_, _, r := u.judgeSession(in.req)
	if r == nil {
		r = u.judgeReliable(in.req)
	}
	if r != nil {
		u.refuseStateless(in.req, in.back, r)
		return
	}
	tag := newTag()
	if s, known := u.seen.claim(in.inviteID(), seenInvite{key: in.key, toTag: tag}); known {
		u.invitedAgain(in, s)
		return
	}
	seat, ok := u.guard.seat(in.src)
	if !ok {
		u.seen.forget(in.inviteID())
		u.refuseStateless(in.req, in.back, refuse(codeNoService, retryAfter(u.cfg.RetryAfter)))
		return
	}
	t, ok := u.newInviteTx(in, tag, seat.leave)
	if !ok {
		u.seen.forget(in.inviteID())
		seat.leave()
		return
	}
	ctx, cancel := u.base()
	d := newDialog(u, dialogID{callID: in.callID, localTag: tag}, peerOfUAS(u, in, tag), cancel)
	d.invite, d.seat = t, seat
	if !u.dialogs.add(d) || !d.post(func() { apart.Run(func() { d.begin(ctx) }) }) {
		cancel(ErrClosed)
		d.remove()
		_ = t.respond(t.response(codeNoService, "", retryAfter(u.cfg.RetryAfter))) // best effort
	}
}

// admit applies the limits on new calls.
func (u *UA) admit(in *incoming) *refusal {
	if r := u.judge(in); r != nil {
		return r
	}
	if after := u.draining(); after > 0 {
		return refuse(codeNoService, retryAfter(after))
	}
	if u.dialogs.full() {
		return refuse(codeNoService, retryAfter(u.cfg.RetryAfter))
	}
	return nil
}

// invitedAgain is a copy of an INVITE that is or was handled.
func (u *UA) invitedAgain(in *incoming, s seenInvite) {
	switch {
	case s.code >= 300:
		// Refused before: the same again, whatever way it came.
		u.m.resend(resentIn)
		_ = in.back.send(u.response(in.req, s.code, s.reason, s.toTag)) // counted there
	case s.key == in.key:
		// Accepted, and the 2xx repeats itself until the ACK (RFC 6026 §7.1).
		u.m.resend(resentIn)
		u.m.drop(dropRepeated)
	default:
		// Merged: it came by two paths, RFC 3261 §8.2.2.2.
		u.refuseStateless(in.req, in.back, refuse(codeLoop))
	}
}

// begin answers 100 and has the Handler follow. First in the call's mailbox, whose
// goroutine waits with the Handler then: so it is run apart.
func (d *Dialog) begin(ctx context.Context) {
	_ = d.invite.respond(d.invite.response(codeTrying, "")) // the INVITE will come again
	in := d.invite.in
	d.log("SIP call came in", slog.String("source", in.src.addr.String()))
	u := d.ua
	if _, err := d.peer.flow.route(); err != nil { // an ACK would not find us
		u.quiet.warn("SIP call refused", slog.Any("error", err))
		_ = d.refuseInvite(err, codeNoService, "", retryAfter(u.cfg.RetryAfter)) // as every refusal
		return
	}
	d.peer.contact = d.peer.flow.contact()
	if wantsSIPS(in.req) {
		d.peer.contact = secureContact(d.peer.contact)
	}
	d.inv = invitationOf(in, d.peer.flow)
	if u.cfg.Incoming != nil && d.inv.Source != "" {
		d.inv = u.cfg.Incoming(d.inv)
	}
	replaced, r := u.replacedBy(in.req)
	if r != nil { // it has ended meanwhile
		_ = d.refuseInvite(ErrRejected, r.code, r.reason, r.headers...) // as every refusal
		return
	}
	d.inv.Replaces = replaced
	if !u.boxes.follow(d.id.callID, func() { u.try(func() { u.handler(ctx, d) }); d.handled(ctx) }) {
		d.end(ErrClosed)
		d.remove()
	}
}

// handled ends what the Handler has left alive.
func (d *Dialog) handled(ctx context.Context) {
	if d.is(stateEnded) {
		return
	}
	err := d.Reject(codeUnavailable, "")
	if errors.Is(err, ErrState) {
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), d.ua.cfg.Timers.transaction())
		defer done()
		_ = d.Bye(ctx) // there is nobody to tell
	}
}

// invitationOf reads an INVITE.
func invitationOf(in *incoming, f *flow) Invitation {
	req := in.req
	from, to := req.From(), req.To()
	inv := Invitation{
		CallID:     in.callID,
		From:       addressOf(from.DisplayName, &from.Address),
		To:         addressOf(to.DisplayName, &to.Address),
		RequestURI: addressOf("", &req.Recipient),
		Diversion:  diversionOf(req),
		Headers:    otherHeaders(req),
		RemoteAddr: in.src.addr,
		LocalAddr:  f.local().WithZone(""),
		Transport:  strings.ToLower(f.transport()),
		Offer:      sdpOf(req),
		Source:     in.trunk,
		Login:      in.login,
	}
	if inv.Source != "" { // nobody else is believed
		inv.Asserted, inv.Attestation = asserted(req), attestationOf(req)
	}
	return inv
}

// splitList splits a header value at the commas outside quotes and brackets.
// There is always at least one part.
func splitList(s string) []string { return splitOutside(s, ',') }

// splitOutside splits a header value as splitList does, at another separator.
func splitOutside(s string, separator byte) []string {
	var parts []string
	quoted, bracket, start := false, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == separator && !bracket:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// uriIn is the URI of a name-addr, bare as Address.URI.
func uriIn(s string) string {
	var uri sipgo.Uri
	if _, err := sipgo.ParseAddressValue(strings.TrimSpace(s), &uri, nil); err != nil {
		return ""
	}
	return addressOf("", &uri).URI
}

// otherHeaders are the header fields that the package does not use itself;
// credentials are left out.
func otherHeaders(req *sipgo.Request) []Header {
	var hs []Header
	for _, h := range req.Headers() {
		switch strings.ToLower(h.Name()) {
		case "via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route",
			"content-type", "content-length", "content-encoding", "content-disposition",
			"authorization", "proxy-authorization", "require", "proxy-require":
			continue
		}
		hs = append(hs, Header{h.Name(), h.Value()})
	}
	return hs
}

// Progress sends a provisional response of 101 to 199 with an optional SDP
// body. ErrState after the final response.
func (d *Dialog) Progress(code int, reason string, body []byte) error {
	if code <= codeTrying || code >= codeOK || d.invite == nil {
		return fmt.Errorf("%w: progress with %d", ErrState, code)
	}
	if !d.remind(code, reason, body) {
		return d.stateErr()
	}
	if d.reliably() {
		return d.progressReliably(code, reason, body)
	}
	res := d.invite.response(code, reason)
	res.AppendHeader(&sipgo.ContactHeader{Address: d.peer.contact})
	withSDP(res, body)
	return d.invite.respond(res)
}

// reminderEvery is how often a provisional response is sent again while the call has
// no final one, RFC 3261 §13.3.1.1: proxies cancel an INVITE after 3 min of silence.
const reminderEvery = time.Minute

// remind has a provisional response sent again in a minute, if no other is sent
// before. false: the call is not early any more.
func (d *Dialog) remind(code int, reason string, body []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != stateEarly {
		return false
	}
	d.ext.forgetReminder()
	d.ext.reminder = time.AfterFunc(reminderEvery, func() {
		d.ua.own.run(func() { _ = d.Progress(code, reason, body) }) // who waits for it has the timer of his own
	})
	return true
}

// Answer sends the 200 with an SDP body (an offer if the INVITE had none) and
// returns at once; it is repeated until the ACK comes. h are sent along. While
// an earlier body waits for its PRACK the 200 does as well, RFC 3262 §3; what
// was sent reliably is not sent again.
func (d *Dialog) Answer(body []byte, h ...Header) error {
	if d.invite == nil {
		return fmt.Errorf("%w: not an incoming call", ErrState)
	}
	d.mu.Lock()
	r := &d.ext.rel
	switch {
	case d.state != stateEarly || r.held != nil:
		d.mu.Unlock()
		return d.stateErr()
	case r.waiting():
		r.held = func() error { return d.accept(nil, h) }
		d.mu.Unlock()
		return nil
	case r.given:
		body = nil
	}
	d.mu.Unlock()
	return d.accept(body, h)
}

// accept sends the 200 to the INVITE that made the dialog. body is nil if
// offer and answer are through.
func (d *Dialog) accept(body []byte, h []Header) error {
	agreed, timer, _ := d.ua.judgeSession(d.invite.in.req) // not refused when it came
	if body != nil {
		d.peer.describe(body, d.inv.Offer)
	}
	res := d.ok(d.invite, body, append(timer, h...)...)
	d.mu.Lock()
	if d.state != stateEarly {
		d.mu.Unlock()
		return d.stateErr()
	}
	d.state = stateConfirmed
	d.ext.rel.answered()
	d.ext.forgetReminder()
	d.awaitACKLocked(res, d.invite, d.inv.Offer == nil && !d.ext.rel.given)
	d.mu.Unlock()
	d.keepSession(agreed)
	if err := d.invite.accept(res); err != nil {
		if !d.invite.in.back.alive() && d.end(err) {
			d.remove()
		}
		return err
	}
	return nil
}

// ok builds the 200 to an INVITE.
func (d *Dialog) ok(t *inviteTx, body []byte, h ...Header) *sipgo.Response {
	res := t.response(codeOK, "", append([]Header{{"Allow", allowedMethods}, {"Supported", d.ua.cfg.supported()}}, h...)...)
	res.AppendHeader(&sipgo.ContactHeader{Address: d.peer.contact})
	withSDP(res, body)
	return res
}

// Reject refuses the INVITE with a code of 300 to 699 and ends the dialog.
func (d *Dialog) Reject(code int, reason string, h ...Header) error {
	if code < 300 || code > 699 || d.invite == nil {
		return fmt.Errorf("%w: reject with %d", ErrState, code)
	}
	return d.refuseInvite(ErrRejected, code, reason, h...)
}

// refuseInvite ends an early dialog with a final response.
func (d *Dialog) refuseInvite(why error, code int, reason string, h ...Header) error {
	if !d.endIn(why, stateEarly) {
		return d.stateErr()
	}
	err := d.invite.respond(d.invite.response(code, reason, h...))
	d.remove()
	if code == codeNotFound {
		d.ua.guard.blame(d.invite.in.src, offenceUnknown, false)
	}
	return err
}

// cancelled handles a CANCEL of the INVITE, RFC 3261 §9.2: it is answered in
// any case, and has an effect before the final response.
func (d *Dialog) cancelled(in *incoming) {
	_ = in.back.send(d.ua.response(in.req, codeOK, "", d.id.localTag)) // it will come again
	_ = d.refuseInvite(ErrCancelled, codeTerminated, "")               // too late is no error
}

// acceptance is a 2xx of ours that waits for its ACK, RFC 3261 §13.3.1.4.
type acceptance struct {
	res      *sipgo.Response
	flow     *flow
	cseq     uint32
	late     bool // it bears an offer, the answer comes in the ACK
	initial  bool // it answers the INVITE that made the dialog
	interval time.Duration
	deadline time.Time
	timer    *time.Timer
}

// awaitACKLocked starts to repeat a 2xx, over TCP as well: there may be UDP
// further on.
func (d *Dialog) awaitACKLocked(res *sipgo.Response, t *inviteTx, late bool) {
	d.settleLocked()
	timers := d.ua.cfg.Timers
	a := &acceptance{
		res: res, flow: t.in.back, cseq: t.in.cseq, late: late, initial: t == d.invite,
		interval: timers.T1, deadline: time.Now().Add(timers.NoACK),
	}
	a.timer = time.AfterFunc(a.interval, func() { d.ua.own.run(func() { d.repeat(a) }) })
	d.unacked = a
}

// repeat sends a 2xx again, or gives up.
func (d *Dialog) repeat(a *acceptance) {
	now := time.Now()
	d.mu.Lock()
	if d.unacked != a {
		d.mu.Unlock()
		return
	}
	if !now.Before(a.deadline) {
		d.settleLocked()
		d.mu.Unlock()
		d.neverAcknowledged()
		return
	}
	a.interval = min(2*a.interval, d.ua.cfg.Timers.T2)
	a.timer.Reset(min(a.interval, a.deadline.Sub(now)))
	d.mu.Unlock()
	_ = a.flow.resend(a.res, resentAnswer) // counted there, and there is a next time
}

// neverAcknowledged ends a dialog whose 2xx got no ACK: with a BYE, which the
// end of the INVITE's transaction now allows.
func (d *Dialog) neverAcknowledged() {
	d.ua.quiet.warn("SIP answer never acknowledged", slog.String("sip_call_id", d.id.callID))
	d.mu.Lock()
	bye := d.bye
	d.bye = nil
	d.mu.Unlock()
	switch {
	case bye != nil:
		d.sayBye(bye.headers)
	case !d.end(ErrNoACK):
	case d.invite != nil && !d.ua.guard.proven(d.invite.in.src):
		d.sayByeOnce()
	default:
		d.sayBye(nil)
	}
}
