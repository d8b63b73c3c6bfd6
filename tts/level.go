package tts

import (
	"math"

	"mediaserver/audio"
)

// Loudness of speech. The voices differ by 14 dB.
const (
	speechLevel = -20.0 // of the frames that are not silent [dBov]
	silentLevel = -50.0 // frames below do not count [dBov]
	peakLevel   = -1.0  // no sample goes beyond [dBFS]
	maxGain     = 20.0  // [dB]
	levelFrames = 50    // frames a second
)

// level brings speech to speechLevel. The samples of c belong to it.
func level(c audio.Clip) audio.Clip {
	frame := max(1, c.Rate/levelFrames)
	silent := audio.EnergyAt(silentLevel, frame)
	var energy uint64
	n, peak := 0, 0
	for s := c.Samples; len(s) > 0; s = s[min(frame, len(s)):] {
		part := s[:min(frame, len(s))]
		if e := audio.Energy(part); e >= silent {
			energy += e
			n += len(part)
		}
		for _, v := range part {
			peak = max(peak, int(v), -int(v))
		}
	}
	if n == 0 || peak == 0 {
		return c
	}
	gain := min(math.Pow(10, min(speechLevel-audio.DBov(energy, n), maxGain)/20),
		math.Pow(10, peakLevel/20)*audio.FullScale/float64(peak))
	out := make([]int16, len(c.Samples))
	for i, v := range c.Samples {
		out[i] = int16(math.Round(float64(v) * gain))
	}
	return audio.Clip{Rate: c.Rate, Samples: out}
}
