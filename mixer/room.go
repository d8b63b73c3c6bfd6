package mixer

import (
	"sync"

	"mediaserver/audio"
)

// Room is a set of members, some of which hear what others say. Make it with
// Engine.NewRoom.
type Room struct {
	engine *Engine
	slot   *slot
	name   string
	gone   *closing

	mu       sync.Mutex // guards the next three
	closed   bool
	count    int // members
	capacity int // members for which the worker has memory

	// All below belongs to the worker.
	index      int // in slot.rooms; -1: not there
	members    []*Member
	open       []*Member // those whose gate is open; the first `mixed` of them contribute
	mixed      int
	announce   *Playback
	announcing bool   // in this frame
	shared     stream // what is heard by all who hear the same
	sharing    int    // how many that were in the last frame
}

func newRoom(e *Engine, s *slot, name string) *Room {
	return &Room{engine: e, slot: s, name: name, gone: newClosing(), index: -1, shared: newStream(e.cfg.Format.Rate)}
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
		m.leaving.Store(true)
		close(m.gone.done)
		if m.prompt != nil {
			m.prompt.over = true
			close(m.prompt.done)
		}
		return m
	}
	c := &addMember{member: m, port: o.Port}
	c.notifier, _ = o.Port.(Notifier)
	c.cmd = c
	if r.count == r.capacity {
		r.capacity = max(4, 2*r.capacity)
		c.members = make([]*Member, 0, r.capacity)
		c.open = make([]*Member, 0, r.capacity)
	}
	r.count++
	r.slot.load.Add(1)
	r.engine.cfg.Metrics.members.Inc()
	r.engine.post(r.slot, &c.node)
	return m
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
	r.engine.post(r.slot, &c.node)
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
	c := &closeRoom{room: r}
	c.cmd = c
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	r.slot.placed--
	r.slot.load.Add(int64(-1 - r.count))
	r.engine.cfg.Metrics.rooms.Dec()
	r.engine.rooms.Add(-1)
	r.engine.cfg.Metrics.members.Sub(float64(r.count))
	r.engine.post(r.slot, &c.node)
	return r.gone.done
}

// HeardLevel is the level [dBov] of what is heard by those who hear the room
// and contribute nothing, a few times a second.
func (r *Room) HeardLevel() float64 { return r.shared.level.dBov(r.engine.samples) }
