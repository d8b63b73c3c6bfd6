package mixer

import "iter"

// section is what one (worker, slot) serves of a room: some of its members. A
// room has one, its home, until it is wide.
type section struct {
	room *Room
	slot *slot

	// Under Room.mu.
	count    int   // members
	capacity int   // members for which the worker has memory
	weight   int64 // its part of slot.load
	own      *wide // what it is given to be wide; nil: there is no other section

	// All below belongs to the worker.
	index    int // in slot.sections; -1: not there
	members  []*Member
	open     []*talker // those whose gate is open; the first `mixed` of them contribute
	mixed    int
	ports    int       // members with one, in the last frame
	announce *Playback // of the home
	wide     *wide     // nil: this is the whole room
	kept     bool      // shared was made in the last frame
	shared   stream    // what is heard by all who hear the same
}

func newSection(r *Room, s *slot) *section {
	return &section{room: r, slot: s, index: -1, shared: newStream(r.engine.cfg.Format.Rate)}
}

// serve gives the section's members one frame.
func (c *section) serve(s *slot, frame int64) {
	c.gather(s, frame)
	announced := c.readAnnouncement(s)
	c.offer(frame, announced)
	if elsewhere := c.collect(frame); elsewhere != nil {
		announced = elsewhere
	}
	c.pick(s.engine.cfg.MixedTalkers)
	c.settle()
	mix := &s.scratch.mix
	c.mix(mix, announced)
	c.letGo()
	c.kept = c.route()
	if c.kept {
		c.mixShared(mix, frame)
	}
	c.scatter(s, frame, mix)
}

// still reports whether the section, without ports, need not be served until a
// command changes something: nothing is played, and all gates are shut. Most
// calls have such a room, that of their own, while they are in a conference.
func (c *section) still() bool {
	if c.wide != nil || c.announce != nil {
		return false
	}
	for _, m := range c.members {
		if m.port != nil || m.play != nil || m.in.inject != nil || m.in.hang > 0 {
			return false
		}
	}
	return true
}

// addSection is the command that brings a section to its worker.
type addSection struct {
	node
	section  *section
	sections []*section // empty, with room for all; nil: there is enough
}

func (a *addSection) apply(s *slot, _ int64) {
	if a.sections != nil {
		s.sections = append(a.sections, s.sections...)
	}
	a.section.index = len(s.sections)
	s.sections = append(s.sections, a.section)
	s.wake(a.section)
}

type closeSection struct {
	node
	section *section
}

func (c *closeSection) apply(s *slot, frame int64) { c.section.close(s, frame) }

// close removes all members and the section; with the last the room is gone.
func (c *section) close(s *slot, frame int64) {
	if c.index < 0 {
		return
	}
	for len(c.members) > 0 {
		c.members[len(c.members)-1].remove(s, frame)
	}
	c.announce.finish(s)
	c.announce = nil
	s.rest(c)
	s.swap(c.index, len(s.sections)-1)
	s.sections[len(s.sections)-1] = nil
	s.sections = s.sections[:len(s.sections)-1]
	c.index = -1
	if r := c.room; r.living.Add(-1) == 0 && r.told.CompareAndSwap(false, true) {
		s.told.add(&r.gone.event)
	}
}

// What things weigh when a place is chosen: a port is most of the work.
const (
	weightOfRoom   = 1
	weightOfMember = 1
	weightOfPort   = 6
)

// weigh makes the section heavier. Room.mu is held, or nobody knows the room yet.
func (c *section) weigh(n int64) {
	c.weight += n
	c.slot.load.Add(n)
}

// weight is what the member weighs.
func (m *Member) weight() int64 {
	if m.ported {
		return weightOfMember + weightOfPort
	}
	return weightOfMember
}

// expectPort notes whether the member has a port, or one is on its way to it.
func (m *Member) expectPort(has bool) (had bool) {
	r := m.room
	r.mu.Lock()
	defer r.mu.Unlock()
	had = m.ported
	if had == has || r.closed || m.leaving.Load() {
		return had
	}
	m.section.weigh(-m.weight())
	m.ported = has
	m.section.weigh(m.weight())
	return had
}

// place puts a section where it was decided to be. Engine.mu is held.
func (e *Engine) place(c *section) {
	s := c.slot
	a := &addSection{section: c}
	a.cmd = a
	if s.placed == s.capacity {
		s.capacity = max(16, 2*s.capacity)
		a.sections = make([]*section, 0, s.capacity)
	}
	s.placed++
	c.weigh(weightOfRoom)
	c.room.living.Add(1)
	e.post(s, &a.node)
}

// places are all slots, in an order that spreads over workers first.
func (e *Engine) places() iter.Seq[*slot] {
	return func(yield func(*slot) bool) {
		for i := range SlotsPerFrame {
			for _, w := range e.workers {
				if !yield(w.slots[i]) {
					return
				}
			}
		}
	}
}

// leastLoaded is the place with the least load of those that are allowed; of
// equal ones the first. nil: there is none. Engine.mu is held.
func (e *Engine) leastLoaded(allowed func(*slot) bool) *slot {
	var best *slot
	for s := range e.places() {
		if allowed(s) && (best == nil || s.load.Load() < best.load.Load()) {
			best = s
		}
	}
	return best
}

// anywhere allows all places.
func anywhere(*slot) bool { return true }
