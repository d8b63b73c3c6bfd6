package mixer

import (
	"sync/atomic"

	"mediaserver/audio"
)

// Playback is a source that is being read, once per frame, until it has ended
// by itself, was stopped or replaced, or its member or room has gone.
type Playback struct {
	event
	room    *Room
	member  *Member // nil: announcement
	source  audio.Source
	done    chan struct{}
	ended   atomic.Bool
	samples atomic.Int64
	over    bool // the worker's: done is closed or will be after the slot's sends
}

// place says who hears a playback.
type place uint8

const (
	onOutput place = iota // the member
	onInput               // the others, as the member's input
	onRoom                // all
)

func newPlayback(s audio.Source, r *Room, m *Member) *Playback {
	p := &Playback{room: r, member: m, source: s, done: make(chan struct{})}
	p.what = p
	return p
}

// Done is closed after the last frame that holds a sample of the source was
// sent (one frame later when the source ends with the frame: only the next Read
// tells), or when the playback is over for another reason.
func (p *Playback) Done() <-chan struct{} { return p.done }

// Ended reports whether the source has been read to its end. It does not
// change any more once Done is closed.
func (p *Playback) Ended() bool { return p.ended.Load() }

// Samples is the number of samples read so far.
func (p *Playback) Samples() int64 { return p.samples.Load() }

// Stop ends the playback at the next frame boundary.
func (p *Playback) Stop() {
	c := &stopPlayback{playback: p}
	c.cmd = c
	p.room.engine.post(p.slot(), &c.node)
}

// slot is where the playback is read.
func (p *Playback) slot() *slot {
	if p.member != nil {
		return p.member.section.slot
	}
	return p.room.home.slot
}

// deliver implements the event that Done reports.
func (p *Playback) deliver() { close(p.done) }

// read fills pcm with the next frame and returns how many samples it has. The
// playback may be over afterwards.
func (p *Playback) read(s *slot, pcm []int16) int {
	n := p.source.Read(pcm)
	if n > 0 {
		p.samples.Store(p.samples.Load() + int64(n))
	}
	if n < len(pcm) {
		p.ended.Store(true)
		p.finish(s)
	}
	return n
}

// finish ends the playback. The place that holds it must forget it.
func (p *Playback) finish(s *slot) {
	if p == nil || p.over {
		return
	}
	p.over = true
	s.told.add(&p.event)
}
