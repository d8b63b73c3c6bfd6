package call

import (
	"context"
	"errors"
	"log/slog"

	"mediaserver/audio"
)

// prepared is media that is being loaded. clips may be read once done is
// closed; it holds what could be loaded.
type prepared struct {
	done  chan struct{}
	clips []audio.Clip
	err   *MediaError // the first element that failed
}

// errUnwanted is why media are no longer loaded that nobody can hear any more.
var errUnwanted = errors.New("call: media are not wanted any more")

// preparedClip is media that is there already.
func preparedClip(c audio.Clip) *prepared { return preparedClips([]audio.Clip{c}) }

// preparedClips is a playlist that is there already.
func preparedClips(clips []audio.Clip) *prepared {
	p := &prepared{done: make(chan struct{}), clips: clips}
	close(p.done)
	return p
}

// ready tells whether loading has ended.
func (p *prepared) ready() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// loadAll loads a playlist element by element. It stops at the first that
// fails and returns what was loaded before it with a *MediaError.
func loadAll(ctx context.Context, l Loader, list Playlist, log *slog.Logger, rate int) ([]audio.Clip, *MediaError) {
	var clips []audio.Clip
	for i, item := range list {
		clip, err := load(ctx, l, item, rate)
		if errors.Is(err, ErrTruncated) {
			log.Warn("media is truncated, played as far as it goes", "element", i, "error", err)
			err = nil
		}
		if err != nil {
			return clips, &MediaError{Index: i, Err: err}
		}
		clips = append(clips, clip)
	}
	return clips, nil
}

func load(ctx context.Context, l Loader, item MediaItem, rate int) (audio.Clip, error) {
	if item.Digits != "" {
		clip, err := audio.DTMFTones(rate, item.Digits)
		if err != nil {
			return audio.Clip{}, errors.Join(ErrMediaInvalid, err)
		}
		return clip, nil
	}
	return l.Load(ctx, item)
}

// prepare loads a playlist in the background until ctx ends; a nil playlist is nil.
// Failing media become a warning that names what they were for.
func (c *Call) prepare(ctx context.Context, what string, list Playlist) *prepared {
	if list == nil {
		return nil
	}
	p := &prepared{done: make(chan struct{})}
	log := c.logger()
	c.manager.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, mediaLoadTimeout)
		defer cancel()
		p.clips, p.err = loadAll(ctx, c.manager.cfg.Loader, list, log, c.manager.rate())
		if p.err != nil && !errors.Is(context.Cause(ctx), errUnwanted) {
			log.Warn("media cannot be played", "property", what, "error", p.err)
		}
		close(p.done)
	})
	return p
}
