package robots

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
)

// spoken is a stretch of sound in which several speak.
func spoken(d time.Duration, sources ...audio.Source) audio.Clip {
	n := int(d * rate / time.Second)
	acc, one := make([]int32, n), make([]int16, n)
	for _, s := range sources {
		s.Read(one)
		audio.Add(acc, one)
	}
	clip := audio.Clip{Rate: rate, Samples: make([]int16, n)}
	for i, v := range acc {
		clip.Samples[i] = int16(v)
	}
	return clip
}

func TestListenFindsTheVoices(t *testing.T) {
	melody, talker := voices()[0], voices()[1]
	stranger := func() audio.Source { return audio.NewTone(rate, []float64{2100}, -12) }
	const level = loudness - 3.01 // of a sine [dBov]
	for _, tt := range []struct {
		name    string
		sources []audio.Source
		want    heard
	}{
		{"silence", nil, heard{}},
		{"one", []audio.Source{melody.source()}, heard{"melody": level}},
		{"the other", []audio.Source{talker.source()}, heard{"talker": level}},
		{"both", []audio.Source{melody.source(), talker.source()}, heard{"melody": level, "talker": level}},
		{"a stranger", []audio.Source{stranger()}, heard{others: -15}},
		{"a stranger among them", []audio.Source{melody.source(), talker.source(), stranger()}, heard{"melody": level, "talker": level, others: -14}},
		{"too quiet", []audio.Source{audio.NewTone(rate, []float64{1250}, -60)}, heard{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := listen(spoken(window, tt.sources...), voices()); !got.like(tt.want) {
				t.Errorf("heard %v, want %v", got, tt.want)
			}
		})
	}
}

// babble is a voice: noise in syllables, twice as loud at low frequencies.
func babble(seed uint64) Say {
	random := rand.New(rand.NewPCG(seed, seed))
	return func(context.Context, string, ...string) (audio.Clip, error) {
		clip := audio.Clip{Rate: rate, Samples: make([]int16, 3*rate)}
		low := 0.0
		for i := range clip.Samples {
			noise := random.NormFloat64() * 3000
			low += (noise - low) / 4
			if i/800%3 != 2 {
				clip.Samples[i] = int16(noise/4 + low)
			}
		}
		return clip, nil
	}
}

func TestVoicesThatSpeakAreFoundByTheirMarkers(t *testing.T) {
	known, err := speaking(t.Context(), babble(1))
	if err != nil {
		t.Fatal(err)
	}
	melody, talker := known[0], known[1]
	level := func(v voice) float64 { return audio.LevelDBov(v.words.Samples) }
	guest := func() audio.Source {
		c, _ := babble(2)(t.Context(), "")
		return audio.LoopClip(c)
	}
	c, _ := babble(2)(t.Context(), "")
	for _, tt := range []struct {
		name    string
		sources []audio.Source
		want    heard
	}{
		{"silence", nil, heard{}},
		{"one", []audio.Source{melody.source()}, heard{"melody": level(melody)}},
		{"the other", []audio.Source{talker.source()}, heard{"talker": level(talker)}},
		{"both", []audio.Source{melody.source(), talker.source()}, heard{"melody": level(melody), "talker": level(talker)}},
		{"one beside a guest", []audio.Source{talker.source(), guest()}, heard{"talker": level(talker)}},
		{"only a guest", []audio.Source{guest()}, heard{unmarked: audio.LevelDBov(c.Samples) + 1.7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := listen(spoken(window, tt.sources...), known); !got.like(tt.want) {
				t.Errorf("heard %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWithoutVoicesTheRobotsSoundTones(t *testing.T) {
	var out strings.Builder
	fails := func(context.Context, string, ...string) (audio.Clip, error) {
		return audio.Clip{}, errors.New("no voice")
	}
	tr := &troupe{cfg: Config{Out: &out, Say: fails}}
	if got := tr.choose(t.Context()); got[0].marker != 0 || !strings.Contains(out.String(), "cannot speak and sound tones: no voice") {
		t.Errorf("marker %g, told %q", got[0].marker, out.String())
	}
}

func TestGuestsAreTold(t *testing.T) {
	var out strings.Builder
	guests := []string{"melody@127.0.0.1"}
	tr := &troupe{cfg: Config{Out: &out, Guests: func() []string { return slices.Clone(guests) }}, robots: []*robot{{name: "melody"}}}
	for _, tt := range []struct {
		guests []string
		want   string
	}{
		{[]string{"melody@127.0.0.1"}, ""},
		{[]string{"melody@127.0.0.1", "alice@h"}, "also in the room: alice@h"},
		{[]string{"melody@127.0.0.1", "alice@h"}, ""},
		{[]string{"melody@127.0.0.1"}, "only robots are in the room"},
	} {
		out.Reset()
		guests = tt.guests
		tr.tellGuests()
		if got := out.String(); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("with %v: told %q, want %q", tt.guests, got, tt.want)
		}
	}
}

func TestHeardIsToldByNameAndLevel(t *testing.T) {
	for _, tt := range []struct {
		h    heard
		want string
	}{
		{heard{}, "nobody"},
		{heard{"talker": -21.2, "melody": -19.6}, "melody -20, talker -21"},
	} {
		if got := tt.h.String(); got != tt.want {
			t.Errorf("%v is told as %q, want %q", map[string]float64(tt.h), got, tt.want)
		}
	}
}

func TestVoicesStayApart(t *testing.T) {
	all := voices()
	for i, v := range all {
		for _, w := range all[i+1:] {
			for _, f := range v.notes {
				for _, g := range w.notes {
					if math.Abs(f-g) < 100 {
						t.Errorf("%s at %g Hz and %s at %g Hz cannot be told apart", v.name, f, w.name, g)
					}
				}
			}
		}
	}
}

func TestPhonesListenInTheFamilyOfTheTarget(t *testing.T) {
	for target, six := range map[string]bool{"sip:demo@127.0.0.1:5060": false, "sip:demo@[::1]:5060": true} {
		if got := listenFor(target); (len(got) == 1 && strings.Contains(got[0], "[::1]")) != six {
			t.Errorf("%s: %v", target, got)
		}
	}
}
