package call

import (
	"context"
	"errors"
	"time"

	"mediaserver/rtp"
	"mediaserver/sip"
)

const byeTimeout = 10 * time.Second // wait for the answer to a BYE

// SIP codes the domain speaks.
const (
	codeRinging        = 180
	codeProgress       = 183
	codeOK             = 200
	codeBadRequest     = 400
	codeNotFound       = 404
	codeRequestTimeout = 408
	codeGone           = 410
	codeNotThere       = 480
	codeLoop           = 482
	codeIncomplete     = 484
	codeBusy           = 486
	codeAmbiguous      = 485
	codeCancelled      = 487
	codeNotAcceptable  = 488
	codePending        = 491
	codeInternal       = 500
	codeBadGateway     = 502
	codeUnavailable    = 503
	codeGatewayTimeout = 504
	codeBusyEverywhere = 600
	codeDecline        = 603
	codeNowhere        = 604
)

// Answer answers an inbound call; an answered one stays as it is. The answer
// counts from the moment the 200 is sent. headers are sent along with it.
func (c *Call) Answer(ctx context.Context, headers ...Header) error {
	return c.ask(ctx, func() error {
		switch {
		case c.Info().State == Answered:
			return nil
		case c.Info().State != Inbound:
			return ErrNotInbound
		}
		body, err := c.localDescription()
		if err == nil {
			err = c.dialog.Answer(body, sipHeaders(headers)...)
		}
		if err != nil {
			return c.unable(err)
		}
		c.answered()
		return nil
	})
}

// unable ends a call that cannot be answered because of err, or because the far
// end has given up meanwhile.
func (c *Call) unable(err error) error {
	if c.farIsGone() {
		c.end(c.remoteCause())
	} else {
		c.logger().Warn("cannot answer", "error", err)
		c.end(Failed, unableCode(err))
	}
	return errors.Join(ErrEnded, err)
}

// unableCode is what a caller is told whose call could not be given audio:
// where ports are what lacks, it may come back.
func unableCode(err error) int {
	if errors.Is(err, rtp.ErrNoPorts) || errors.Is(err, rtp.ErrApart) {
		return codeUnavailable
	}
	return codeInternal
}

func sipHeaders(headers []Header) []sip.Header {
	h := make([]sip.Header, len(headers))
	for i, x := range headers {
		h[i] = sip.Header(x)
	}
	return h
}

// EarlyMedia opens the audio of an unanswered inbound call (183).
func (c *Call) EarlyMedia(ctx context.Context) error {
	return c.ask(ctx, func() error {
		switch {
		case c.Info().State != Inbound:
			return ErrNotInbound
		case c.hasMedia():
			return nil
		}
		body, err := c.localDescription()
		if err != nil {
			return c.unable(err)
		}
		if err = c.dialog.Progress(codeProgress, "Session Progress", body); err != nil && c.farIsGone() {
			return c.unable(err)
		}
		return err
	})
}

// Reject refuses an unanswered inbound call with a SIP code of 400 to 699.
func (c *Call) Reject(ctx context.Context, code int) error {
	return c.ask(ctx, func() error {
		if c.Info().State != Inbound {
			return ErrNotInbound
		}
		c.end(Completed, code)
		return nil
	})
}

// answered marks the instant from which the call lasts.
func (c *Call) answered() {
	c.mu.Lock()
	c.life.state, c.life.answered = Answered, time.Now()
	c.markAnswer(c.media)
	c.mu.Unlock()
	c.emit(Event{Type: CallAnswered})
	c.openRecording(c.audio().port, ownTap)
	c.startTap()
}

// end ends the call for good; raw is the SIP code, 0 for the one that fits.
// Run by the actor only.
func (c *Call) end(cause Cause, raw int) {
	defer c.over() // whatever happens in between: others wait for it
	c.dropSecondary()
	c.stopTap()
	was := c.finish(cause, raw)
	c.playEnds(OutcomeStopped)
	c.takeCut()
	if c.reached() {
		c.closeDialog(was, raw)
	}
	c.leaveTrunk()
	c.leaveSeat()
	c.closeMedia()
	c.closeRecording()
	c.emitEnded()
}

// over says that the call has ended.
func (c *Call) over() {
	c.manager.ended(c)
	close(c.done)
	c.endErrands()
}

// finish writes the end into life and returns the state before it.
func (c *Call) finish(cause Cause, raw int) State {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.life.state
	if raw == 0 {
		raw = rawCause(cause, was)
	}
	c.life.state, c.life.cause, c.life.raw, c.life.ended = Idle, cause, raw, time.Now()
	return was
}

func rawCause(cause Cause, was State) int {
	switch {
	case was == Inbound:
		return codeDecline
	case cause == Failed:
		return codeInternal
	default:
		return codeOK
	}
}

// closeDialog rejects or hangs up, unless the far end did.
func (c *Call) closeDialog(was State, code int) {
	if stream, ok := c.farStream(); ok {
		c.manager.tasks.Go(stream.HangUp) // it has to be closed here, whoever hung up
		return
	}
	if c.farIsGone() {
		return
	}
	far := c.far()
	if was == Inbound && c.base.Direction == In {
		if code == 0 {
			code = codeDecline
		}
		var headers []sip.Header
		if code == codeUnavailable {
			headers = []sip.Header{retryAfter()}
		}
		if err := c.dialog.Reject(code, "", headers...); err != nil {
			c.logger().Debug("reject", "error", err)
		}
		return
	}
	c.manager.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), byeTimeout)
		defer cancel()
		if err := far.Bye(ctx); err != nil {
			c.logger().Debug("hang up", "error", err)
		}
	})
}

// remoteEnd is closed when the far end or the signalling ended the call.
func (c *Call) remoteEnd() <-chan struct{} {
	far := c.far()
	if far == nil || c.moves.gone.Load() {
		return nil
	}
	return far.Ended()
}

// farEnded ends the call because the far end is gone, if it is: it may have been
// exchanged meanwhile, or be about to be.
func (c *Call) farEnded() {
	if c.moves.under.Load() {
		c.moves.gone.Store(true) // who it has sent us to takes its place, or nobody
		return
	}
	if c.farIsGone() {
		c.end(c.remoteCause())
	}
}

// farIsGone tells whether the far end there is now, or the signalling, has ended
// the call.
func (c *Call) farIsGone() bool {
	select {
	case <-c.far().Ended():
		return true
	default:
		return false
	}
}

func (c *Call) remoteCause() (Cause, int) {
	switch err := c.far().Err(); {
	case errors.Is(err, sip.ErrRemoteBye):
		return HungUp, codeOK
	case errors.Is(err, sip.ErrCancelled):
		return HungUp, codeCancelled
	case errors.Is(err, sip.ErrNoACK), errors.Is(err, sip.ErrExpired):
		return Failed, codeRequestTimeout
	default:
		return Failed, codeUnavailable
	}
}
