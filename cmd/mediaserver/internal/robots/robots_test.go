package robots

import (
	"math"
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
