package dtmf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"mediaserver/audio/g711"
)

// fullScaleDBm0 is the level of a sine of full scale in G.711 µ-law.
const fullScaleDBm0 = 3.17

// press is one key in a signal. The zero values of offset and twist are a
// perfect tone.
type press struct {
	digit  Digit
	at     time.Duration
	length time.Duration
	level  float64 // of each tone [dBm0]
	twist  float64 // column above row [dB], half on each
	offset float64 // of both frequencies, as a share
}

// signal makes audio with presses, one after the other, in silence.
func signal(rate int, length time.Duration, presses ...press) []float64 {
	x := make([]float64, samplesOf(rate, length))
	for _, p := range presses {
		row, column := lanesOf(p.digit)
		amplitude := func(dB float64) float64 { return 32124 * math.Pow(10, (dB-fullScaleDBm0)/20) }
		a, b := amplitude(p.level-p.twist/2), amplitude(p.level+p.twist/2)
		w := 2 * math.Pi / float64(rate) * (1 + p.offset)
		from := samplesOf(rate, p.at)
		for i := range samplesOf(rate, p.length) {
			x[from+i] += a*math.Sin(w*frequencies[row]*float64(i)) + b*math.Sin(w*frequencies[column]*float64(i))
		}
	}
	return x
}

func samplesOf(rate int, d time.Duration) int {
	return int(math.Round(d.Seconds() * float64(rate)))
}

// pcm is x as samples, clipped.
func pcm(x []float64) []int16 {
	s := make([]int16, len(x))
	for i, v := range x {
		s[i] = int16(max(math.MinInt16, min(math.MaxInt16, math.RoundToEven(v))))
	}
	return s
}

// coding sends samples through a codec and back.
type coding struct {
	name string
	pass func([]int16)
}

func codings() []coding {
	return []coding{
		{"linear", func([]int16) {}},
		{"PCMU", func(s []int16) {
			b := make([]byte, len(s))
			g711.PCMU().Encode(b, s)
			g711.PCMU().Decode(s, b)
		}},
		{"PCMA", func(s []int16) {
			b := make([]byte, len(s))
			g711.PCMA().Encode(b, s)
			g711.PCMA().Decode(s, b)
		}},
	}
}

// found is a press that a Detector reported.
type found struct {
	digit Digit
	at    time.Duration // end of the frame that brought it
}

// detect runs samples through a Detector in frames of 20 ms and returns the
// presses and the audio that came out, moved back by the delay.
func detect(rate int, s []int16) ([]found, []int16) {
	d := NewDetector(rate)
	frame := make([]int16, rate/50)
	delay := delaySamples(rate)
	var out []int16
	var presses []found
	for at := 0; at < len(s)+delay; at += len(frame) {
		clear(frame)
		if at < len(s) {
			copy(frame, s[at:])
		}
		if k, ok := d.Process(frame); ok {
			presses = append(presses, found{k, time.Duration(at+len(frame)) * time.Second / time.Duration(rate)})
		}
		out = append(out, frame...)
	}
	return presses, out[delay:min(len(out), delay+len(s))]
}

func digitsOf(f []found) string {
	var s []byte
	for _, p := range f {
		s = append(s, byte(p.digit))
	}
	return string(s)
}

func TestDetectorFindsEveryDigitAtEveryLevelOnceAndSilencesAllOfIt(t *testing.T) {
	const rate = 8000
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range codings() {
		for _, level := range []float64{0, -3, -10, -20, -30} {
			t.Run(fmt.Sprintf("%s %v dBm0", c.name, level), func(t *testing.T) {
				for i := range len(digits) {
					d := Digit(digits[i])
					for range 8 {
						p := press{digit: d, at: 200*time.Millisecond + time.Duration(rng.IntN(20000))*time.Microsecond, length: 100 * time.Millisecond, level: level}
						s := pcm(signal(rate, 500*time.Millisecond, p))
						c.pass(s)
						presses, out := detect(rate, s)
						if digitsOf(presses) != d.String() {
							t.Fatalf("digit %v at %v: found %v", d, p.at, presses)
						}
						if late := presses[0].at - p.at; late > 60*time.Millisecond {
							t.Errorf("digit %v: found %v after its start", d, late)
						}
						from, to := samplesOf(rate, p.at), samplesOf(rate, p.at+p.length)
						for k := from; k < to; k++ {
							if out[k] != 0 {
								t.Fatalf("digit %v: sample %d of %d of the tone is heard: %d", d, k-from, to-from, out[k])
							}
						}
					}
				}
			})
		}
	}
}

func TestDetectorConditions(t *testing.T) {
	const rate = 8000
	ms := time.Millisecond
	at := 100 * ms
	tests := []struct {
		name string
		p    press
		want bool
	}{
		{"40 ms are a press", press{length: 40 * ms, level: -10}, true},
		{"20 ms are none", press{length: 20 * ms, level: -10}, false},
		{"2 s are one press", press{length: 2000 * ms, level: -10}, true},
		{"1.5 % high is a press", press{length: 60 * ms, level: -10, offset: 0.015}, true},
		{"1.5 % low is a press", press{length: 60 * ms, level: -10, offset: -0.015}, true},
		{"3.5 % high is none", press{length: 60 * ms, level: -10, offset: 0.035}, false},
		{"3.5 % low is none", press{length: 60 * ms, level: -10, offset: -0.035}, false},
		{"column 4 dB up is a press", press{length: 60 * ms, level: -12, twist: 4}, true},
		{"row 7 dB up is a press", press{length: 60 * ms, level: -12, twist: -7}, true},
		{"column 8 dB up is none", press{length: 60 * ms, level: -12, twist: 8}, false},
		{"row 12 dB up is none", press{length: 60 * ms, level: -12, twist: -12}, false},
		{"-32 dBm0 is a press", press{length: 60 * ms, level: -32}, true},
		{"-45 dBm0 is none", press{length: 60 * ms, level: -45}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range codings() {
				for i := range len(digits) {
					for shift := 0; shift < 20; shift += 3 {
						p := tt.p
						p.digit, p.at = Digit(digits[i]), at+time.Duration(shift)*ms
						s := pcm(signal(rate, p.at+p.length+100*ms, p))
						c.pass(s)
						presses, _ := detect(rate, s)
						want := ""
						if tt.want {
							want = p.digit.String()
						}
						if got := digitsOf(presses); got != want {
							t.Fatalf("%s, digit %v at %v: got %q, want %q", c.name, p.digit, p.at, got, want)
						}
					}
				}
			}
		})
	}
}
