package call

import (
	"context"
	"time"

	"mediaserver/audio"
)

// mediaLoadTimeout bounds the loading of one playlist.
const mediaLoadTimeout = 15 * time.Second

// hold is what a primary call hears while its secondary is being set up.
type hold struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// startHold loops list to the primary, or rings when there is none or it
// fails, until stopHold.
func (c *Call) startHold(list Playlist, ringing audio.RingingPattern) {
	ctx, cancel := context.WithCancel(context.Background())
	h := &hold{cancel: cancel, ended: make(chan struct{})}
	c.mu.Lock()
	ending := c.joined.ending
	if !ending {
		c.joined.hold = h
	}
	c.mu.Unlock()
	if ending {
		cancel()
		return
	}
	source := c.holdSource(ctx, list, ringing)
	c.tasks.Go(func() {
		defer close(h.ended)
		s := source()
		if ctx.Err() != nil {
			return
		}
		playback := c.audio().home.Play(s)
		<-ctx.Done()
		playback.Stop()
	})
}

// stopHold ends the hold media, if any, before it returns.
func (c *Call) stopHold() {
	c.mu.Lock()
	h := c.joined.hold
	c.joined.hold = nil
	c.mu.Unlock()
	if h != nil {
		h.cancel()
		<-h.ended
	}
}

// holdSource loads list and makes the source of it: the media looped, or
// the ringing tone.
func (c *Call) holdSource(ctx context.Context, list Playlist, ringing audio.RingingPattern) func() audio.Source {
	return func() audio.Source {
		ctx, cancel := context.WithTimeout(ctx, mediaLoadTimeout)
		defer cancel()
		clips, err := loadAll(ctx, c.manager.cfg.Loader, list, c.logger(), c.manager.rate())
		if err != nil && ctx.Err() == nil {
			c.logger().Warn("media cannot be played: ringing instead", "property", "hold_media", "error", err)
		}
		return c.manager.ringing.loop(clips, err, ringing)
	}
}
