package mixer

import "time"

// Tap is told every frame of a member: a recorder.
type Tap interface {
	// Frame gets what the member's port has delivered in a frame, whether it
	// may talk or not, and what the port was sent. A side with nothing to hear
	// is nil. Frames come in the order of their numbers; those in which the
	// member had no port, or which the engine had to skip, are left out. The
	// slices are valid during the call only. Frame runs on the worker: it must
	// not wait, lock or allocate.
	Frame(frame int64, said, heard []int16)
}

// Tap has t told every frame from the next on, in place of the tap before; nil
// ends that. It stays with the member when its port moves, and ends when the
// member is removed. The channel is closed when the tap before is not called
// any more.
func (m *Member) Tap(t Tap) <-chan struct{} {
	c := &tapMember{member: m, done: newClosing()}
	if t != nil {
		c.tapped = &tapped{tap: t, said: make([]int16, m.room.engine.samples)}
	}
	c.cmd = c
	m.room.engine.post(m.room.slot, &c.node)
	return c.done.done
}

type tapMember struct {
	node
	member *Member
	tapped *tapped
	done   *closing
}

func (c *tapMember) apply(s *slot, _ int64) {
	if m := c.member; m.index >= 0 {
		port := m.ownPort()
		m.tapped = c.tapped
		m.setPort(port)
	}
	s.told.add(&c.done.event)
}

// tapped is a port and the tap of the member that has it. A member without a
// tap has nothing to do with it.
type tapped struct {
	Port
	tap   Tap
	said  []int16 // in this frame
	sound bool    // in said
}

// Receive keeps what the port delivers until it is known what it hears.
func (t *tapped) Receive(frame int64, now time.Time, pcm []int16) Status {
	status := t.Port.Receive(frame, now, pcm)
	t.sound = status&Sound != 0
	if t.sound {
		copy(t.said, pcm)
	}
	return status
}

// Send sends first.
func (t *tapped) Send(frame int64, now time.Time, out Output) {
	t.Port.Send(frame, now, out)
	var said, heard []int16
	if t.sound {
		said = t.said
	}
	if !out.Silent {
		heard = out.PCM
	}
	t.tap.Frame(frame, said, heard)
}

// setPort gives the member a port, through its tap if it has one.
func (m *Member) setPort(p Port) {
	if m.tapped != nil {
		m.tapped.Port = p
		if p != nil {
			p = m.tapped
		}
	}
	m.port = p
}

// ownPort is the member's port without the tap.
func (m *Member) ownPort() Port {
	if m.tapped != nil {
		return m.tapped.Port
	}
	return m.port
}
