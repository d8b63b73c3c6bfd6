package mixer

// The commands. Each carries the memory that the worker needs for it.

type addMember struct {
	node
	member *Member
	plug
	notifier Notifier
	members  []*Member // empty, with room for all; nil: there is enough
	open     []*talker // the same
	line     []*Member // for slot.line
}

func (c *addMember) apply(s *slot, _ int64) {
	m := c.member
	to := m.section
	s.line.take(c.line)
	if to.index < 0 { // the engine has stopped
		m.prompt.finish(s)
		s.told.add(&m.gone.event)
		return
	}
	if c.members != nil {
		to.members = append(c.members, to.members...)
		to.open = c.open
	}
	m.index = len(to.members)
	to.members = append(to.members, m)
	m.plug, m.notifier = c.plug, c.notifier
	s.wake(to)
	if m.prompt != nil {
		m.play = m.prompt
	}
}

type removeMember struct {
	node
	member *Member
}

func (c *removeMember) apply(s *slot, frame int64) { c.member.remove(s, frame) }

// remove takes the member out of its room and lets go of its port.
func (m *Member) remove(s *slot, frame int64) {
	if m.index < 0 {
		return
	}
	c := m.section
	last := c.members[len(c.members)-1]
	c.members[m.index], last.index = last, m.index
	c.members[len(c.members)-1] = nil
	c.members = c.members[:len(c.members)-1]
	m.index = -1
	s.line.stale = true
	clear(c.open[:cap(c.open)]) // of this frame there are none yet
	c.open = c.open[:0]
	m.in.inject.finish(s)
	m.play.finish(s)
	m.in.inject, m.play = nil, nil
	m.level.set(0)
	m.out.level.set(0)
	m.releaseAtOnce(s, frame)
	m.plug, m.notifier = plug{}, nil
	m.moves.removed = true
	m.tellGone(s)
}

type setMember struct {
	node
	member     *Member
	talk, hear bool
}

func (c *setMember) apply(*slot, int64) { c.member.talk, c.member.hear = c.talk, c.hear }

type startPlayback struct {
	node
	playback *Playback
	where    place
	memory   []int16 // one frame, for onInput
}

func (c *startPlayback) apply(s *slot, _ int64) {
	p := c.playback
	m, r := p.member, p.room
	if m == nil && r.home.index < 0 || m != nil && m.index < 0 {
		p.finish(s)
		return
	}
	if p.source == nil {
		p.ended.Store(true)
		p.finish(s)
	}
	if m != nil {
		s.wake(m.section)
	} else {
		s.wake(r.home)
	}
	keep := p
	if p.over {
		keep = nil
	}
	switch c.where {
	case onOutput:
		m.play.finish(s)
		m.play = keep
	case onInput:
		m.in.inject.finish(s)
		m.in.inject = keep
		m.in.injected = c.memory
	case onRoom:
		r.home.announce.finish(s)
		r.home.announce = keep
	}
}

type stopPlayback struct {
	node
	playback *Playback
}

func (c *stopPlayback) apply(s *slot, _ int64) {
	p := c.playback
	if p.over {
		return
	}
	switch m := p.member; {
	case m == nil:
		p.room.home.announce = nil
	case m.play == p:
		m.play = nil
	default:
		m.in.inject = nil
	}
	p.finish(s)
}
