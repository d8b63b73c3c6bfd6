package call

import (
	"sync/atomic"

	"mediaserver/mixer"
	"mediaserver/recording"
)

// tap is a place at a port where a recording listens.
type tap int

const (
	ownTap       tap = iota // of the call itself
	secondaryTap            // of the secondary call it is connected with
	actionTap               // of the verb that is running
	numTaps
)

// listener is a recording at a tap.
type listener struct {
	file       *recording.Recording
	keepDigits bool
	meter      *meter // of a recording that ends by itself and has only what the far end says; else nil
	said       said   // with the digits, if they are kept; made by taps.put
}

// write hands a frame to the file.
func (l *listener) write(frame int64, said, heard []int16) {
	if l.meter != nil {
		if !l.meter.hear(frame, said) {
			return
		}
		heard = nil
	}
	l.file.Write(frame, said, heard, 0)
}

// taps are where recordings listen at a port. hear and write belong to the
// port's worker and neither allocate nor wait.
type taps struct {
	at [numTaps]atomic.Pointer[listener]
	// moving: on the way to a room. What is still heard of the hold media does
	// not belong into the recording of the connection.
	moving atomic.Bool

	samples int // of a frame
}

// said is a frame that came from the far end.
type said struct {
	pcm   []int16
	sound bool
}

func newTaps(samples int) taps { return taps{samples: samples} }

// put has a recording listen from the next frame on.
func (t *taps) put(at tap, l *listener) {
	l.said.pcm = make([]int16, t.samples)
	t.at[at].Store(l)
}

// remove takes the recording off; frames of the slot under way may still come.
func (t *taps) remove(at tap) { t.at[at].Store(nil) }

// hear takes a frame as it came from the far end, before digits are taken
// out of it.
func (t *taps) hear(pcm []int16, sound bool) { t.take(pcm, sound, true) }

// hearClean takes the frame without its digits.
func (t *taps) hearClean(pcm []int16, sound bool) { t.take(pcm, sound, false) }

// take keeps a frame for the recordings that want digits, or for the others.
func (t *taps) take(pcm []int16, sound, digits bool) {
	for i := range t.at {
		if l := t.at[i].Load(); l != nil && l.keepDigits == digits {
			if l.said.sound = sound; sound {
				copy(l.said.pcm, pcm)
			}
		}
	}
}

// frame is nil for silence.
func (s *said) frame() []int16 {
	if s.sound {
		return s.pcm
	}
	return nil
}

// write hands the frame to the recordings: what the far end said and what it
// hears.
func (t *taps) write(frame int64, out mixer.Output) {
	for i := range t.at {
		l := t.at[i].Load()
		if l == nil {
			continue
		}
		said, heard := l.said.frame(), out.PCM
		if out.Silent {
			heard = nil
		}
		if tap(i) == secondaryTap && t.moving.Load() {
			said, heard = nil, nil
		}
		l.write(frame, said, heard)
	}
}
