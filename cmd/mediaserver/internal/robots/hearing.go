package robots

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mediaserver/audio"
)

const (
	// audible is the level above which a voice counts in a frame [dBov].
	audible = -50.0
	// present is the share of frames in which a voice must be heard.
	present = 0.2
	// explained is the share of a frame's energy in the known voices below
	// which somebody else is heard.
	explained = 0.6
	// steady is how much a level may change without being told again [dB].
	steady = 3.0
)

// others stands for any voice that is not a robot's.
const others = "somebody else"

// heard is the level [dBov] of each voice in a piece of sound; a voice that is
// not heard is not in it.
type heard map[string]float64

// listen finds the voices in a piece of sound.
func listen(clip audio.Clip, known []voice) heard {
	if len(known) > 0 && known[0].marker > 0 {
		return listenForMarkers(clip, known)
	}
	power := map[string]float64{} // sum over the frames in which it is heard
	frames := map[string]int{}
	total := 0
	note := func(name string, level float64) {
		power[name] += math.Pow(10, level/10)
		frames[name]++
	}
	for frame := range slices.Chunk(clip.Samples, frameSamples) {
		if len(frame) < frameSamples {
			break
		}
		total++
		all := audio.LevelDBov(frame)
		if all < audible {
			continue
		}
		share := 0.0
		for _, v := range known {
			loudest, of := v.in(frame)
			share += of
			if loudest > audible {
				note(v.name, loudest)
			}
		}
		if share < explained {
			note(others, all)
		}
	}
	h := heard{}
	for name, n := range frames {
		if float64(n) >= present*float64(total) {
			h[name] = 10 * math.Log10(power[name]/float64(n))
		}
	}
	return h
}

// in is the level of the voice's loudest note in a frame [dBov], and the share
// of the frame's energy in all its notes.
func (v voice) in(frame []int16) (loudest, share float64) {
	loudest = audio.MinDBov
	for _, f := range v.notes {
		loudest = max(loudest, audio.ToneLevel(frame, rate, f))
		share += audio.ToneShare(frame, rate, f)
	}
	return loudest, min(share, 1)
}

// String lists the voices by name, with their levels.
func (h heard) String() string {
	if len(h) == 0 {
		return "nobody"
	}
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %.0f", name, h[name])
	}
	return strings.Join(names, ", ")
}

// like says whether two hear the same voices at about the same levels.
func (h heard) like(o heard) bool {
	if len(h) != len(o) {
		return false
	}
	for name, level := range h {
		other, ok := o[name]
		if !ok || math.Abs(level-other) >= steady {
			return false
		}
	}
	return true
}
