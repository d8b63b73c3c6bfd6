package audio

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrDigit is returned for a character that is not one of 0–9, A–D, # and *.
var ErrDigit = errors.New("audio: not a digit")

const (
	beepFrequency = 1000.0                 // [Hz]
	beepLength    = 200 * time.Millisecond // total, ramps included
	beepLevel     = -12.0                  // [dBFS peak]
	beepRamp      = 5 * time.Millisecond   // at both ends

	dtmfTone  = 100 * time.Millisecond
	dtmfPause = 100 * time.Millisecond
	dtmfLevel = -10.0 // [dBFS peak] per tone
	dtmfRamp  = time.Millisecond
)

// amplitude is the peak sample value of a sine of level [dBFS peak].
func amplitude(level float64) float64 { return FullScale * math.Pow(10, level/20) }

// clamp16 rounds v to the nearest sample value. Generators use it; a mix does not.
func clamp16(v float64) int16 {
	return int16(max(math.MinInt16, min(math.MaxInt16, math.RoundToEven(v))))
}

// Tone is an endless [Source] of one or more sines of equal level, each
// beginning at phase zero. Its phase is exact however long it runs.
type Tone struct {
	cycles    []float64 // cycles per sample of each sine
	amplitude float64
	n         int64 // samples made so far
}

// NewTone makes the sum of sines of freqs [Hz], each of level [dBFS peak], at
// rate [Hz].
func NewTone(rate int, freqs []float64, level float64) *Tone {
	t := &Tone{amplitude: amplitude(level), cycles: make([]float64, len(freqs))}
	for i, f := range freqs {
		t.cycles[i] = f / float64(rate)
	}
	return t
}

// toneBlock is the number of samples made by rotation before the phase is
// computed anew.
const toneBlock = 160

// Read implements [Source]. It always fills dst.
func (t *Tone) Read(dst []int16) int {
	for done := 0; done < len(dst); done += toneBlock {
		t.block(dst[done:min(done+toneBlock, len(dst))])
	}
	return len(dst)
}

// block makes at most toneBlock samples. A sine is the imaginary part of a
// vector that is turned by a fixed angle per sample.
func (t *Tone) block(dst []int16) {
	var sum [toneBlock]float64
	for _, c := range t.cycles {
		_, turns := math.Modf(c * float64(t.n))
		im, re := math.Sincos(2 * math.Pi * turns)
		stepIm, stepRe := math.Sincos(2 * math.Pi * c)
		for i := range dst {
			sum[i] += im
			re, im = re*stepRe-im*stepIm, im*stepRe+re*stepIm
		}
	}
	for i := range dst {
		dst[i] = clamp16(t.amplitude * sum[i])
	}
	t.n += int64(len(dst))
}

// ToneClip is a piece of length d of the tone of [NewTone], with raised-cosine
// ramps of length ramp inside both ends (0 for none).
func ToneClip(rate int, freqs []float64, level float64, d, ramp time.Duration) Clip {
	c := Clip{Rate: rate, Samples: make([]int16, samplesOf(d, rate))}
	NewTone(rate, freqs, level).Read(c.Samples)
	fadeEnds(c.Samples, samplesOf(ramp, rate))
	return c
}

// fadeEnds applies raised-cosine ramps to the first and last n samples.
func fadeEnds(s []int16, n int) {
	n = min(n, len(s)/2)
	for i := range n {
		s[i] = clamp16(rampGain(i, n) * float64(s[i]))
	}
	fadeOut(s, n)
}

// fadeOut applies a falling raised-cosine ramp to the last n samples.
func fadeOut(s []int16, n int) {
	n = min(n, len(s))
	for i := range n {
		j := len(s) - 1 - i
		s[j] = clamp16(rampGain(i, n) * float64(s[j]))
	}
}

// rampGain is the gain of step i of a rising raised-cosine ramp of n steps.
func rampGain(i, n int) float64 {
	return 0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
}

// Beep is the tone that announces an entry: 1000 Hz for 200 ms at
// -12 dBFS peak, with ramps of 5 ms inside both ends so that it does not click.
func Beep(rate int) Clip {
	return ToneClip(rate, []float64{beepFrequency}, beepLevel, beepLength, beepRamp)
}

// dtmfFrequencies gives the low and the high tone [Hz] of a digit, ITU-T Q.23.
func dtmfFrequencies(digit byte) (low, high float64, ok bool) {
	const keys = "123A456B789C*0#D"
	rows := [4]float64{697, 770, 852, 941}
	columns := [4]float64{1209, 1336, 1477, 1633}
	for i := range len(keys) {
		if keys[i] == digit {
			return rows[i/4], columns[i%4], true
		}
	}
	return 0, 0, false
}

// DTMFTones is the audio of a string of digits: each is 100 ms of its two tones
// (ITU-T Q.23, -10 dBFS peak each) and 100 ms of pause. A character that is not
// a digit gives an error that wraps [ErrDigit] and names its place.
func DTMFTones(rate int, digits string) (Clip, error) {
	c := Clip{Rate: rate}
	for i := range len(digits) {
		low, high, ok := dtmfFrequencies(digits[i])
		if !ok {
			return Clip{}, fmt.Errorf("%w: %q at position %d", ErrDigit, digits[i:i+1], i+1)
		}
		tone := ToneClip(rate, []float64{low, high}, dtmfLevel, dtmfTone, dtmfRamp)
		c.Samples = append(c.Samples, tone.Samples...)
		c.Samples = append(c.Samples, make([]int16, samplesOf(dtmfPause, rate))...)
	}
	return c, nil
}
