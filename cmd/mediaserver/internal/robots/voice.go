package robots

import (
	"time"

	"mediaserver/audio"
)

const (
	// rate of all sound here, samples per second.
	rate = 8000
	// frameSamples is 20 ms, in which a voice has one note.
	frameSamples = rate / 50
	// loudness of the voices [dBFS peak].
	loudness = -18
)

// voice is what a robot sends: syllables of one note each.
type voice struct {
	name  string
	notes []float64 // frequencies [Hz], at least 100 Hz from those of others
	tune  []int     // notes by index, one a syllable; -1 is a pause for breath

	// Of a voice that speaks: all it says, and the tone under it [Hz].
	words  audio.Clip
	marker float64
}

// melodyName is the robot with a melody.
const melodyName = "melody"

// voices are those of the two robots that speak.
func voices() []voice {
	return []voice{
		{name: melodyName, notes: []float64{400, 500, 600, 700}, tune: []int{0, 1, 3, 2, 1, -1, 2, 3, 2, 0, -1, 0, 2, 1, 3, 3, -1}},
		{name: "talker", notes: []float64{1250}, tune: []int{0, 0, 0, -1, 0, 0, 0, 0, -1}},
	}
}

// Lengths of the parts of a syllable.
const (
	shortSyllable = 120 * time.Millisecond
	longSyllable  = 200 * time.Millisecond
	gap           = 40 * time.Millisecond
	breath        = 240 * time.Millisecond
	ramp          = 15 * time.Millisecond
)

// source is the voice without end.
func (v voice) source() audio.Source {
	if v.marker > 0 {
		return audio.LoopClip(v.words)
	}
	return audio.LoopClip(v.clip())
}

// clip is the tune, once.
func (v voice) clip() audio.Clip {
	clip := audio.Clip{Rate: rate}
	pause := func(d time.Duration) {
		clip.Samples = append(clip.Samples, make([]int16, int(d*rate/time.Second))...)
	}
	for i, n := range v.tune {
		if n < 0 {
			pause(breath)
			continue
		}
		length := shortSyllable
		if i%3 == 2 {
			length = longSyllable
		}
		clip.Samples = append(clip.Samples, audio.ToneClip(rate, v.notes[n:n+1], loudness, length, ramp).Samples...)
		pause(gap)
	}
	return clip
}
