package sip

import (
	"context"
	"errors"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Update offers a changed session by UPDATE, RFC 3311 §5.1, and returns the
// answer: in an answered call, or in an unanswered one of the far end whose
// first offer has been answered reliably (see Progress). What cannot be asked
// then is ErrState. A refusal is a *StatusError and leaves the session as it
// was; 491 and a 500 with Retry-After are waited out.
func (d *Dialog) Update(ctx context.Context, offer []byte) (answer []byte, err error) {
	return d.updateBy(ctx, d.peer, offer, d.mayUpdateLocked)
}

// mayUpdateLocked: an offer of ours may go out, but for another that is open.
func (d *Dialog) mayUpdateLocked() bool {
	return d.state == stateConfirmed || d.state == stateEarly && d.invite != nil && d.ext.rel.given
}

// updateBy is Update of one of the dialogs that an INVITE of ours has made.
func (d *Dialog) updateBy(ctx context.Context, p *peer, offer []byte, mayLocked func() bool) (answer []byte, err error) {
	if len(offer) == 0 {
		return nil, errors.New("sip: an UPDATE without offer changes nothing")
	}
	return d.insist(ctx, func() ([]byte, error) {
		if err := d.claimOffer(mayLocked); err != nil {
			return nil, err
		}
		defer d.offered()
		return d.update(ctx, p, offer)
	})
}

// claimOffer makes an offer of ours the open one, until offered. It fails with
// the state of the dialog where that forbids one, with 491 while another is open.
func (d *Dialog) claimOffer(mayLocked func() bool) error {
	d.mu.Lock()
	may, busy := mayLocked(), d.inviting || d.unacked != nil
	if may && !busy {
		d.inviting = true
	}
	d.mu.Unlock()
	switch {
	case !may:
		return d.stateErr()
	case busy:
		return &StatusError{Code: codePending}
	}
	return nil
}

// offered: no offer of ours is open any more.
func (d *Dialog) offered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inviting = false
}

// update makes one try of updateBy.
func (d *Dialog) update(ctx context.Context, p *peer, offer []byte) ([]byte, error) {
	d.mu.Lock()
	confirmed := d.state == stateConfirmed
	d.mu.Unlock()
	var h []Header
	if confirmed {
		h = d.timerHeaders()
	}
	res, err := d.exchangeBy(ctx, p, sipgo.UPDATE, h, typeSDP, offer)
	switch {
	case err != nil:
		if errors.Is(err, ErrTimeout) && confirmed {
			d.lost(codeTimeout)
		}
		return nil, err
	case confirmed && d.raise(res):
		return nil, errAgain
	case res.StatusCode >= 300:
		if confirmed {
			d.lost(res.StatusCode)
		}
		return nil, statusError(res)
	}
	answer := sdpOf(res)
	// Who was early may have answered the call meanwhile, or another.
	if now := d.peerOf(p.remoteTag()); now != nil {
		now.refresh(res.Contact(), nil, nil)
		now.describe(offer, answer)
	}
	if confirmed {
		d.settleSession(res)
	}
	return answer, nil
}

// maxWait is the longest Retry-After that an offer is held back for.
const maxWait = maxOverlapSeconds * time.Second

// insist makes tries of an offer until it is answered or refused for good: a
// 422 has it sent with a longer session interval (RFC 4028 §7.3), a 491 is
// waited out as RFC 3261 §14.1 wants it, a 500 with Retry-After as long
// as that says (§14.2, RFC 3311 §5.2).
func (d *Dialog) insist(ctx context.Context, try func() ([]byte, error)) (answer []byte, err error) {
	for range maxReinvites {
		answer, err = try()
		if errors.Is(err, errAgain) {
			continue
		}
		e, ok := errors.AsType[*StatusError](err)
		if !ok {
			return answer, err
		}
		var pause time.Duration
		switch {
		case e.Code == codePending:
			pause = d.glarePause()
		case e.Code == codeInternal && e.RetryAfter > 0 && e.RetryAfter <= maxWait:
			pause = e.RetryAfter
		default:
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-d.ended:
			return nil, d.stateErr()
		}
	}
	return nil, err
}
