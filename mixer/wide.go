package mixer

import (
	"sync/atomic"
	"time"
)

// A wide room has a home and further sections on other places. They share no
// lock and never wait for each other: what one has made for a frame it puts
// into a ring, with the number of the frame, and the other takes it from there
// if it is there.
//
//	section   gather → batch of contributors ┐
//	home      gather → pick, Σ → shared frame → mixture ┐
//	section                                      N−1, shared → sends

// batch is what a section hands to the home of its room.
type batch struct {
	section *section
	frame   int64
	talkers []talker // the loudest come in any order
	count   int
}

// mixture is one frame of a room, ready to be heard.
type mixture struct {
	sum        []int32
	count      int       // contributors in it
	parts      []*talker // those of them that are in batches
	announcing bool
	before     stream  // the shared stream as it was before this frame; of wide rooms only
	pcm        []int16 // what is shared
	audible    bool    // there is something to hear in pcm
}

func newMixture(samples int) mixture {
	return mixture{sum: make([]int32, samples), pcm: make([]int16, samples)}
}

// sounds reports whether there is anything to hear for somebody who
// contributes `own` of what is mixed.
func (m *mixture) sounds(own int) bool { return m.count > own || m.announcing }

// wide is what makes a room wide: what the home hands to the other sections.
type wide struct {
	mixtures ring[mixture]
	newest   atomic.Int64 // frame last published, plus one; 0: none

	// All below belongs to the worker of the home.
	remotes []*section
	held    []*cell[batch] // in use for this frame
	current *cell[mixture] // being made; nil: it is for the home only
}

func newWide(r *Room) *wide {
	w := &wide{}
	for i := range w.mixtures.cells {
		m := &w.mixtures.cells[i].value
		*m = newMixture(r.engine.samples)
		m.before = newStream(r.engine.cfg.Format.Rate)
		m.parts = make([]*talker, 0, r.engine.cfg.MixedTalkers)
	}
	return w
}

// away is what a section has that is not at home.
type away struct {
	wide    *wide
	batches ring[batch]
	behind  int64     // frames from a batch to the mixture it is in
	lag     int64     // frames from a mixture to the frame it is sent in
	marked  []*Member // contributors to the last mixture
	waiting waiting
	had     bool // the home's: there was a batch in the last frame
}

// A section has so many slots between its turn and that of the home on another
// worker, at least, for its batch to be mixed in the same frame, or for anything
// that is handed over in another.
const (
	marginSameFrame = 2
	margin          = 1
)

// delays is how many frames there are from a batch made at a place to the
// mixture it is in, and from a mixture to the frame that is sent there.
func (r *Room) delays(at *slot) (behind, lag int64) {
	home, workers := r.home.slot, r.engine.cfg.Workers
	ahead := home.turn() - at.turn()
	enough := marginSameFrame * workers
	if home.worker == at.worker {
		enough = margin * workers
	}
	for ; ahead < enough; ahead += SlotsPerFrame * workers {
		behind++
		enough = margin * workers
	}
	if at.turn()-home.turn() < margin*workers {
		lag = 1
	}
	return behind, lag
}

func newAway(c *section, w *wide) *away {
	r := c.room
	most, samples := r.engine.cfg.MixedTalkers, r.engine.samples
	a := &away{wide: w, marked: make([]*Member, 0, most)}
	a.behind, a.lag = r.delays(c.slot)
	for i := range a.batches.cells {
		b := &a.batches.cells[i].value
		b.section = c
		b.talkers = make([]talker, most)
		memory := make([]int16, 2*most*samples)
		for k := range b.talkers {
			t := &b.talkers[k]
			t.batch = b
			t.pcm, memory = memory[:samples:samples], memory[samples:]
			t.injected, memory = memory[:samples:samples], memory[samples:]
		}
	}
	return a
}

// linkSection is the command that makes a section known to the home.
type linkSection struct {
	node
	section *section
	wide    *wide
	open    []*talker      // empty, with room for all
	remotes []*section     // the same
	held    []*cell[batch] // the same
}

func (l *linkSection) apply(s *slot, _ int64) {
	home := l.section.room.home
	if home.index < 0 {
		return
	}
	w := l.wide
	home.room.wide = w
	home.open = l.open
	w.remotes = append(append(l.remotes, w.remotes...), l.section)
	w.held = l.held
	s.wake(home)
}

// begin chooses where the home makes its mixture.
func (r *Room) begin(s *slot, frame int64) *mixture {
	mix := &s.scratch.mix
	if w := r.wide; w != nil {
		if w.current = w.mixtures.claim(frame); w.current != nil {
			mix = &w.current.value
		}
		mix.before.copyFrom(&r.shared)
	}
	mix.parts, mix.audible = mix.parts[:0], false
	return mix
}

// collect takes the batches of the other sections.
func (r *Room) collect(frame int64) {
	w := r.wide
	if w == nil {
		return
	}
	for _, c := range w.remotes {
		b := c.away.batches.hold(frame - c.away.behind)
		if b == nil {
			if c.away.had {
				r.engine.cfg.Metrics.lateBatches.Inc()
			}
			c.away.had = false
			continue
		}
		c.away.had = true
		w.held = append(w.held, b)
		for i := range b.value.talkers[:b.value.count] {
			r.home.open = append(r.home.open, &b.value.talkers[i])
		}
	}
}

// publish lets go of the batches and hands the mixture to the other sections.
func (r *Room) publish(frame int64) {
	w := r.wide
	if w == nil {
		return
	}
	for i, b := range w.held {
		b.release()
		w.held[i] = nil
	}
	w.held = w.held[:0]
	if w.current != nil {
		w.current.publish(frame)
		w.current = nil
	}
	w.newest.Store(frame + 1)
}

// offer hands those whose gate is open, at most the loudest that can be mixed
// at all, to the home.
func (c *section) offer(frame int64) {
	c.pick(c.room.engine.cfg.MixedTalkers)
	for _, t := range c.open {
		t.member.setLevel()
	}
	out := c.away.batches.claim(frame)
	if out == nil {
		return
	}
	b := &out.value
	b.frame = frame
	for i, t := range c.open[:c.mixed] {
		// The samples go into the batch; its old ones become the member's memory.
		to := &b.talkers[i]
		to.id, to.rank, to.energy, to.member = t.id, t.rank, t.energy, t.member
		to.sound, to.injecting = t.sound, t.injecting
		if t.sound {
			to.pcm, t.pcm = t.pcm, to.pcm
		}
		if t.injecting {
			to.injected, t.injected = t.injected, to.injected
		}
	}
	for i := c.mixed; i < b.count; i++ {
		b.talkers[i].member = nil
	}
	b.count = c.mixed
	out.publish(frame)
}

// hear sends the section's members the frame that is due. When the home has
// not made it yet, being late, it reports false and has sent nothing; with
// `last` it sends without the room's sound instead.
func (c *section) hear(s *slot, frame int64, last bool) bool {
	w := c.away.wide
	due := frame - c.away.lag
	mix := &s.scratch.nothing
	made := w.mixtures.hold(due)
	if made == nil && !last {
		if w.late(due, s.engine.patience) {
			return false
		}
		made = w.mixtures.hold(due) // it may have come just now
	}
	if made != nil {
		mix = &made.value
	} else if last {
		s.engine.cfg.Metrics.lateMixtures.Inc()
	}
	c.mark(mix, due)
	c.route(&mix.before, true)
	c.scatter(s, frame, mix)
	if made != nil {
		made.release()
	}
	return true
}

// late reports whether the home is behind with a frame, but not so far that it
// will skip it.
func (w *wide) late(frame, patience int64) bool {
	newest := w.newest.Load()
	return newest > 0 && newest <= frame && frame-newest < patience
}

// mark notes what the section's members have put into a mixture.
func (c *section) mark(mix *mixture, frame int64) {
	a := c.away
	for i, m := range a.marked {
		m.minus = nil
		a.marked[i] = nil
	}
	a.marked = a.marked[:0]
	for _, t := range mix.parts {
		if t.batch.section != c || t.batch.frame != frame-a.behind {
			continue
		}
		if m := t.member; m != nil && m.index >= 0 {
			m.minus = &t.part
			a.marked = append(a.marked, m)
		}
	}
}

// forget lets go of a member that is removed.
func (a *away) forget(m *Member) {
	for i := range a.batches.cells {
		b := &a.batches.cells[i].value
		for k := range b.talkers[:b.count] {
			if t := &b.talkers[k]; t.member == m {
				t.member = nil
			}
		}
	}
}

// waiting is how a worker remembers a section whose home is late.
type waiting struct {
	on    bool
	frame int64 // that was not sent
	next  *section
}

// waitFor makes the worker try again in its next slots, until the slot of the
// section comes round.
func (w *worker) waitFor(c *section, frame int64) {
	c.away.waiting = waiting{on: true, frame: frame, next: w.waiting}
	w.waiting = c
}

// waits reports whether a frame of the section is still to be sent.
func (c *section) waits() bool { return c.away != nil && c.away.waiting.on }

// resume sends what sections could not send in earlier slots. For those of the
// slot that begins it is the last chance.
func (w *worker) resume(s *slot, now time.Time) {
	for p := &w.waiting; *p != nil; {
		c := *p
		wait := &c.away.waiting
		c.slot.scratch.now = now
		if !c.hear(c.slot, wait.frame, c.slot == s) {
			p = &wait.next
			continue
		}
		*p = wait.next
		*wait = waiting{}
	}
}
