package audio

import "time"

// Clip is a whole piece of audio in memory, mono. It is immutable once shared.
type Clip struct {
	Rate    int // samples per second
	Samples []int16
}

// Duration is the time the clip takes to play.
func (c Clip) Duration() time.Duration { return durationOf(len(c.Samples), c.Rate) }

// Source yields consecutive samples. Read fills dst and returns how many it
// wrote; fewer than len(dst) means that the source has ended, and it returns 0
// ever after. Read runs on the media path: no allocation, lock or waiting.
type Source interface {
	Read(dst []int16) int
}

// PlayClip is a source that plays c once.
func PlayClip(c Clip) Source { return &sequence{clips: []Clip{c}} }

// LoopClip is a source that repeats c without a gap, for ever. An empty clip
// ends at once.
func LoopClip(c Clip) Source { return Sequence([]Clip{c}, true) }

// Sequence is a source that plays clips in order, without a gap between them.
// With loop it begins again after the last, for ever; if all clips are empty it
// ends at once. The clips must have the rate of the stream they are read into;
// the slice must not be changed afterwards.
func Sequence(clips []Clip, loop bool) Source {
	if loop {
		total := 0
		for _, c := range clips {
			total += len(c.Samples)
		}
		loop = total > 0
	}
	return &sequence{clips: clips, loop: loop}
}

// sequence implements Sequence. If loop is set at least one clip has samples.
type sequence struct {
	clips []Clip
	next  int // index of the clip being read
	pos   int // samples of it already read
	loop  bool
}

// Read implements Source.
func (s *sequence) Read(dst []int16) int {
	n := 0
	for n < len(dst) {
		if s.next == len(s.clips) {
			if !s.loop {
				break
			}
			s.next = 0
		}
		k := copy(dst[n:], s.clips[s.next].Samples[s.pos:])
		n += k
		s.pos += k
		if s.pos == len(s.clips[s.next].Samples) {
			s.next++
			s.pos = 0
		}
	}
	return n
}
