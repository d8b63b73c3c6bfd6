package mixer

import (
	"sync"
	"sync/atomic"

	"mediaserver/audio"
)

// Room is a set of members, some of which hear what others say. Make it with
// Engine.NewRoom.
type Room struct {
	engine *Engine
	name   string
	gone   *closing
	living atomic.Int32 // sections that are not closed
	told   atomic.Bool  // gone is, or will be after the slot's sends

	mu       sync.Mutex // guards the next two, and some of each section
	closed   bool
	sections []*section // the home first

	home *section
}

func newRoom(e *Engine, s *slot, name string) *Room {
	r := &Room{engine: e, name: name, gone: newClosing()}
	r.home = newSection(r, s)
	r.sections = []*section{r.home}
	return r
}

// Name is the name the room was made with.
func (r *Room) Name() string { return r.name }

// MemberOptions say what a new member is.
type MemberOptions struct {
	Port       Port         // may be nil
	Talk, Hear bool         // see Member.Set
	Prompt     audio.Source // played to the member from its first frame on, see Member.Play; may be nil
}

// Add makes a member. It takes part from the next frame on. A member added to
// a closed room is one that has been removed.
func (r *Room) Add(o MemberOptions) *Member {
	m := newMember(r, o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		m.section = r.home
		m.leaving.Store(true)
		close(m.gone.done)
		if m.prompt != nil {
			m.prompt.over = true
			close(m.prompt.done)
		}
		return m
	}
	to := r.sectionForOne()
	m.section = to
	c := &addMember{member: m, plug: newPlug(o.Port)}
	c.notifier, _ = o.Port.(Notifier)
	c.cmd = c
	if to.count == to.capacity {
		to.capacity = max(4, 2*to.capacity)
		c.members = make([]*Member, 0, to.capacity)
		c.open = to.newOpen()
	}
	c.line = to.slot.line.oneMore()
	to.count++
	m.ported = o.Port != nil
	to.weigh(m.weight())
	r.engine.cfg.Metrics.members.Inc()
	r.engine.post(to.slot, &c.node)
	return m
}

// newOpen is memory for section.open. Room.mu is held.
func (c *section) newOpen() []*talker {
	r := c.room
	return make([]*talker, 0, c.capacity+(len(r.sections)-1)*r.engine.cfg.MixedTalkers)
}

// sectionForOne is the section for one more member: the least loaded that has
// fewer than Config.WideRoom, or a new one, or when the room is everywhere the
// least loaded. r.mu is held.
func (r *Room) sectionForOne() *section {
	var free, any *section
	for _, c := range r.sections {
		if any == nil || c.slot.load.Load() < any.slot.load.Load() {
			any = c
		}
		if c.count < r.engine.cfg.WideRoom && (free == nil || c.slot.load.Load() < free.slot.load.Load()) {
			free = c
		}
	}
	switch {
	case r.engine.cfg.WideRoom < 0:
		return r.home
	case free != nil:
		return free
	}
	if c := r.grow(); c != nil {
		return c
	}
	return any
}

// grow adds a section where the room has none; nil: it is everywhere. r.mu is
// held.
func (r *Room) grow() *section {
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	s := r.further()
	if s == nil {
		return nil
	}
	c := newSection(r, s)
	c.own = newWide(e)
	c.wide = c.own
	if len(r.sections) == 1 {
		r.home.own = newWide(e)
	}
	r.sections = append(r.sections, c)
	others := r.sections[:len(r.sections)-1]
	c.wide.held = make([]*cell[batch], 0, len(others))
	for _, o := range others {
		c.wide.others = append(c.wide.others, source{batches: &o.own.batches, age: e.age(o.slot, s)})
	}
	e.place(c)
	for _, o := range others {
		l := &linkSection{
			section: o, wide: o.own, source: source{batches: &c.own.batches, age: e.age(s, o.slot)},
			open: o.newOpen(), others: make([]source, 0, len(others)), held: make([]*cell[batch], 0, len(others)),
		}
		l.cmd = l
		e.post(o.slot, &l.node)
	}
	return c
}

// further is the place for one more section, where the room has none: of those
// that carry little more than the least loaded one, that whose turn is furthest from
// the turns of all others. So the longest way from one place to another is
// short. nil: the room is everywhere. Both mutexes are held.
func (r *Room) further() *slot {
	e := r.engine
	least := e.leastLoaded(func(s *slot) bool { return r.apart(s) > 0 })
	if least == nil {
		return nil
	}
	best, most := least, least.load.Load()+int64(e.cfg.WideRoom)*(weightOfMember+weightOfPort)/2
	for s := range e.places() {
		if s.load.Load() <= most && r.apart(s) > r.apart(best) {
			best = s
		}
	}
	return best
}

// apart is how many turns there are between a place and the nearest of the room's,
// before or after it. Room.mu is held.
func (r *Room) apart(s *slot) int {
	all := SlotsPerFrame * r.engine.cfg.Workers
	nearest := all
	for _, c := range r.sections {
		after := (s.turn() - c.slot.turn() + all) % all
		nearest = min(nearest, after, all-after)
	}
	return nearest
}

// Announce plays s to every member that hears the room, over the room's audio,
// from the next frame on. It replaces the announcement before. nil ends that
// and is over at once.
func (r *Room) Announce(s audio.Source) *Playback {
	return r.start(newPlayback(s, r, nil), onRoom)
}

// start queues the beginning of a playback.
func (r *Room) start(p *Playback, where place) *Playback {
	c := &startPlayback{playback: p, where: where}
	c.cmd = c
	if where == onInput {
		c.memory = make([]int16, r.engine.samples)
	}
	r.engine.post(p.slot(), &c.node)
	return p
}

// Close removes all members and the room. The channel, the same for every
// call, is closed when the worker has let go of all ports.
func (r *Room) Close() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return r.gone.done
	}
	r.closed = true
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range r.sections {
		c := &closeSection{section: s}
		c.cmd = c
		s.slot.placed--
		s.weigh(-s.weight)
		s.slot.line.placed.Add(-int64(s.count))
		e.cfg.Metrics.members.Sub(float64(s.count))
		e.post(s.slot, &c.node)
	}
	e.cfg.Metrics.rooms.Dec()
	e.rooms.Add(-1)
	return r.gone.done
}

// HeardLevel is the level [dBov] of what is heard by those who hear the room
// and contribute nothing, a few times a second.
func (r *Room) HeardLevel() float64 { return r.home.shared.level.dBov(r.engine.samples) }
