package call

import (
	"sync"

	"mediaserver/audio"
)

// maxRingingClips bounds the patterns whose clips are kept; there are as many
// as services.
const maxRingingClips = 64

// ringing makes ringing tones. The clip of a pattern is made once and shared
// by all who hear it: made for each call it is 48 KiB and a tenth of the cost
// of a call. Safe for concurrent use.
type ringing struct {
	rate  int        // samples per second
	usual audio.Clip // of the pattern where none is named

	mu    sync.Mutex
	clips map[string]audio.Clip // of one cycle, by the text of the pattern
}

func newRinging(rate int) *ringing {
	r := &ringing{rate: rate, clips: map[string]audio.Clip{}}
	r.usual = r.clip(audio.RingingPattern{})
	return r
}

// tone is the endless ringing tone of p.
func (r *ringing) tone(p audio.RingingPattern) audio.Source {
	if p.IsZero() {
		return audio.LoopClip(r.usual)
	}
	return audio.LoopClip(r.clip(p))
}

func (r *ringing) clip(p audio.RingingPattern) audio.Clip {
	name := p.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.clips[name]
	if !ok {
		c = p.Clip(r.rate)
		if len(r.clips) < maxRingingClips {
			r.clips[name] = c
		}
	}
	return c
}

// loop loops clips; with none, or when one failed, it rings.
func (r *ringing) loop(clips []audio.Clip, failed *MediaError, p audio.RingingPattern) audio.Source {
	if failed != nil || len(clips) == 0 {
		return r.tone(p)
	}
	return audio.Sequence(clips, true)
}
