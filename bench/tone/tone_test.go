package tone

import (
	"math"
	"testing"

	"mediaserver/audio/g711"
)

// mix adds tones and gives the payload that begins at a sample of them.
func mix(law Law, from int, amplitude float64, bins ...int) (b [Samples]byte) {
	var pcm [Samples]int16
	for i := range pcm {
		sum := 0.0
		for _, bin := range bins {
			sum += amplitude * math.Cos(2*math.Pi*float64(bin*(i+from))/Samples+phase(bin))
		}
		pcm[i] = int16(math.Round(sum))
	}
	if law == ALaw {
		g711.EncodeALaw(b[:], pcm[:])
	} else {
		g711.EncodeULaw(b[:], pcm[:])
	}
	return b
}

func TestEachTalkerIsHeardAndNoOther(t *testing.T) {
	for _, law := range []Law{ULaw, ALaw} {
		d := NewDetector(law)
		for _, talkers := range []int{1, 3, 10, 32} {
			amplitude := Amplitude(talkers)
			var bins []int
			for i := range talkers {
				bins = append(bins, Bin(i))
			}
			for _, from := range []int{0, 1, 37, 80, 159} {
				payload := mix(law, from, amplitude, bins...)
				d.Load(&payload)
				for i := range Bins {
					got := d.Amplitude(Bin(i)) / amplitude
					if i < talkers && math.Abs(got-1) > 0.05 {
						t.Errorf("law %d, %d talkers, from %d: talker %d has %.3f of its amplitude", law, talkers, from, i, got)
					}
					if i >= talkers && got > 0.15 {
						t.Errorf("law %d, %d talkers, from %d: silent talker %d has %.3f of an amplitude", law, talkers, from, i, got)
					}
				}
			}
		}
	}
}

func TestBinsDiffer(t *testing.T) {
	seen := map[int]bool{}
	for i := range Bins {
		bin := Bin(i)
		if bin < FirstBin || bin >= FirstBin+Bins || seen[bin] {
			t.Errorf("talker %d has bin %d", i, bin)
		}
		seen[bin] = true
	}
}

func TestPartOfAPacketIsThatPartOfTheAmplitude(t *testing.T) {
	d := NewDetector(ULaw)
	amplitude := Amplitude(3)
	full, loud := Payload(ULaw, Bin(0), amplitude), mix(ULaw, 0, amplitude, Bin(1), Bin(2))
	for _, begin := range []int{0, 40, 80, 120, 160} {
		payload := Silence(ULaw)
		copy(payload[begin:], full[:Samples-begin])
		d.Load(&payload)
		want := float64(Samples-begin) / Samples
		if got := d.Amplitude(Bin(0)) / amplitude; math.Abs(got-want) > 0.03 {
			t.Errorf("tone from sample %d: amplitude %.3f, want %.3f", begin, got, want)
		}
	}
	d.Load(&loud)
	if got := d.Amplitude(Bin(0)) / amplitude; got > 0.02 {
		t.Errorf("two others leave %.3f of a tone that is not there", got)
	}
}

func BenchmarkDetector(b *testing.B) {
	d := NewDetector(ULaw)
	payload := mix(ULaw, 5, Amplitude(3), Bin(0), Bin(1), Bin(2))
	b.ReportAllocs()
	for b.Loop() {
		d.Load(&payload)
		for i := range 3 {
			d.Amplitude(Bin(i))
		}
	}
}
