package mixer

// keepUp is how many frames a port is served at once when it comes late from
// another worker; of more the engine would have skipped some.
const keepUp = 3

// move is the command that takes a port from one member to another. It goes
// through the queue of the one and then, with the port, through that of the
// other.
type move struct {
	node
	from, to *Member
	done     *closing
	after    int64 // moves to `from` that were given before this one
	under    bool  // has left `from`
	plug
	notifier Notifier
	pcm      []int16 // memory for a frame of the port
	due      int64   // frame that the port is to be served next
	later    *move   // in slot.departing, slot.early or moves.onward
}

// moves is what a member knows of moves.
type moves struct {
	arrived int64 // moves that have come here, of Member.incoming
	leaving *move // the move that takes the port after this frame's sends
	onward  *move // moves waiting for a port on its way here, in order
	removed bool  // the removal is yet to be told
}

func (c *move) apply(s *slot, frame int64) {
	if c.under {
		c.arrive(s, frame)
		return
	}
	m := c.from
	switch {
	case m.port == nil || m.moves.leaving != nil:
		if m.moves.arrived < c.after { // it may be on its way here
			appendMove(&m.moves.onward, c)
			return
		}
		c.due = frame // nothing to move
	case c.to.section.slot == s, c.to.section.slot.index > s.index, m.index < 0, s.final:
		// `to` serves this frame.
		c.take(frame)
	default:
		// `to` has served this frame, or may just now: it takes over with the next.
		m.moves.leaving = c
		appendMove(&s.departing, c)
		return
	}
	c.send(s, frame)
}

// take takes the port from where it is. It was served up to the frame before due.
func (c *move) take(due int64) {
	m := c.from
	c.plug, c.notifier, c.pcm, c.due = m.plug, m.notifier, m.in.pcm, due
	m.plug, m.notifier, m.in.pcm, m.moves.leaving = plug{}, nil, nil, nil
	m.out.drop()
}

// send brings the port to the worker of the other member.
func (c *move) send(s *slot, frame int64) {
	c.under = true
	if to := c.to.section.slot; to != s {
		to.queue.push(&c.node)
		s.handed = true
		return
	}
	c.arrive(s, frame)
}

// arrive gives the port to its new member, in the slot of that, or waits for
// the frame that is due.
func (c *move) arrive(s *slot, frame int64) {
	if c.port != nil && c.due > frame && !s.final {
		appendMove(&s.early, c)
		return
	}
	m := c.to
	m.moves.arrived++
	if c.port != nil {
		m.releaseAtOnce(s, frame)
		m.plug, m.notifier, m.in.pcm = c.plug, c.notifier, c.pcm
		m.out.drop()
		if m.index >= 0 {
			s.wake(m.section)
		}
		m.catchUp(s, c.due, frame)
		c.plug, c.notifier, c.pcm = plug{}, nil, nil
	}
	s.told.add(&c.done.event)
	onward := m.moves.onward
	m.moves.onward = nil
	for onward != nil {
		next := onward.later
		onward.later = nil
		onward.apply(s, frame)
		onward = next
	}
	if m.index < 0 {
		m.plug, m.notifier = plug{}, nil
		m.tellGone(s)
	}
}

// catchUp serves the frames that a port has missed on its way here: what it
// received is lost, and it is sent silence.
func (m *Member) catchUp(s *slot, due, frame int64) {
	if s.final {
		return
	}
	for f := max(due, frame-keepUp); f < frame; f++ {
		m.receive(s, f)
		m.sendSilence(s, f)
	}
}

// releaseAtOnce sends off a port that was to leave after this frame's sends.
func (m *Member) releaseAtOnce(s *slot, frame int64) {
	c := m.moves.leaving
	if c == nil {
		return
	}
	for p := &s.departing; *p != nil; p = &(*p).later {
		if *p == c {
			*p, c.later = c.later, nil
			break
		}
	}
	c.take(frame)
	c.send(s, frame)
}

// tellGone tells of the removal, once, when no port is on its way here.
func (m *Member) tellGone(s *slot) {
	if m.moves.removed && m.moves.arrived == m.incoming.Load() {
		m.moves.removed = false
		s.told.add(&m.gone.event)
	}
}

// depart sends off the ports that were served for the last time in frame.
func (s *slot) depart(frame int64) {
	for c := s.departing; c != nil; c = s.departing {
		s.departing, c.later = c.later, nil
		c.take(frame + 1)
		c.send(s, frame)
	}
}

func appendMove(list **move, c *move) {
	for *list != nil {
		list = &(*list).later
	}
	*list = c
}
