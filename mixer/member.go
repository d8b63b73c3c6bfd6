package mixer

import (
	"sync/atomic"

	"mediaserver/audio"
)

// Member is a place in a room. Make it with Room.Add.
type Member struct {
	// What every frame needs comes first, and together: most members of a
	// large room only listen.

	plug            // the worker's
	level gauge     // of the input, with inMix
	talk  bool      // the worker's
	hear  bool      // the worker's
	play  *Playback // the worker's; private
	minus *part     // the worker's; what the frame to be sent has of the member, nil: nothing
	in    input
	out   output

	room     *Room
	section  *section
	gone     *closing
	prompt   *Playback
	leaving  atomic.Bool  // Remove was called
	ported   bool         // has a port, or will have; under Room.mu
	incoming atomic.Int64 // moves to here that were given

	// All below belongs to the worker of the room.
	index    int // in room.members; -1: not there
	notifier Notifier
	notice   notice
	moves    moves
}

func newMember(r *Room, o MemberOptions) *Member {
	m := &Member{
		room: r, gone: newClosing(), index: -1,
		talk: o.Talk, hear: o.Hear,
		out: output{stream: newStream(r.engine.cfg.Format.Rate)},
	}
	m.in.talker = talker{id: r.engine.nextID.Add(1), member: m}
	if o.Port != nil {
		m.in.pcm = make([]int16, r.engine.samples) // it goes with the port
	}
	m.notice.what = &m.notice
	if o.Prompt != nil {
		m.prompt = newPlayback(o.Prompt, r, m)
	}
	return m
}

// Room is the room the member is in.
func (m *Member) Room() *Room { return m.room }

// Prompt is the playback of MemberOptions.Prompt; nil when there was none.
func (m *Member) Prompt() *Playback { return m.prompt }

// Set says whether the member's input counts in the room (talk), and whether
// it hears the room: the others and announcements (hear).
func (m *Member) Set(talk, hear bool) {
	c := &setMember{member: m, talk: talk, hear: hear}
	c.cmd = c
	m.room.engine.post(m.section.slot, &c.node)
}

// Play plays s to this member alone, over whatever it hears, from the next
// frame on. It replaces the play before. nil ends that and is over at once.
// The source is read also while the member has no port.
func (m *Member) Play(s audio.Source) *Playback {
	return m.room.start(newPlayback(s, m.room, m), onOutput)
}

// Inject plays s into the room as this member's own input, together with what
// its port delivers: the others hear it while the member may talk, the member
// itself does not. The source is read also while it may not. It replaces the
// injection before. nil ends that and is over at once.
func (m *Member) Inject(s audio.Source) *Playback {
	return m.room.start(newPlayback(s, m.room, m), onInput)
}

// Remove takes the member out of its room. The channel, the same for every
// call, is closed when no worker uses the member's port any more, nor one on
// its way to the member by MovePort. Playbacks of the member end.
func (m *Member) Remove() <-chan struct{} {
	if !m.leaving.CompareAndSwap(false, true) {
		return m.gone.done
	}
	r := m.room
	c := &removeMember{member: m}
	c.cmd = c
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		m.section.count--
		m.section.slot.line.placed.Add(-1)
		m.section.weigh(-m.weight())
		r.engine.cfg.Metrics.members.Dec()
	}
	r.engine.post(m.section.slot, &c.node)
	return m.gone.done
}

// MovePort takes the member's port and gives it to another member, of this or
// another room. It is done at a frame boundary: the port is served exactly once
// per frame number. A port that `to` had is let go. The channel is closed when
// the port is with `to`; or was let go because `to` has been removed; or when
// there was no port to move. A move given while the port is still on its way
// here follows it.
func (m *Member) MovePort(to *Member) <-chan struct{} {
	c := &move{from: m, to: to, done: newClosing()}
	c.cmd = c
	c.after = m.incoming.Load()
	if m != to && m.expectPort(false) {
		to.expectPort(true)
	}
	to.incoming.Add(1)
	m.room.engine.post(m.section.slot, &c.node)
	return c.done.done
}

// Level is the level of the member's last input [dBov]: audio.MinDBov without
// sound, and while the member may not talk.
func (m *Member) Level() float64 { return m.level.dBov(m.room.engine.samples) }

// Contributing reports whether the member's input was in the last mix.
func (m *Member) Contributing() bool { return m.level.Load()&inMix != 0 }

// HeardLevel is the level of what the member hears [dBov], a few times a
// second; audio.MinDBov without a port.
func (m *Member) HeardLevel() float64 {
	if m.out.level.Load()&asRoom != 0 {
		return m.section.shared.level.dBov(m.room.engine.samples)
	}
	return m.out.level.dBov(m.room.engine.samples)
}
