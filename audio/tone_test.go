package audio

import (
	"errors"
	"math"
	"testing"
	"time"
)

func peak(s []int16) int {
	p := 0
	for _, v := range s {
		p = max(p, int(v), -int(v))
	}
	return p
}

func TestToneHasItsLevelAndFrequencies(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		s := make([]int16, rate)
		NewTone(rate, []float64{697, 1209}, -10).Read(s)
		for _, f := range []float64{697, 1209} {
			if got := ToneLevel(s, rate, f); math.Abs(got-(-13.01)) > 0.01 {
				t.Errorf("%d Hz: tone of %v Hz measures %.3f dBov, want -13.01", rate, f, got)
			}
		}
		if share := ToneShare(s, rate, 697) + ToneShare(s, rate, 1209); share < 0.99999 {
			t.Errorf("%d Hz: %.6f of the energy in the two tones", rate, share)
		}
	}
}

func TestToneIsTheSameWhateverThePiecesAre(t *testing.T) {
	want := make([]int16, 4000)
	NewTone(8000, []float64{440.3, 1000}, -9).Read(want)
	for _, piece := range []int{1, 80, 159, 161, 700} {
		tone, got := NewTone(8000, []float64{440.3, 1000}, -9), make([]int16, 4000)
		for rest := got; len(rest) > 0; {
			rest = rest[tone.Read(rest[:min(piece, len(rest))]):]
		}
		for i := range want {
			if d := int(got[i]) - int(want[i]); d < -1 || d > 1 {
				t.Fatalf("pieces of %d: sample %d is %d, want %d", piece, i, got[i], want[i])
			}
		}
	}
}

func TestToneKeepsItsPhaseForADay(t *testing.T) {
	tone := NewTone(8000, []float64{1004.7}, -6)
	tone.n = 24 * 3600 * 8000
	var got [16]int16
	tone.Read(got[:])
	for i, v := range got {
		// 1004.7 Hz makes a whole number of cycles in a day.
		want := amplitude(-6) * math.Sin(2*math.Pi*1004.7*float64(i)/8000)
		if math.Abs(float64(v)-want) > 2 {
			t.Fatalf("sample %d is %d, want %.1f", i, v, want)
		}
	}
}

func TestToneOfFullScaleDoesNotWrap(t *testing.T) {
	s := make([]int16, 8000)
	NewTone(8000, []float64{1000, 1000.5}, 0).Read(s)
	for i := 1; i < len(s); i++ {
		if d := int(s[i]) - int(s[i-1]); d > 60000 || d < -60000 {
			t.Fatalf("jump at sample %d from %d to %d", i, s[i-1], s[i])
		}
	}
}

func TestBeepIsAThousandHertzForAFifthOfASecond(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		b := Beep(rate)
		if b.Duration() != 200*time.Millisecond || b.Rate != rate {
			t.Errorf("%d Hz: beep of %v at %d Hz", rate, b.Duration(), b.Rate)
		}
		steady := b.Samples[rate/100 : len(b.Samples)-rate/100]
		if got := ToneLevel(steady, rate, 1000); math.Abs(got-(-12-3.01)) > 0.01 {
			t.Errorf("%d Hz: level %.3f dBov, want -15.01", rate, got)
		}
		if got, want := float64(peak(b.Samples)), 0.2512*32768; math.Abs(got-want) > 3 {
			t.Errorf("%d Hz: peak %v, want %.0f: -12 dBFS", rate, got, want)
		}
		if first, last := b.Samples[0], b.Samples[len(b.Samples)-1]; peak([]int16{first, last}) > 10 {
			t.Errorf("%d Hz: it begins with %d and ends with %d: that clicks", rate, first, last)
		}
		ramp := rate / 200
		if full := peak(b.Samples[ramp : ramp+rate/1000]); float64(full) < 0.25*32768 {
			t.Errorf("%d Hz: peak %d after 5 ms, want the full level", rate, full)
		}
	}
}

func TestDTMFTonesOfEveryDigit(t *testing.T) {
	const keys = "123A456B789C*0#D"
	rows, columns := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	c, err := DTMFTones(8000, keys)
	if err != nil {
		t.Fatal(err)
	}
	if want := 16 * 200 * time.Millisecond; c.Duration() != want {
		t.Fatalf("duration %v, want %v", c.Duration(), want)
	}
	for i := range len(keys) {
		tone, pause := c.Samples[1600*i:1600*i+800], c.Samples[1600*i+800:1600*(i+1)]
		steady := tone[16 : len(tone)-16]
		for _, f := range []float64{rows[i/4], columns[i%4]} {
			if got := ToneLevel(steady, 8000, f); math.Abs(got-(-13.01)) > 0.1 {
				t.Errorf("digit %c: tone of %v Hz measures %.2f dBov, want -13.01", keys[i], f, got)
			}
		}
		if LevelDBov(pause) != MinDBov {
			t.Errorf("digit %c: its pause is not silent", keys[i])
		}
	}
}

func TestDTMFTonesRefusesWhatIsNotADigit(t *testing.T) {
	for _, s := range []string{"a", "12E", " ", "1é"} {
		if _, err := DTMFTones(8000, s); !errors.Is(err, ErrDigit) {
			t.Errorf("%q: error %v, want ErrDigit", s, err)
		}
	}
	if c, err := DTMFTones(8000, ""); err != nil || len(c.Samples) != 0 {
		t.Errorf("no digits: %d samples, error %v", len(c.Samples), err)
	}
}

func BenchmarkTone(b *testing.B) {
	tone, s := NewTone(8000, []float64{400, 450}, -19), make([]int16, 160)
	b.ReportAllocs()
	for b.Loop() {
		tone.Read(s)
	}
}
