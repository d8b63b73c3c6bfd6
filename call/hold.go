package call

import (
	"context"
	"sync"
	"time"

	"mediaserver/audio"
	"mediaserver/mixer"
)

// mediaLoadTimeout bounds the loading of one playlist.
const mediaLoadTimeout = 15 * time.Second

// hold is what somebody hears who waits for another: a primary call while its
// secondary is being set up, and see comfort.
type hold struct {
	cancel context.CancelFunc // of the loading

	mu       sync.Mutex
	over     bool
	playback *mixer.Playback // nil: it has not begun
}

// begin plays s to a member, unless hold is over or has begun.
func (h *hold) begin(m *mixer.Member, s audio.Source) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over && h.playback == nil {
		h.playback = m.Play(s)
	}
}

// stop ends it for good. It does not wait for media that are being loaded.
func (h *hold) stop() {
	h.cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	if h.playback != nil {
		h.playback.Stop()
	}
}

// startHold loops list to the primary, or rings when there is none or it
// fails, until stopHold.
func (c *Call) startHold(list Playlist, ringing audio.RingingPattern) {
	ctx, cancel := context.WithCancel(context.Background())
	h := &hold{cancel: cancel}
	c.mu.Lock()
	ending := c.joined.ending
	if !ending {
		c.joined.hold = h
	}
	c.mu.Unlock()
	switch {
	case ending:
		cancel()
	case len(list) == 0:
		h.begin(c.audio().home, c.manager.ringing.tone(ringing))
	default:
		c.manager.tasks.Go(func() { h.begin(c.audio().home, c.holdSource(ctx, list, ringing)) })
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
func (c *Call) holdSource(ctx context.Context, list Playlist, ringing audio.RingingPattern) audio.Source {
	ctx, cancel := context.WithTimeout(ctx, mediaLoadTimeout)
	defer cancel()
	clips, err := loadAll(ctx, c.manager.cfg.Loader, list, c.logger(), c.manager.rate())
	if err != nil && ctx.Err() == nil {
		c.logger().Warn("media cannot be played: ringing instead", "property", "hold_media", "error", err)
	}
	return c.manager.ringing.loop(clips, err, ringing)
}
