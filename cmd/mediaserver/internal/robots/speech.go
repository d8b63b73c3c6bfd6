package robots

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"mediaserver/audio"
)

// Rate is that of the robots' sound [Hz].
const Rate = rate

// Say speaks a text at Rate by the first of the voices that there is, else by
// any.
type Say func(ctx context.Context, text string, voices ...string) (audio.Clip, error)

const (
	// markerLevel is that of the tone under a voice [dBFS peak]. It is hardly
	// heard beside speech.
	markerLevel = -44
	// markerLoss is how much of it may be missing [dB].
	markerLoss = 8.0
	// markerBlock is the piece of sound in which markers are measured. In 200 ms
	// speech has little at the very frequency.
	markerBlock = rate / 5
	// markerUnit holds whole periods of every marker.
	markerUnit = rate / 10
	// unmarked stands for any voice without a marker: the greeting of the demo
	// application, or a caller.
	unmarked = "the greeting or a guest"
	// between is the silence after a sentence.
	between = 350 * time.Millisecond
)

// speaking are the robots' voices where texts can be spoken: words, and under
// them a tone by which they are found.
func speaking(ctx context.Context, say Say) ([]voice, error) {
	list := voices()
	list[0].marker, list[1].marker = 2870, 3130
	words := [][]string{
		{"Hello, this is the melody. It goes like this."},
		{
			"Good day, this is the talker.", "I talk so that the others have something to hear.",
			"Now and then I press one, and then nobody hears me.", "Join us with a phone of your own.",
		},
	}
	selectors := []string{"English Female", "English Male"}
	for i := range list {
		clip := audio.Clip{Rate: rate}
		for _, text := range words[i] {
			c, err := say(ctx, text, selectors[i])
			if err != nil {
				return nil, err
			}
			clip.Samples = append(clip.Samples, c.Samples...)
			clip.Samples = append(clip.Samples, make([]int16, int(between*rate/time.Second))...)
		}
		if list[i].name == melodyName {
			tune := list[i].clip().Samples
			clip.Samples = append(append(clip.Samples, tune...), tune...)
		}
		list[i].words = mark(clip, list[i].marker)
	}
	return list, nil
}

// mark puts a tone under a clip, which is lengthened so that both can be
// repeated without a gap.
func mark(c audio.Clip, freq float64) audio.Clip {
	n := (len(c.Samples) + markerUnit - 1) / markerUnit * markerUnit
	sum := make([]int32, n)
	audio.Add(sum[:len(c.Samples)], c.Samples)
	audio.Add(sum, audio.ToneClip(rate, []float64{freq}, markerLevel, time.Duration(n)*time.Second/rate, 0).Samples)
	out := audio.Clip{Rate: rate, Samples: make([]int16, n)}
	for i, v := range sum {
		out.Samples[i] = int16(min(max(v, math.MinInt16), math.MaxInt16))
	}
	return out
}

// markedLevel is the level of the voice's marker in a piece of sound [dBov]:
// the median of blocks, which speech at its frequency does not move.
func (v voice) markedLevel(clip audio.Clip) float64 {
	var levels []float64
	for block := range slices.Chunk(clip.Samples, markerBlock) {
		if len(block) == markerBlock {
			levels = append(levels, audio.ToneLevel(block, rate, v.marker))
		}
	}
	if len(levels) == 0 {
		return audio.MinDBov
	}
	slices.Sort(levels)
	return levels[(len(levels)-1)/2]
}

// listenForMarkers finds the voices in a piece of sound by their markers. The
// level of a voice is the marker's and what the voice is above it on the
// average. Where there is sound and no marker, another voice is heard.
func listenForMarkers(clip audio.Clip, known []voice) heard {
	const sent = markerLevel - 3.01 // of a sine [dBov]
	h := heard{}
	for _, v := range known {
		if level := v.markedLevel(clip); level > sent-markerLoss {
			h[v.name] = level - sent + audio.LevelDBov(v.words.Samples)
		}
	}
	if len(h) > 0 {
		return h
	}
	if level, ok := listen(clip, nil)[others]; ok {
		h[unmarked] = level
	}
	return h
}

// explanation says how it is found who hears whom.
func explanation(known []voice) string {
	text := "the robots speak; under each voice lies a quiet tone ("
	for i, v := range known {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %.0f Hz", v.name, v.marker)
	}
	return text + ") by which it is measured who hears whom; levels are the tone's plus the voice's average above it"
}
