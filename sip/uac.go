package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// maxChallenges is how often an INVITE is sent again with credentials: once
// for a proxy, once for the far end, and each once more for a stale nonce.
const maxChallenges = 4

// outgoing is what a dialog that we started knows of its INVITE.
type outgoing struct {
	request  InviteRequest
	cseq     uint32        // of the INVITE whose answer is wanted, under Dialog.mu; 0: of none
	answered chan struct{} // closed when a 2xx has been handled
	body     []byte        // SDP of the 2xx, set before answered is closed
	err      error         // the 2xx could not be used, as body

	forks     map[string]*fork // early dialogs by the far end's tag, under Dialog.mu
	redirects redirects
}

// Invite places a call and returns when it is answered; it waits for Serve to
// have begun. onProgress (may be
// nil) is called for each provisional response above 100; it must not wait,
// for the answer comes after it. If ctx ends first
// the INVITE is cancelled and context.Cause(ctx) is returned. A refusal is a
// *StatusError, no response at all ErrTimeout. A phone of ours (Access.Phones)
// rings at all its contacts.
func (u *UA) Invite(ctx context.Context, r InviteRequest, onProgress func(Progress)) (*Dialog, error) {
	r = r.private()
	if r.Proxy == "" && len(r.Routes) == 0 {
		switch contacts, err := u.contactsOf(r.To); {
		case err != nil:
			return nil, err
		case contacts != nil:
			return u.ring(ctx, r, contacts, onProgress)
		}
	}
	return u.invite(ctx, r, onProgress)
}

// invite places a call to one place.
func (u *UA) invite(ctx context.Context, r InviteRequest, onProgress func(Progress)) (*Dialog, error) {
	if r.SDP == nil && r.Answer == nil {
		return nil, errors.New("sip: an INVITE without offer needs an Answer function")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	d, way, err := u.prepare(ctx, r, cancel)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	for {
		res, err := way.over(ctx, func(a attempt) (*sipgo.Response, error) {
			if _, err := a.flow.route(); err != nil {
				return nil, err
			}
			d.leaveBy(a.flow)
			if r.Patience > 0 {
				a.patience = min(a.patience, r.Patience)
			}
			return d.place(ctx, a, onProgress)
		})
		switch {
		case err != nil:
			d.abandon(err)
			return nil, err
		case res == nil:
			return d.answeredBy()
		}
		if way, err = d.elsewhere(ctx, res); err != nil {
			d.abandon(err)
			return nil, err
		}
	}
}

// answeredBy is the result of a handled 2xx.
func (d *Dialog) answeredBy() (*Dialog, error) {
	if err := d.out.err; err != nil {
		return nil, err
	}
	return d, nil
}

// prepare makes the early dialog and finds the way.
func (u *UA) prepare(ctx context.Context, r InviteRequest, cancel context.CancelCauseFunc) (*Dialog, *hunt, error) {
	if err := u.awaitServe(ctx); err != nil {
		return nil, nil, err
	}
	target, err := parseURI(r.To)
	if err != nil {
		return nil, nil, err
	}
	next := target
	if r.Proxy != "" {
		if next, err = parseURI(r.Proxy); err != nil {
			return nil, nil, err
		}
	} else if len(r.Routes) > 0 {
		if next, err = parseURI(r.Routes[0]); err != nil {
			return nil, nil, err
		}
	}
	way, err := u.huntFor(ctx, next, r.contact)
	if err != nil {
		return nil, nil, err
	}
	f, err := way.first(ctx)
	if err != nil {
		return nil, nil, err
	}
	if _, err = f.route(); err != nil {
		return nil, nil, err
	}
	p, err := u.peerOfUAC(r, target, f)
	if err != nil {
		return nil, nil, err
	}
	p.callContact(r.contact)
	tag, _ := param(p.local.Params, "tag")
	d := newDialog(u, dialogID{callID: p.callID, localTag: tag}, p, cancel)
	if r.Digest == nil {
		r.Digest = NewDigest(r.Username, r.Password)
	}
	p.login = r.Digest
	d.out = &outgoing{request: r, answered: make(chan struct{})}
	d.session = r.Session
	d.inv = Invitation{
		CallID:     p.callID,
		From:       addressOf(p.local.DisplayName, &p.local.Address),
		To:         addressOf("", &p.remote.Address),
		RequestURI: addressOf("", &target),
		Headers:    r.Headers,
		RemoteAddr: f.to,
		LocalAddr:  f.local().WithZone(""),
		Transport:  strings.ToLower(f.transport()),
		Offer:      r.SDP,
		Source:     u.guard.rights.get().trunkOf(bare(f.to.Addr())),
	}
	if r.contact != nil {
		d.inv.Login, _ = u.phoneAt(&target)
	}
	if !u.dialogs.add(d) {
		return nil, nil, &StatusError{Code: codeNoService, Reason: "Too Many Dialogs", RetryAfter: u.cfg.RetryAfter}
	}
	d.log("SIP call goes out", slog.String("target", f.to.String()))
	if r.Named != nil {
		r.Named(p.callID)
	}
	return d, way, nil
}

// peerOfUAC is the dialog that an INVITE of ours will make.
func (u *UA) peerOfUAC(r InviteRequest, target sipgo.Uri, f *flow) (*peer, error) {
	p := &peer{ua: u, callID: newTag() + newTag(), contact: f.contact(), flow: f, target: target}
	p.secure(target)
	from := sipgo.Uri{Scheme: "sip", User: escapeUser(u.cfg.Username), Host: p.contact.Host}
	if strings.ContainsAny(r.From, "@:") {
		uri, err := parseURI(r.From)
		if err != nil {
			return nil, err
		}
		from = uri
	} else if r.From != "" {
		from.User = escapeUser(r.From)
		p.contact.User = from.User
	}
	p.local = sipgo.FromHeader{
		DisplayName: quote(r.DisplayName), Address: from, Params: sipgo.HeaderParams{{K: "tag", V: newTag()}},
	}
	to := *target.Clone()
	to.Headers, to.UriParams = nil, nil
	p.remote = sipgo.ToHeader{Address: to}
	for _, route := range r.Routes {
		uri, err := parseURI(route)
		if err != nil {
			return nil, err
		}
		p.routes = append(p.routes, uri)
	}
	return p, nil
}

// sendInvite sends the INVITE, with the credentials there are.
func (d *Dialog) sendInvite(ctx context.Context, a attempt) (*clientTx, error) {
	d.forgetForks()
	cseq := d.peer.nextSeq()
	d.mu.Lock()
	d.out.cseq = cseq
	d.mu.Unlock()
	r := d.out.request
	req, _ := d.peer.request(sipgo.INVITE, cseq, append(d.timerHeaders(), r.Headers...)...)
	if d.ua.cfg.Reliable == ReliableRequired {
		req.AppendHeader(sipgo.NewHeader("Require", tagReliable))
	}
	auth := r.Digest.headers(string(sipgo.INVITE), req.Recipient.String(), r.SDP)
	appendHeaders(req, auth)
	withSDP(req, r.SDP)
	f := d.ua.wayFor(ctx, req, a)
	stamp(req, f, newBranch())
	return d.ua.newClientTx(req, f, func(res *sipgo.Response) { d.answered(res, f, cseq, auth) })
}

// conclude ends the wait for the answer to the INVITE that was sent last: a 2xx that
// still comes is hung up. False if it has come.
func (d *Dialog) conclude() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == stateConfirmed {
		return false
	}
	d.out.cseq = 0
	return true
}

// await waits for the final response to our INVITE. Both results are nil when
// it is a 2xx, which has been handled then.
func (d *Dialog) await(ctx context.Context, c *clientTx, a attempt, onProgress func(Progress)) (*sipgo.Response, error) {
	t := d.ua.cfg.Timers
	limit := time.NewTimer(a.patience)
	defer limit.Stop()
	rang := false
	for {
		res, err := c.next(ctx, limit.C)
		switch {
		case err != nil && d.hasAnswer():
			return nil, nil
		case err != nil && !rang && !a.last && ctx.Err() == nil && d.conclude():
			d.ua.leave(ctx, c, err) // the next hop's turn
			return nil, err
		case err != nil:
			return nil, d.giveUp(ctx, c, rang, err)
		case res.StatusCode >= 300 && d.conclude():
			return res, nil
		case res.StatusCode >= 300:
			<-d.out.answered // by another branch of a fork
			return nil, nil
		}
		if !rang {
			rang = true
			limit.Reset(t.Answer)
		}
		if res.StatusCode == codeTrying {
			continue
		}
		p, err := d.progress(ctx, res, c.conn.flow)
		if err != nil {
			return nil, d.giveUp(ctx, c, rang, err)
		}
		if p != nil && onProgress != nil {
			onProgress(*p)
		}
	}
}

// hasAnswer: a 2xx to our INVITE has been handled.
func (d *Dialog) hasAnswer() bool {
	select {
	case <-d.out.answered:
		return true
	default:
		return false
	}
}

// giveUp ends the wait for an answer, with a CANCEL if there may be somebody
// to hear it. nil if the answer came at the same time.
func (d *Dialog) giveUp(ctx context.Context, c *clientTx, rang bool, why error) error {
	if !d.endIn(ErrCancelled, stateEarly) {
		select {
		case <-d.out.answered:
			return nil
		case <-d.ended: // with the user agent, or by an answer that cannot be used
			return why
		}
	}
	live := !errors.Is(why, ErrTransport) && (rang || ctx.Err() != nil)
	if !live || !d.ua.own.run(func() { defer d.forget(); d.ua.withdraw(context.WithoutCancel(ctx), c, rang) }) {
		c.tx.Terminate()
		d.forget()
	}
	return why
}

// leave gives up an INVITE that nobody has answered to yet: a hop that was slow and
// rings after all is told.
func (u *UA) leave(ctx context.Context, c *clientTx, why error) {
	if errors.Is(why, ErrTransport) || !u.own.run(func() { u.withdraw(context.WithoutCancel(ctx), c, false) }) {
		c.tx.Terminate()
	}
}

// withdraw cancels an INVITE, RFC 3261 §9.1: after a provisional response,
// and then waits for the final one. A 2xx that comes all the same is taken
// care of by the dialog.
func (u *UA) withdraw(ctx context.Context, c *clientTx, rang bool) {
	limit := time.NewTimer(u.cfg.Timers.transaction())
	defer limit.Stop()
	if !rang {
		res, err := c.next(ctx, limit.C)
		if err != nil {
			c.tx.Terminate()
		}
		if err != nil || res.StatusCode >= 200 {
			return
		}
	}
	_, err := u.exchange(ctx, cancelOf(c.tx.Origin()), c.conn.flow)
	limit.Reset(u.cfg.Timers.transaction())
	for !errors.Is(err, ErrTransport) {
		var res *sipgo.Response
		if res, err = c.next(ctx, limit.C); err != nil {
			break
		}
		if res.StatusCode >= 200 {
			return // sipgo's transaction goes on to acknowledge repetitions
		}
	}
	c.tx.Terminate()
}

// cancelOf builds the CANCEL of a request, RFC 3261 §9.1.
func cancelOf(req *sipgo.Request) *sipgo.Request {
	c := sipgo.NewRequest(sipgo.CANCEL, req.Recipient)
	hops := sipgo.MaxForwardsHeader(maxForwards)
	c.AppendHeader(req.Via().Clone())
	c.AppendHeader(&hops)
	for _, name := range []string{"From", "To", "Call-ID", "Route"} {
		for _, h := range req.GetHeaders(name) {
			c.AppendHeader(sipgo.HeaderClone(h))
		}
	}
	c.AppendHeader(&sipgo.CSeqHeader{SeqNo: req.CSeq().SeqNo, MethodName: sipgo.CANCEL})
	c.SetBody(nil)
	return c
}

// abandon ends a dialog that never was answered.
func (d *Dialog) abandon(err error) {
	if d.end(err) { // else withdraw has it
		d.forget()
	}
}

// forget removes a dialog that we had started, but remembers the INVITE: a
// 2xx of it may still come and must be hung up.
func (d *Dialog) forget() {
	d.ua.ours.put(d.id, struct{}{})
	d.remove()
}

// answered handles a 2xx to an INVITE of ours with that number and those
// credentials, which its ACK has too. That of an INVITE that was given up is hung
// up, for another may be on its way. It runs in the call's mailbox.
func (d *Dialog) answered(res *sipgo.Response, f *flow, cseq uint32, auth []Header) {
	d.mu.Lock()
	if cseq != d.out.cseq {
		d.mu.Unlock()
		d.ua.declineAnswer(res, f)
		return
	}
	if d.state != stateEarly {
		d.mu.Unlock()
		d.repeatedAnswer(res, f)
		return
	}
	d.state = stateConfirmed
	d.mu.Unlock()
	err := errUnhandled
	defer func() {
		if d.out.err = err; err != nil {
			d.end(err)
			d.sayBye(nil)
		}
		close(d.out.answered)
	}()
	early := d.chosen(res)
	if early != nil {
		d.peer.adopt(early.peer)
	}
	d.peer.establish(res, f)
	d.out.request.Digest.renew(res)
	var body []byte
	body, err = d.accepted(res, early)
	d.acknowledge(cseq, body, auth...)
	d.settleSession(res)
}

// errUnhandled is the end of a call whose answer we have failed to handle.
var errUnhandled = errors.New("sip: the answer was not handled")

// repeatedAnswer handles a 2xx to an INVITE that needs nothing more: our ACK
// is repeated if it was lost; the answer of another branch of a forked INVITE,
// and one that comes after our CANCEL, is acknowledged and hung up, RFC 3261
// §13.2.2.4.
func (d *Dialog) repeatedAnswer(res *sipgo.Response, f *flow) {
	d.mu.Lock()
	ack := d.lastACK
	d.mu.Unlock()
	tag, _ := param(res.To().Params, "tag")
	if d.peer.is(tag) {
		switch {
		case ack == nil || ack.cseq != res.CSeq().SeqNo:
		case ack.flow == nil || !ack.flow.alive():
			d.acknowledge(ack.cseq, ack.body, ack.auth...)
		default:
			_ = ack.flow.resend(ack.req, resentACK) // the 2xx will come again
		}
		return
	}
	d.ua.declineAnswer(res, f)
}

// acknowledge sends the ACK of a 2xx, RFC 3261 §13.2.2.4, and keeps it.
func (d *Dialog) acknowledge(cseq uint32, body []byte, auth ...Header) {
	ack := &sentACK{cseq: cseq, body: body, auth: auth}
	var next sipgo.Uri
	ack.req, next = d.peer.request(sipgo.ACK, cseq)
	ctx, done := context.WithTimeout(context.Background(), dialTimeout)
	defer done()
	if f, err := d.peer.way(ctx, next); err == nil {
		if d.home(f) {
			appendHeaders(ack.req, auth)
		}
		stamp(ack.req, f, newBranch())
		withSDP(ack.req, body)
		ack.flow = f
	}
	d.mu.Lock()
	d.lastACK = ack
	d.mu.Unlock()
	if ack.flow != nil {
		_ = ack.flow.send(ack.req) // the 2xx will come again
	}
}

// declineAnswer acknowledges a 2xx that nobody wants and hangs up.
func (u *UA) declineAnswer(res *sipgo.Response, f *flow) {
	from := res.From()
	p := &peer{
		ua: u, callID: res.CallID().Value(), contact: f.contact(),
		local:    sipgo.FromHeader{DisplayName: from.DisplayName, Address: from.Address, Params: from.Params.Clone()},
		remote:   sipgo.ToHeader{DisplayName: res.To().DisplayName, Address: res.To().Address},
		target:   res.To().Address,
		localSeq: res.CSeq().SeqNo,
	}
	p.establish(res, f)
	// Copies of a 2xx need the ACK again, not the BYE.
	_, again := u.served.claim("declined\n"+p.callID+"\n"+p.remoteTag(), nil)
	u.own.run(func() {
		ctx, done := context.WithTimeout(context.Background(), u.cfg.Timers.transaction())
		defer done()
		ack, next := p.request(sipgo.ACK, res.CSeq().SeqNo)
		f, err := p.way(ctx, next)
		if err != nil {
			return
		}
		stamp(ack, f, newBranch())
		if f.send(ack) != nil || again {
			return
		}
		bye, _ := p.request(sipgo.BYE, p.nextSeq())
		stamp(bye, f, newBranch())
		_, _ = u.exchange(ctx, bye, f) // whatever it says, it is over
	})
}

// statusError classifies a response above 299.
func statusError(res *sipgo.Response) *StatusError {
	e := &StatusError{Code: res.StatusCode, Reason: res.Reason}
	if h := res.GetHeader("Retry-After"); h != nil {
		digits := strings.TrimSpace(h.Value())
		if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			digits = digits[:i]
		}
		if n, err := strconv.ParseUint(digits, 10, 32); err == nil {
			e.RetryAfter = time.Duration(n) * time.Second
		}
	}
	return e
}

// isTransport: sipgo's transaction ended because it could not write.
func isTransport(err error) bool { return errors.Is(err, sipgo.ErrTransactionTransport) }

// errLost is the end of a dialog whose far end answers that it knows nothing
// of it, or not at all, RFC 3261 §12.2.1.2.
func errLost(code int) error {
	return fmt.Errorf("%w: the far end has lost the dialog (%d)", ErrTransport, code)
}
