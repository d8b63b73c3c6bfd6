package call

import (
	"fmt"
	"testing"
	"time"

	"mediaserver/audio"
)

func TestRingingClipIsMadeOnce(t *testing.T) {
	r := newRinging(8000)
	if a, b := r.clip(audio.RingingPattern{}), r.clip(audio.UKRinging()); &a.Samples[0] != &b.Samples[0] {
		t.Error("two clips of one pattern")
	}
	if a, b := r.clip(audio.UKRinging()), r.clip(audio.USRinging()); &a.Samples[0] == &b.Samples[0] {
		t.Error("one clip of two patterns")
	}
}

func TestRingingClipsAreBounded(t *testing.T) {
	r := newRinging(8000)
	for i := range 2 * maxRingingClips {
		p, err := audio.ParseRinging(fmt.Sprintf("%d: 0.1 on", 400+i))
		if err != nil {
			t.Fatal(err)
		}
		if c := r.clip(p); c.Duration() != 100*time.Millisecond {
			t.Fatal(c.Duration())
		}
	}
	if len(r.clips) != maxRingingClips {
		t.Errorf("%d clips are kept", len(r.clips))
	}
}
