package call

import (
	"context"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/mixer"
)

// segment is a stretch of a playlist that is played as one: clips without a
// gap, or digits sent as telephone events.
type segment struct {
	clips  []audio.Clip
	digits string
}

// Play plays a list to the far end and blocks until it has been played or a
// digit stopped it; that digit, or 0, is returned. On a secondary call to a
// room it is heard in the room. A *MediaError says which element failed;
// those before it have been heard. ErrEnded, or the cause of ctx, ends it at any
// time, also while media are loaded. Digits pressed before, or without barge-in
// meanwhile, are discarded.
func (c *Call) Play(ctx context.Context, list Playlist, o PlayOptions) (dtmf.Digit, error) {
	if err := c.canPlay(); err != nil {
		return 0, err
	}
	c.discardDigits()
	segments, failed := c.segments(ctx, list)
	if len(segments) == 0 {
		return 0, failed
	}
	if err := c.playStarts(ctx); err != nil {
		return 0, err
	}
	start := time.Now()
	by, err := c.playSegments(ctx, segments, o)
	c.take(func() { c.playEnds(playOutcome(by != 0, err)) })
	c.logger().Debug("played", "elements", len(list), "outcome", playOutcome(by != 0, err), "took_ms", time.Since(start).Milliseconds())
	if by != 0 || err != nil {
		return by, err
	}
	return 0, failed
}

// playSegments plays until a digit stops it, which it returns.
func (c *Call) playSegments(ctx context.Context, segments []segment, o PlayOptions) (by dtmf.Digit, err error) {
	for _, s := range segments {
		if by, err = c.playSegment(ctx, s, o); by != 0 || err != nil {
			return by, err
		}
	}
	return 0, nil
}

func (c *Call) canPlay() error {
	switch {
	case c.hasEnded():
		return ErrEnded
	case c.audio() == nil && c.seat == nil:
		return ErrNotAnswered
	default:
		return nil
	}
}

// segments loads a list as far as it can be loaded, while the call lasts: after
// its end, or that of ctx, there are none.
func (c *Call) segments(ctx context.Context, list Playlist) ([]segment, error) {
	ctx, done := c.lasting(ctx)
	defer done(nil)
	var segments []segment
	sendsEvents := c.sendsEvents()
	for i, item := range list {
		if item.Digits != "" && sendsEvents {
			segments = append(segments, segment{digits: item.Digits})
			continue
		}
		clips, err := loadAll(ctx, c.manager.cfg.Loader, list[i:i+1], c.logger(), c.manager.rate())
		if err != nil && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			err.Index = i
			return segments, err
		}
		if n := len(segments); n > 0 && segments[n-1].digits == "" {
			segments[n-1].clips = append(segments[n-1].clips, clips...)
			continue
		}
		segments = append(segments, segment{clips: clips})
	}
	return segments, nil
}

// sendsEvents tells whether digits go out beside the audio: as telephone
// events or as messages.
func (c *Call) sendsEvents() bool {
	m := c.audio()
	return m != nil && !m.port.params.Load().inBand()
}

func (c *Call) playSegment(ctx context.Context, s segment, o PlayOptions) (by dtmf.Digit, err error) {
	if s.digits != "" {
		sent, stop := c.sendEvents(s.digits)
		defer stop()
		return c.wait(ctx, sent, o)
	}
	playback := c.start(audio.Sequence(s.clips, false))
	defer playback.Stop()
	return c.wait(ctx, playback.Done(), o)
}

// start plays a source where this call is heard.
func (c *Call) start(s audio.Source) *mixer.Playback {
	if c.seat != nil {
		return c.seat.play(s)
	}
	return c.audio().home.Play(s)
}

// wait waits for the end of a play, for a digit if one may stop it, and for
// the end of the call.
func (c *Call) wait(ctx context.Context, played <-chan struct{}, o PlayOptions) (by dtmf.Digit, err error) {
	for {
		select {
		case <-played:
			return 0, c.whyPlayed()
		case d := <-c.digits:
			if o.BargeIn {
				return d, nil
			}
		case <-c.done:
			return 0, ErrEnded
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// whyPlayed is ErrEnded if it was the end of the call that ended a play: the
// call gives its media back before it is done.
func (c *Call) whyPlayed() error {
	c.mu.Lock()
	ended := !c.life.ended.IsZero()
	c.mu.Unlock()
	if !ended {
		return nil
	}
	<-c.done
	return ErrEnded
}

// Sleep waits; digits pressed meanwhile are discarded.
func (c *Call) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			c.discardDigits()
			return nil
		case <-c.digits:
		case <-c.done:
			return ErrEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
