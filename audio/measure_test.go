package audio

import (
	"math"
	"testing"
	"time"
)

func join(clips ...Clip) Clip {
	c := Clip{Rate: clips[0].Rate}
	for _, p := range clips {
		c.Samples = append(c.Samples, p.Samples...)
	}
	return c
}

func quiet(d time.Duration) Clip {
	return Clip{Rate: 8000, Samples: make([]int16, samplesOf(d, 8000))}
}

func TestToneLevelTellsTonesApart(t *testing.T) {
	acc := make([]int32, 1600) // 200 ms
	Add(acc, sine(8000, 400, -12, 200*time.Millisecond).Samples)
	Add(acc, sine(8000, 437.3, -30, 200*time.Millisecond).Samples)
	Add(acc, sine(8000, 1000, -50, 200*time.Millisecond).Samples)
	s := make([]int16, 1600)
	for i, v := range acc {
		s[i] = int16(v)
	}
	for f, want := range map[float64]float64{400: -15.01, 437.3: -33.01, 1000: -53.01} {
		if got := ToneLevel(s, 8000, f); math.Abs(got-want) > 0.5 {
			t.Errorf("%v Hz: %.2f dBov, want %.2f", f, got, want)
		}
	}
	if got := ToneLevel(s, 8000, 2000); got > -80 {
		t.Errorf("2000 Hz, not there: %.2f dBov", got)
	}
}

func TestToneShareIsThePartOfTheEnergy(t *testing.T) {
	s := make([]int16, 1600)
	NewTone(8000, []float64{500, 1500}, -10).Read(s)
	for _, f := range []float64{500, 1500} {
		if got := ToneShare(s, 8000, f); math.Abs(got-0.5) > 0.001 {
			t.Errorf("%v Hz: share %.4f, want 0.5", f, got)
		}
	}
	if got := ToneShare(s, 8000, 900); got > 1e-6 {
		t.Errorf("900 Hz, not there: share %v", got)
	}
	for name, s := range map[string][]int16{"silence": make([]int16, 160), "nothing": nil, "one sample": {5}} {
		if got := ToneShare(s, 8000, 500); got != 0 {
			t.Errorf("%s: share %v", name, got)
		}
		if got := ToneLevel(s, 8000, 500); got != MinDBov {
			t.Errorf("%s: level %v", name, got)
		}
	}
}

func TestLongestSilenceFindsTheGap(t *testing.T) {
	const ms = time.Millisecond
	tone := func(d time.Duration) Clip { return sine(8000, 440, -20, d) }
	tests := map[string]struct {
		c    Clip
		want Span
	}{
		"gap in the middle":     {join(tone(300*ms), quiet(60*ms), tone(200*ms), quiet(20*ms), tone(100*ms)), Span{300 * ms, 360 * ms}},
		"silence at the end":    {join(tone(300*ms), quiet(60*ms), tone(200*ms), quiet(80*ms)), Span{560 * ms, 640 * ms}},
		"silence at the begin":  {join(quiet(500*ms), tone(300*ms)), Span{0, 500 * ms}},
		"none":                  {tone(300 * ms), Span{}},
		"all":                   {quiet(300 * ms), Span{0, 300 * ms}},
		"nothing recorded":      {Clip{Rate: 8000}, Span{}},
		"noise below the level": {join(tone(100*ms), Clip{8000, noise(800, 20)}, tone(100*ms)), Span{100 * ms, 200 * ms}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := LongestSilence(tt.c, -60); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSpansAreThoseLongEnough(t *testing.T) {
	const ms = time.Millisecond
	c := join(sine(8000, 440, -20, 200*ms), quiet(100*ms), sine(8000, 1000, -20, 200*ms), quiet(10*ms), sine(8000, 440, -20, 40*ms))
	if got := Silences(c, -60, 50*ms); len(got) != 1 || got[0] != (Span{200 * ms, 300 * ms}) {
		t.Errorf("silences %v", got)
	}
	if got := ToneSpans(c, 440, -30, 100*ms); len(got) != 1 || got[0] != (Span{0, 200 * ms}) {
		t.Errorf("spans of 440 Hz %v", got)
	}
	if got := ToneSpans(c, 1000, -30, 100*ms); len(got) != 1 || got[0] != (Span{300 * ms, 500 * ms}) {
		t.Errorf("spans of 1000 Hz %v", got)
	}
	if got := ToneSpans(c, 2000, -60, 0); len(got) != 0 {
		t.Errorf("spans of 2000 Hz %v", got)
	}
	if got := Silences(Clip{Samples: make([]int16, 9)}, -60, 0); got != nil {
		t.Errorf("silences of a clip without a rate %v", got)
	}
}
