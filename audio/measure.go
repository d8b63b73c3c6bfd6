package audio

import (
	"math"
	"time"
)

// ToneLevel is the level [dBov] of the sine of frequency freq [Hz] in s: what
// [LevelDBov] would be if s held nothing else. It is a Goertzel filter at
// exactly freq behind a Hann window, so other tones that are 2/T or more away (T
// the length of s) do not count; a tone of -12 dBFS peak gives -15.01.
func ToneLevel(s []int16, rate int, freq float64) float64 {
	power, _ := tonePower(s, rate, freq)
	return powerDBov(power)
}

// ToneShare is the share of the energy of s that is in the sine of frequency
// freq [Hz], 0 to 1, by the same measurement as [ToneLevel]. It is 0 for silence.
func ToneShare(s []int16, rate int, freq float64) float64 {
	power, total := tonePower(s, rate, freq)
	if total == 0 {
		return 0
	}
	return min(1, power/total)
}

// powerDBov is the level of a mean square given in units of FullScale squared.
func powerDBov(power float64) float64 {
	if power <= 0 {
		return MinDBov
	}
	return max(MinDBov, 10*math.Log10(power))
}

// tonePower gives the mean square of the sine at freq and of the whole of s,
// both weighted by the window, in units of FullScale squared. The mean (the DC
// part) of s counts in total only.
func tonePower(s []int16, rate int, freq float64) (tone, total float64) {
	if len(s) < 2 || rate <= 0 {
		return 0, 0
	}
	angle := 2 * math.Pi * freq / float64(rate)
	turn := 2 * math.Cos(angle)
	var s1, s2, weight, weight2, energy float64
	for i, v := range s {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(s)))
		x := w * float64(v)
		energy += x * x
		weight += w
		weight2 += w * w
		s1, s2 = x+turn*s1-s2, s1
	}
	const scale = FullScale * FullScale
	magnitude2 := max(0, s1*s1+s2*s2-turn*s1*s2)
	// A sine of amplitude a gives |X| = a·Σw/2, and its mean square is a²/2.
	return 2 * magnitude2 / (weight * weight) / scale, energy / weight2 / scale
}

// Span is a stretch of a recording.
type Span struct{ From, To time.Duration }

// Length is the time the span lasts.
func (s Span) Length() time.Duration { return s.To - s.From }

// spanStep is the resolution of the functions that return spans.
const spanStep = 5 * time.Millisecond

// LongestSilence is the longest stretch of c in which every piece of 5 ms is
// below level [dBov]; an empty Span if there is none. Silence before the first
// and after the last sound counts, too.
func LongestSilence(c Clip, level float64) Span {
	var longest Span
	for _, s := range Silences(c, level, spanStep) {
		if s.Length() > longest.Length() {
			longest = s
		}
	}
	return longest
}

// Silences are the stretches of c, at least shortest long, in which every piece
// of 5 ms is below level [dBov].
func Silences(c Clip, level float64, shortest time.Duration) []Span {
	return spans(c, spanStep, shortest, func(s []int16) bool { return LevelDBov(s) < level })
}

// toneStep is the resolution of ToneSpans: a compromise between place and
// frequency (tones 100 Hz away are told apart).
const toneStep = 20 * time.Millisecond

// ToneSpans are the stretches of c, at least shortest long, in which every piece
// of 20 ms holds the sine of frequency freq [Hz] at level [dBov] or louder.
func ToneSpans(c Clip, freq, level float64, shortest time.Duration) []Span {
	return spans(c, toneStep, shortest, func(s []int16) bool { return ToneLevel(s, c.Rate, freq) >= level })
}

// spans joins consecutive pieces of c, each step long, that satisfy match.
func spans(c Clip, step, shortest time.Duration, match func([]int16) bool) []Span {
	n := samplesOf(step, c.Rate)
	if n == 0 {
		return nil
	}
	var found []Span
	start := -1
	end := func(at int) {
		if start < 0 {
			return
		}
		s := Span{From: durationOf(start, c.Rate), To: durationOf(at, c.Rate)}
		if s.Length() >= shortest {
			found = append(found, s)
		}
		start = -1
	}
	for at := 0; at < len(c.Samples); at += n {
		piece := c.Samples[at:min(at+n, len(c.Samples))]
		switch {
		case !match(piece):
			end(at)
		case start < 0:
			start = at
		}
	}
	end(len(c.Samples))
	return found
}
