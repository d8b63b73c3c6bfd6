package mixer

// The commands. Each carries the memory that the worker needs for it.

type addRoom struct {
	node
	room  *Room
	rooms []*Room // empty, with room for all; nil: there is enough
}

func (c *addRoom) apply(s *slot, _ int64) {
	if c.rooms != nil {
		s.rooms = append(c.rooms, s.rooms...)
	}
	c.room.index = len(s.rooms)
	s.rooms = append(s.rooms, c.room)
}

type closeRoom struct {
	node
	room *Room
}

func (c *closeRoom) apply(s *slot, frame int64) { c.room.close(s, frame) }

// close removes all members and the room.
func (r *Room) close(s *slot, frame int64) {
	if r.index < 0 {
		return
	}
	for len(r.members) > 0 {
		r.members[len(r.members)-1].remove(s, frame)
	}
	r.announce.finish(s)
	r.announce = nil
	last := s.rooms[len(s.rooms)-1]
	s.rooms[r.index], last.index = last, r.index
	s.rooms[len(s.rooms)-1] = nil
	s.rooms = s.rooms[:len(s.rooms)-1]
	r.index = -1
	s.told.add(&r.gone.event)
}

type addMember struct {
	node
	member        *Member
	port          Port
	notifier      Notifier
	members, open []*Member // empty, with room for all; nil: there is enough
}

func (c *addMember) apply(s *slot, _ int64) {
	m := c.member
	r := m.room
	if r.index < 0 { // the engine has stopped
		m.prompt.finish(s)
		s.told.add(&m.gone.event)
		return
	}
	if c.members != nil {
		r.members = append(c.members, r.members...)
		r.open = c.open
	}
	m.index = len(r.members)
	r.members = append(r.members, m)
	m.port, m.notifier = c.port, c.notifier
	if m.prompt != nil {
		m.out.play = m.prompt
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
	r := m.room
	last := r.members[len(r.members)-1]
	r.members[m.index], last.index = last, m.index
	r.members[len(r.members)-1] = nil
	r.members = r.members[:len(r.members)-1]
	m.index = -1
	clear(r.open[:cap(r.open)]) // of this frame there are none yet
	r.open = r.open[:0]
	m.in.inject.finish(s)
	m.out.play.finish(s)
	m.in.inject, m.out.play = nil, nil
	m.level.set(0)
	m.out.level.set(0)
	m.releaseAtOnce(s, frame)
	m.port, m.notifier = nil, nil
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
	if r.index < 0 || m != nil && m.index < 0 {
		p.finish(s)
		return
	}
	if p.source == nil {
		p.ended.Store(true)
		p.finish(s)
	}
	keep := p
	if p.over {
		keep = nil
	}
	switch c.where {
	case onOutput:
		m.out.play.finish(s)
		m.out.play = keep
	case onInput:
		m.in.inject.finish(s)
		m.in.inject = keep
		m.in.injected = c.memory
	case onRoom:
		r.announce.finish(s)
		r.announce = keep
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
		p.room.announce = nil
	case m.out.play == p:
		m.out.play = nil
	default:
		m.in.inject = nil
	}
	p.finish(s)
}
