package audio

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"
)

func sine(rate int, freq, level float64, d time.Duration) Clip {
	return ToneClip(rate, []float64{freq}, level, d, 0)
}

// middle leaves out the parts of a clip where a filter swings in and out.
func middle(c Clip) []int16 {
	n := len(c.Samples)
	return c.Samples[n/4 : n-n/4]
}

func TestResamplePassesTheTelephoneBandWithinATenthOfADecibel(t *testing.T) {
	const level = -6.0
	pairs := [][2]int{{8000, 16000}, {16000, 8000}, {44100, 8000}, {8000, 44100}, {48000, 8000}, {8000, 48000}}
	for _, p := range pairs {
		t.Run(fmt.Sprintf("%d to %d", p[0], p[1]), func(t *testing.T) {
			for _, f := range []float64{100, 300, 1000, 2000, 3000, 3300, 3400} {
				out, err := Resample(sine(p[0], f, level, time.Second), p[1])
				if err != nil {
					t.Fatal(err)
				}
				got := ToneLevel(middle(out), p[1], f)
				want := level - 10*math.Log10(2)
				if math.Abs(got-want) > 0.1 {
					t.Errorf("%v Hz: %.3f dBov, want %.3f ± 0.1", f, got, want)
				}
				if share := ToneShare(middle(out), p[1], f); share < 1-1e-6 {
					t.Errorf("%v Hz: only %.7f of the energy is in the tone", f, share)
				}
			}
		})
	}
}

func TestResampleKeepsAliasesSeventyDecibelsDown(t *testing.T) {
	for _, from := range []int{16000, 44100, 48000} {
		for f := 4000.0; f < float64(from)/2; f += 250 {
			out, err := Resample(sine(from, f, -1, time.Second), 8000)
			if err != nil {
				t.Fatal(err)
			}
			if got := LevelDBov(middle(out)) - (-1 - 3.01); got > -70 {
				t.Errorf("%d Hz to 8000 Hz, tone of %v Hz: %.1f dB, want at most -70", from, f, got)
			}
		}
	}
}

func TestResampleKeepsImagesSeventyDecibelsDown(t *testing.T) {
	for _, to := range []int{16000, 48000} {
		for _, f := range []float64{400, 1000, 3400, 3900} {
			out, err := Resample(sine(8000, f, -1, time.Second), to)
			if err != nil {
				t.Fatal(err)
			}
			for image := 8000 - f; image < float64(to)/2; image += 2 * f {
				if got := ToneLevel(middle(out), to, image) - (-1 - 3.01); got > -70 {
					t.Errorf("8000 Hz to %d Hz, tone of %v Hz, image at %v Hz: %.1f dB", to, f, image, got)
				}
			}
		}
	}
}

func TestResampledClipHasItsLengthAndItsPlace(t *testing.T) {
	for _, from := range []int{16000, 44100, 48000} {
		c := Clip{Rate: from, Samples: make([]int16, from)}
		for i := from/2 - from/1000; i <= from/2+from/1000; i++ { // 2 ms pulse in the middle
			c.Samples[i] = 8000
		}
		out, err := Resample(c, 8000)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Samples) != 8000 || out.Rate != 8000 {
			t.Fatalf("from %d: %d samples at %d Hz, want 8000 at 8000 Hz", from, len(out.Samples), out.Rate)
		}
		var moment, weight float64
		for i, v := range out.Samples {
			moment += float64(i) * float64(v)
			weight += float64(v)
		}
		if at := moment / weight; math.Abs(at-4000) > 0.01 {
			t.Errorf("from %d: pulse at sample %.3f, want 4000", from, at)
		}
	}
}

func TestResampleToItsOwnRateChangesNothing(t *testing.T) {
	c := Clip{Rate: 8000, Samples: noise(1000, 32000)}
	out, err := Resample(c, 8000)
	if err != nil || &out.Samples[0] != &c.Samples[0] {
		t.Fatalf("got a different clip, err %v", err)
	}
}

func TestResamplerGivesTheSameWhateverThePiecesAre(t *testing.T) {
	in := noise(44100/5, 20000)
	whole, err := NewResampler(44100, 8000)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]int16, whole.MaxOutput(len(in)))
	want = want[:whole.Process(want, in)]
	for _, piece := range []int{1, 7, 160, 882, 2000} {
		r, _ := NewResampler(44100, 8000)
		var got []int16
		buf := make([]int16, r.MaxOutput(piece))
		for rest := in; len(rest) > 0; {
			k := min(piece, len(rest))
			n := r.Process(buf, rest[:k])
			got = append(got, buf[:n]...)
			rest = rest[k:]
		}
		if len(got) != len(want) {
			t.Fatalf("pieces of %d: %d samples, want %d", piece, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("pieces of %d: sample %d is %d, want %d", piece, i, got[i], want[i])
			}
		}
	}
}

func TestNewResamplerRefusesOddRates(t *testing.T) {
	for _, p := range [][2]int{{0, 8000}, {8000, 0}, {-8000, 8000}, {8000, 1 << 30}, {44101, 8000}} {
		if _, err := NewResampler(p[0], p[1]); !errors.Is(err, ErrRatio) {
			t.Errorf("%v: error %v, want ErrRatio", p, err)
		}
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, p := range [][2]int{{8000, 16000}, {16000, 8000}, {8000, 48000}, {48000, 8000}, {44100, 8000}} {
		b.Run(fmt.Sprintf("%d-%d", p[0], p[1]), func(b *testing.B) {
			r, err := NewResampler(p[0], p[1])
			if err != nil {
				b.Fatal(err)
			}
			in := noise(p[0]/50, 10000)
			out := make([]int16, r.MaxOutput(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				r.Process(out, in)
			}
		})
	}
}
