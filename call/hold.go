package call

import (
	"context"
	"time"

	"mediaserver/audio"
)

// mediaLoadTimeout bounds the loading of one playlist.
const mediaLoadTimeout = 15 * time.Second

// hold is what a primary call hears while its secondary is being set up.
type hold struct{ stop func() }

// startHold loops list to the primary, or rings when there is none or it
// fails, until stopHold.
func (c *Call) startHold(list Playlist, ringing audio.RingingPattern) {
	var h hold
	if len(list) == 0 {
		h.stop = c.audio().home.Play(c.manager.ringing.tone(ringing)).Stop
	} else {
		h.stop = c.loopHold(list, ringing)
	}
	c.mu.Lock()
	ending := c.joined.ending
	if !ending {
		c.joined.hold = &h
	}
	c.mu.Unlock()
	if ending {
		h.stop()
	}
}

// loopHold is startHold for media that have to be loaded; stop ends it.
func (c *Call) loopHold(list Playlist, ringing audio.RingingPattern) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	source := c.holdSource(ctx, list, ringing)
	c.manager.tasks.Go(func() {
		defer close(ended)
		s := source()
		if ctx.Err() != nil {
			return
		}
		playback := c.audio().home.Play(s)
		<-ctx.Done()
		playback.Stop()
	})
	return func() {
		cancel()
		<-ended
	}
}

// stopHold ends the hold media, if any, before it returns.
func (c *Call) stopHold() {
	c.mu.Lock()
	h := c.joined.hold
	c.joined.hold = nil
	c.mu.Unlock()
	if h != nil {
		h.stop()
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
