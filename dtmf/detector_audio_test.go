package dtmf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestDetectorReportsASequenceInOrder(t *testing.T) {
	const sequence = "11223A4B5C6D789*0##"
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		for _, length := range []time.Duration{45 * time.Millisecond, 100 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d Hz, %v each", rate, length), func(t *testing.T) {
				var presses []press
				at := 100 * time.Millisecond
				for i := range len(sequence) {
					presses = append(presses, press{digit: Digit(sequence[i]), at: at, length: length, level: -10})
					at += 2 * length
				}
				s := pcm(signal(rate, at+200*time.Millisecond, presses...))
				got, out := detect(rate, s)
				if digitsOf(got) != sequence {
					t.Errorf("found %q, want %q", digitsOf(got), sequence)
				}
				for _, v := range out {
					if v != 0 {
						t.Fatal("something of the tones is heard")
					}
				}
			})
		}
	}
}

func TestDetectorPausesAndInterruptions(t *testing.T) {
	tests := []struct {
		name string
		gap  time.Duration
		want string
	}{
		{"10 ms do not part a press", 10 * time.Millisecond, "5"},
		{"20 ms, a lost frame, do not part a press", 20 * time.Millisecond, "5"},
		{"40 ms part two presses", 40 * time.Millisecond, "55"},
		{"100 ms part two presses", 100 * time.Millisecond, "55"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for shift := range 20 {
				at := 100*time.Millisecond + time.Duration(shift)*time.Millisecond
				length := 100 * time.Millisecond
				s := pcm(signal(8000, 600*time.Millisecond,
					press{digit: '5', at: at, length: length, level: -10},
					press{digit: '5', at: at + length + tt.gap, length: length, level: -10}))
				if got, _ := detect(8000, s); digitsOf(got) != tt.want {
					t.Fatalf("shifted %d ms: found %q, want %q", shift, digitsOf(got), tt.want)
				}
			}
		})
	}
}

func TestDetectorTakesFramesOfAnyLength(t *testing.T) {
	const rate = 8000
	p := press{digit: '7', at: 103 * time.Millisecond, length: 80 * time.Millisecond, level: -10}
	s := pcm(signal(rate, 400*time.Millisecond, p))
	for _, n := range []int{1, 7, 40, 80, 160, 200, 320} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			d := NewDetector(rate)
			rest := slices.Clone(s)
			got := ""
			for len(rest) > 0 {
				frame := rest[:min(n, len(rest))]
				rest = rest[len(frame):]
				if k, ok := d.Process(frame); ok {
					got += k.String()
				}
				for _, v := range frame {
					if v != 0 {
						t.Fatal("something of the tone is heard")
					}
				}
			}
			if got != "7" {
				t.Errorf("found %q", got)
			}
		})
	}
}

func TestDetectorFindsDigitsInNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	amplitude := 32124 * math.Pow(10, (-10-fullScaleDBm0)/20)
	deviation := amplitude * math.Pow(10, -15.0/20) // 15 dB below the two tones
	for i := range len(digits) {
		for range 10 {
			p := press{digit: Digit(digits[i]), at: time.Duration(100+rng.IntN(20)) * time.Millisecond, length: 50 * time.Millisecond, level: -10}
			x := signal(8000, 300*time.Millisecond, p)
			for k := range x {
				x[k] += deviation * rng.NormFloat64()
			}
			got, out := detect(8000, pcm(x))
			if digitsOf(got) != p.digit.String() {
				t.Errorf("digit %v: found %q", p.digit, digitsOf(got))
			}
			for _, v := range out[samplesOf(8000, p.at):samplesOf(8000, p.at+p.length)] {
				if v != 0 {
					t.Fatalf("digit %v: something of the tone is heard", p.digit)
				}
			}
		}
	}
}

func TestDetectorCutsATonesSlowRiseAndLeavesTheSpeechAround(t *testing.T) {
	const rate = 8000
	speech := speechLike(rate, 2*time.Second, 120, 3)
	p := press{digit: '#', at: 800 * time.Millisecond, length: 100 * time.Millisecond, level: -10}
	from, to := samplesOf(rate, p.at), samplesOf(rate, p.at+p.length)
	x := signal(rate, 2*time.Second, p)
	for i := range 80 { // 10 ms
		x[from+i] *= float64(i) / 80
	}
	for i, v := range speech {
		if i < from || i >= to {
			x[i] += v
		}
	}
	s := pcm(x)
	got, out := detect(rate, s)
	if digitsOf(got) != "#" {
		t.Fatalf("found %q", digitsOf(got))
	}
	for i := from; i < to; i++ {
		if out[i] != 0 {
			t.Fatalf("sample %d of the tone is heard: %d", i-from, out[i])
		}
	}
	// What may be lost of the speech: the lead, the margin and the tail, and a ramp each.
	const before, after = (leadBlocks+1)*40 + 16, (marginBlocks+tailBlocks+1)*40 + 16
	for i := range s {
		if (i < from-before || i > to+after) && out[i] != s[i] {
			t.Fatalf("sample %d, %d before the tone or %d behind it, was changed", i, from-i, i-to)
		}
	}
}

func TestDetectorLeavesOtherAudioAlone(t *testing.T) {
	const rate = 8000
	tests := []struct {
		name  string
		audio []float64
	}{
		{"silence", make([]float64, 8000)},
		{"440 Hz", sines(rate, time.Second, 9000, 440)},
		{"880 Hz", sines(rate, time.Second, 9000, 880)},
		{"1000 Hz", sines(rate, time.Second, 9000, 1000)},
		{"1320 Hz", sines(rate, time.Second, 9000, 1320)},
		{"697 Hz alone", sines(rate, time.Second, 9000, 697)},
		{"1633 Hz alone", sines(rate, time.Second, 9000, 1633)},
		{"two rows", sines(rate, time.Second, 6000, 697, 852)},
		{"two columns", sines(rate, time.Second, 6000, 1209, 1477)},
		{"dial tone", sines(rate, time.Second, 6000, 350, 440)},
		{"ringing", sines(rate, time.Second, 6000, 400, 450)},
		{"R2 signal 1140 + 1020 Hz", sines(rate, time.Second, 6000, 1140, 1020)},
		{"digit with a third tone", sines(rate, time.Second, 6000, 770, 1336, 2600)},
		{"harmonics of 697 and 1209 Hz", sines(rate, time.Second, 4000, 697, 1209, 1394, 2418)},
		{"sweep 200–3800 Hz", sweep(rate, 4*time.Second, 200, 3800)},
		{"melody", melody(rate)},
		{"noise", noise(rate, 5*time.Second)},
		{"low voice", speechLike(rate, 20*time.Second, 90, 5)},
		{"high voice", speechLike(rate, 20*time.Second, 230, 6)},
		{"child's voice", speechLike(rate, 20*time.Second, 340, 7)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range codings() {
				s := pcm(tt.audio)
				c.pass(s)
				got, out := detect(rate, slices.Clone(s))
				if len(got) > 0 {
					t.Errorf("%s: found %v", c.name, got)
				}
				if !slices.Equal(out, s) {
					t.Errorf("%s: the audio was changed", c.name)
				}
			}
		})
	}
}

func sines(rate int, length time.Duration, amplitude float64, freqs ...float64) []float64 {
	x := make([]float64, samplesOf(rate, length))
	for i := range x {
		for _, f := range freqs {
			x[i] += amplitude * math.Sin(2*math.Pi*f/float64(rate)*float64(i))
		}
	}
	return x
}

func sweep(rate int, length time.Duration, from, to float64) []float64 {
	x := make([]float64, samplesOf(rate, length))
	phase := 0.0
	for i := range x {
		phase += 2 * math.Pi * (from + (to-from)*float64(i)/float64(len(x))) / float64(rate)
		x[i] = 12000 * math.Sin(phase)
	}
	return x
}

// melody is four octaves of a scale, each note with two overtones and a decay,
// every note once alone and once over a bass note.
func melody(rate int) []float64 {
	var x []float64
	for n := range 96 {
		f := 110 * math.Pow(2, float64(n%48)/12)
		for i := range rate / 8 {
			at := 2 * math.Pi * float64(i) / float64(rate)
			v := math.Sin(f*at) + 0.4*math.Sin(2*f*at) + 0.2*math.Sin(3*f*at)
			if n >= 48 {
				v += 0.7*math.Sin(110*at) + 0.3*math.Sin(220*at)
			}
			x = append(x, 7000*v*math.Exp(-float64(i)/float64(rate)*6))
		}
	}
	return x
}

func noise(rate int, length time.Duration) []float64 {
	rng := rand.New(rand.NewPCG(8, 8))
	x := make([]float64, samplesOf(rate, length))
	for i := range x {
		x[i] = 3000 * rng.NormFloat64()
	}
	return x
}

// speechLike makes what a voice makes, without words: pulses of a gliding
// pitch and breath, through three gliding resonances, in syllables.
func speechLike(rate int, length time.Duration, pitch float64, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, seed))
	x := make([]float64, samplesOf(rate, length))
	syllable := rate / 5
	var y1, y2 [3]float64
	var from, to [3]float64
	next := func() [3]float64 {
		return [3]float64{250 + 650*rng.Float64(), 800 + 1500*rng.Float64(), 2200 + 900*rng.Float64()}
	}
	to = next()
	phase, glide, voiced := 0.0, 1.0, true
	peak := 0.0
	for i := range x {
		if i%syllable == 0 {
			from, to = to, next()
			glide = 0.8 + 0.4*rng.Float64()
			voiced = rng.Float64() < 0.8
		}
		share := float64(i%syllable) / float64(syllable)
		drive := 0.05 * rng.NormFloat64()
		if phase += pitch * (1 + (glide-1)*share) / float64(rate); voiced && phase >= 1 {
			drive += 1
		}
		phase -= math.Floor(phase)
		v := 0.0
		for f := range y1 {
			freq := from[f] + (to[f]-from[f])*share
			r := math.Exp(-math.Pi * (60 + 30*float64(f)) / float64(rate))
			y := drive + 2*r*math.Cos(2*math.Pi*freq/float64(rate))*y1[f] - r*r*y2[f]
			y1[f], y2[f] = y, y1[f]
			v += y / float64(1+f)
		}
		x[i] = v * math.Sin(math.Pi*share)
		peak = max(peak, math.Abs(x[i]))
	}
	for i := range x {
		x[i] *= 16000 / peak
	}
	return x
}
