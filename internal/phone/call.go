package phone

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mediaserver/dtmf"
	"mediaserver/rtp"
	"mediaserver/sip"
)

// infoTone is how long a key is said to be pressed in an INFO, infoGap how
// long the phone waits before the next.
const (
	infoTone = 100 * time.Millisecond
	infoGap  = 100 * time.Millisecond
)

// Call is one answered call of a phone. What is sent and heard are the methods
// of its Stream.
type Call struct {
	*Stream
	phone   *Phone
	dialog  *sip.Dialog
	session *negotiation
	stopped chan struct{} // closed when the loop has ended and the ports are free
	infos   dtmf.Dedup    // within the session's calls only

	mu   sync.Mutex
	held bool // by us
}

// run starts the loop of the call, which ends with the dialog.
func (c *Call) run(sockets *rtp.Sockets) {
	c.phone.wg.Go(func() {
		defer close(c.stopped)
		c.Stream.run(c.dialog.Ended())
		c.phone.log(errors.Join(c.Stream.Close(), sockets.Close()), "close the stream")
	})
	c.dialog.SetSession(session{c})
}

// Invitation is what is known of the INVITE that made the call.
func (c *Call) Invitation() sip.Invitation { return c.dialog.Invitation() }

// Ended is closed when the call has ended; Err says why.
func (c *Call) Ended() <-chan struct{} { return c.dialog.Ended() }

// Err is nil while the call lasts, then why it ended, as sip.Dialog.Err.
func (c *Call) Err() error { return c.dialog.Err() }

// HangUp ends the call and waits for the answer to the BYE, or the end of ctx,
// and until nothing of the call runs. It does nothing to a call that has ended.
func (c *Call) HangUp(ctx context.Context) error {
	err := c.dialog.Bye(ctx)
	<-c.stopped
	if err != nil {
		return fmt.Errorf("phone: hang up: %w", err)
	}
	return nil
}

// Press presses keys, 100 ms each with 100 ms between them, and returns when
// the last one has been sent: by telephone events, as tones within the audio,
// or by INFO, whose answers it waits for. Errors: as Stream.Press, and that of
// an INFO that was not accepted.
func (c *Call) Press(ctx context.Context, digits string, method dtmf.Method) error {
	if method != dtmf.Info {
		return c.Stream.Press(ctx, digits, method)
	}
	for i := range len(digits) {
		d, ok := dtmf.ParseDigit(digits[i])
		if !ok {
			return fmt.Errorf("phone: press %q: %w", digits, dtmf.ErrDigit)
		}
		if err := c.dialog.Info(ctx, dtmf.RelayType, dtmf.AppendInfo(nil, d, infoTone)); err != nil {
			return fmt.Errorf("phone: press %v: %w", d, err)
		}
		if err := c.pause(ctx, infoTone+infoGap); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for d, unless the call or ctx ends.
func (c *Call) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.dialog.Ended():
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Hold puts the far end on hold by re-INVITE: it is asked not to send, and the
// phone sends nothing until Resume.
func (c *Call) Hold(ctx context.Context) error { return c.renew(ctx, true) }

// Resume ends Hold by re-INVITE.
func (c *Call) Resume(ctx context.Context) error { return c.renew(ctx, false) }

// Renew sends a re-INVITE that changes nothing but the version of the offer.
func (c *Call) Renew(ctx context.Context) error {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	return c.renew(ctx, held)
}

// renew negotiates anew.
func (c *Call) renew(ctx context.Context, hold bool) error {
	direction := sendRecv
	if hold {
		direction = sendOnly
	}
	answer, err := c.dialog.Reinvite(ctx, c.session.offer(direction))
	if err != nil {
		return fmt.Errorf("phone: re-INVITE: %w", err)
	}
	params, err := c.session.accept(answer)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.held = hold
	c.mu.Unlock()
	return c.agree(params)
}

// agree puts what was negotiated into effect.
func (c *Call) agree(p rtp.Params) error {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	p.Send = p.Send && !held
	return c.Update(p)
}

// session takes the events within the dialog of a call.
type session struct{ *Call }

var _ sip.Session = session{}

// Reoffer implements sip.Session.
func (s session) Reoffer(_ string, offer []byte) ([]byte, error) {
	if offer == nil {
		return s.session.offer(sendRecv), nil
	}
	answer, params, err := s.session.answer(offer)
	if err != nil {
		return nil, err
	}
	return answer, s.agree(params)
}

// Acknowledged implements sip.Session.
func (s session) Acknowledged(body []byte) {
	if body == nil {
		return
	}
	params, err := s.session.accept(body)
	if err == nil {
		err = s.agree(params)
	}
	s.phone.log(err, "answer in an ACK")
}

// Info implements sip.Session.
func (s session) Info(cseq uint32, contentType string, body []byte) error {
	d, err := dtmf.ParseInfo(contentType, body)
	switch {
	case errors.Is(err, dtmf.ErrInfoType):
		return err
	case err != nil:
		return errors.Join(&sip.StatusError{Code: sip400}, err)
	}
	if now := time.Now(); s.infos.Info(cseq, d, now) {
		s.presses.add(Press{Digit: d, Method: dtmf.Info, Frame: s.Frame(), At: now})
	}
	return nil
}
