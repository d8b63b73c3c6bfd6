package sip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Bye ends the dialog: BYE when answered, else 603 to an INVITE of the far
// end. Ended is closed at once; Bye returns when the far end has confirmed or
// cannot, or with the end of ctx, which leaves the BYE on its way. A BYE waits
// for the ACK of our answer, RFC 3261 §15. Bye does nothing when the dialog has
// ended.
func (d *Dialog) Bye(ctx context.Context, h ...Header) error {
	d.mu.Lock()
	state := d.state
	if state == stateConfirmed && d.unacked != nil && d.unacked.initial {
		d.bye = &farewell{headers: h}
	}
	wait := d.bye != nil
	d.mu.Unlock()
	switch {
	case state == stateEarly && d.invite != nil:
		err := d.Reject(codeDecline, "", h...)
		switch {
		case errors.Is(err, ErrState): // answered meanwhile
			return d.Bye(ctx, h...)
		case errors.Is(err, ErrEnded): // cancelled meanwhile
			return nil
		}
		return err
	case state == stateEarly:
		d.cancel(ErrLocalBye) // Invite sends the CANCEL
		return nil
	case !d.endIn(ErrLocalBye, stateConfirmed):
		return nil
	}
	if !wait {
		d.mu.Lock()
		d.settleLocked() // the 2xx of a re-INVITE does not matter any more
		d.mu.Unlock()
		d.sayBye(h)
	}
	select {
	case <-d.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sayBye sends the BYE of an ended dialog and removes it when that is done.
func (d *Dialog) sayBye(h []Header) {
	if !d.ua.own.run(func() {
		defer d.forgetIfOurs()
		ctx, done := context.WithTimeout(context.Background(), d.ua.cfg.Timers.transaction())
		defer done()
		_, _ = d.exchange(ctx, sipgo.BYE, h, "", nil) // whatever it says, it is over
	}) {
		d.remove()
	}
}

// forgetIfOurs removes an ended dialog, but remembers its INVITE if that was ours.
func (d *Dialog) forgetIfOurs() {
	if d.out != nil {
		d.forget()
		return
	}
	d.remove()
}

// exchange sends a request that is no INVITE within the dialog and waits for
// the final response. Challenges are answered.
func (d *Dialog) exchange(ctx context.Context, method sipgo.RequestMethod, h []Header, contentType string, body []byte) (*sipgo.Response, error) {
	return d.exchangeBy(ctx, d.peer, method, h, contentType, body)
}

// exchangeBy is exchange with the far end of one of the dialogs that an INVITE
// of ours has made. They share our sequence numbers.
func (d *Dialog) exchangeBy(ctx context.Context, p *peer, method sipgo.RequestMethod, h []Header, contentType string, body []byte) (*sipgo.Response, error) {
	return d.authorizedWithin(ctx, func() (*sipgo.Request, *flow, error) {
		req, next := p.request(method, d.peer.nextSeq(), h...)
		f, err := p.way(ctx, next)
		if err != nil {
			return nil, nil, err
		}
		withBody(req, contentType, body)
		return req, f, nil
	})
}

// Info sends an INFO request and waits for its response, a *StatusError if it
// is a refusal.
func (d *Dialog) Info(ctx context.Context, contentType string, body []byte) error {
	d.mu.Lock()
	confirmed := d.state == stateConfirmed
	d.mu.Unlock()
	if !confirmed {
		return d.stateErr()
	}
	res, err := d.exchange(ctx, sipgo.INFO, nil, contentType, body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		d.lost(res.StatusCode)
		return statusError(res)
	}
	return nil
}

// lost ends the dialog if the code says that the far end has none.
func (d *Dialog) lost(code int) {
	if (code == codeNoDialog || code == codeTimeout) && d.end(errLost(code)) {
		d.sayBye(nil)
	}
}

// maxReinvites is how often a re-INVITE is tried against glare.
const maxReinvites = 6

// Reinvite sends a re-INVITE with our offer and returns the answer. On 491,
// or while another offer is under way, it tries again after the pause of RFC
// 3261 §14.1. A refusal is a *StatusError and leaves the session as it was.
func (d *Dialog) Reinvite(ctx context.Context, body []byte) (answer []byte, err error) {
	asked := map[string]int{}
	return d.insist(ctx, func() ([]byte, error) {
		if err := d.claimOffer(func() bool { return d.state == stateConfirmed }); err != nil {
			return nil, err
		}
		return d.reinvite(ctx, body, asked)
	})
}

// glarePause is how long to wait after a 491: 2.1 to 4 s for the side that
// made the Call-ID, else up to 2 s, in steps of 10 ms with the usual T1.
func (d *Dialog) glarePause() time.Duration {
	const stepsPerT1, owned, most = 50, 210, 400
	step := d.ua.cfg.Timers.T1 / stepsPerT1
	if d.out != nil {
		return time.Duration(owned+rand.IntN(most-owned+1)) * step
	}
	return time.Duration(rand.IntN(owned-10+1)) * step
}

// reanswer is the 2xx to a re-INVITE, handled.
type reanswer struct{ body []byte }

// errAgain: the request is to be sent again with what its refusal asked for:
// credentials (401, 407) or a longer session interval (422).
var errAgain = errors.New("sip: the far end keeps asking for the request in another form")

// digest is what challenges to our requests are answered with, nil: nothing.
func (d *Dialog) digest() *Digest {
	d.peer.mu.Lock()
	defer d.peer.mu.Unlock()
	return d.peer.login
}

// home says whether a request that leaves by f goes to the neighbour that the
// credentials of the dialog are for: to where our INVITE went, to the trunk's source
// of theirs, or to another address of the same trunk. A Contact or a route may lead
// anywhere, and whoever is there could have a password guessed from what we send, or
// use it elsewhere.
func (d *Dialog) home(f *flow) bool {
	to, trunk := bare(f.to.Addr()), d.inv.Source
	if d.invite == nil && to == bare(d.inv.RemoteAddr.Addr()) {
		return true
	}
	if trunk == "" {
		return false
	}
	return d.invite != nil && to == bare(d.invite.in.src.addr.Addr()) || d.ua.guard.rights.get().trunkOf(to) == trunk
}

// credentials are what requests that leave by f may be authorised with, nil: nothing.
func (d *Dialog) credentials(f *flow) *Digest {
	if !d.home(f) {
		return nil
	}
	return d.digest()
}

// SetDigest gives an incoming call of a trunk the credentials for requests of ours
// within it that the trunk challenges.
func (d *Dialog) SetDigest(g *Digest) {
	d.peer.mu.Lock()
	defer d.peer.mu.Unlock()
	d.peer.login = g
}

// reinvite makes one try. d.inviting is set, and cleared when it is over.
// asked are the realms that were answered before.
func (d *Dialog) reinvite(ctx context.Context, body []byte, asked map[string]int) ([]byte, error) {
	over := func() {
		d.mu.Lock()
		d.inviting = false
		d.mu.Unlock()
	}
	cseq := d.peer.nextSeq()
	req, next := d.peer.request(sipgo.INVITE, cseq, d.timerHeaders()...)
	f, err := d.peer.way(ctx, next)
	if err != nil {
		over()
		return nil, err
	}
	login := d.credentials(f)
	auth := login.headers(string(sipgo.INVITE), req.Recipient.String(), body)
	appendHeaders(req, auth)
	stamp(req, f, newBranch())
	withSDP(req, body)
	done := make(chan reanswer, 1)
	c, err := d.ua.newClientTx(req, f, func(res *sipgo.Response) {
		d.mu.Lock()
		again := d.lastACK != nil && d.lastACK.cseq == cseq
		d.mu.Unlock()
		if again {
			d.repeatedAnswer(res, f)
			return
		}
		d.peer.refresh(res.Contact(), nil, nil)
		d.acknowledge(cseq, nil, auth...)
		d.settleSession(res)
		answer := sdpOf(res)
		d.peer.describe(body, answer)
		done <- reanswer{body: answer}
	})
	if err != nil {
		over()
		return nil, err
	}
	return d.awaitReanswer(ctx, c, done, over, func(res *sipgo.Response) bool { return login.learnWithin(res, asked) })
}

// awaitReanswer waits for the final response; learn says whether it is a challenge
// that can be answered.
func (d *Dialog) awaitReanswer(ctx context.Context, c *clientTx, done <-chan reanswer, over func(), learn func(*sipgo.Response) bool) ([]byte, error) {
	limit := time.NewTimer(d.ua.cfg.Timers.transaction())
	defer limit.Stop()
	rang := false
	for {
		res, err := c.next(ctx, limit.C)
		select {
		case a := <-done:
			over()
			return a.body, nil
		default:
		}
		switch {
		case err != nil && ctx.Err() != nil:
			if !d.ua.own.run(func() { defer over(); d.ua.withdraw(context.WithoutCancel(ctx), c, rang) }) {
				over()
			}
			return nil, err
		case err != nil:
			over()
			c.tx.Terminate()
			if errors.Is(err, ErrTimeout) {
				d.lost(codeTimeout)
			}
			return nil, fmt.Errorf("re-INVITE: %w", err)
		case res.StatusCode >= 300:
			over()
			if learn(res) || d.raise(res) {
				return nil, errAgain
			}
			d.lost(res.StatusCode)
			return nil, statusError(res)
		case !rang:
			rang = true
			limit.Reset(d.ua.cfg.Timers.Answer)
		}
	}
}
