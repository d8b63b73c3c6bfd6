package mixer

// A wide room has sections at many places. They share no lock and never wait for
// each other: what the members of one say in a frame it puts into a ring, with
// the number of the frame, and the others take it from there if it is there.
// Each mixes for its own members.
//
//	gather → batch of contributors → ring
//	           batches of the others → pick, Σ → N−1, shared frame → sends

// batch is what the other sections of a room get of a section in a frame.
type batch struct {
	talkers   []talker // the loudest come in any order
	count     int
	announced []int16 // what is announced in the room; the home has that
}

// silent reports whether there is nothing in the batch.
func (b *batch) silent() bool { return b.count == 0 && len(b.announced) == 0 }

// wide is what a section of a wide room has besides.
type wide struct {
	batches ring[batch]
	others  []source
	held    []*cell[batch] // of others, in use for this frame
}

func newWide(e *Engine) *wide {
	w := &wide{}
	most, samples := e.cfg.MixedTalkers, e.samples
	for i := range w.batches.cells {
		b := &w.batches.cells[i].value
		b.announced = make([]int16, 0, samples)
		b.talkers = make([]talker, most)
		memory := make([]int16, 2*most*samples)
		for k := range b.talkers {
			t := &b.talkers[k]
			t.pcm, memory = memory[:samples:samples], memory[samples:]
			t.injected, memory = memory[:samples:samples], memory[samples:]
		}
	}
	return w
}

// source is another section, as it is heard by this one.
type source struct {
	batches *ring[batch]
	age     int64 // frames from a batch to the mix it is in, if nobody is late
	next    int64 // batch to be taken next; 0: none has come yet
}

// age is how many frames after it was made a batch of one place is mixed at
// another: there is at least half a slot between their turns.
func (e *Engine) age(from, to *slot) (frames int64) {
	least := (e.cfg.Workers + 1) / 2
	for parts := to.turn() - from.turn(); parts < least; parts += SlotsPerFrame * e.cfg.Workers {
		frames++
	}
	return frames
}

// mixture is one frame of a section, ready to be heard.
type mixture struct {
	sum        []int32
	count      int // contributors in it
	announcing bool
	pcm        []int16 // what is shared
	audible    bool    // there is something to hear in pcm
}

func newMixture(samples int) mixture {
	return mixture{sum: make([]int32, samples), pcm: make([]int16, samples)}
}

// sounds reports whether there is anything to hear for somebody who
// contributes `own` of what is mixed.
func (m *mixture) sounds(own int) bool { return m.count > own || m.announcing }

// linkSection is the command that makes one section of a room known to another.
type linkSection struct {
	node
	section *section
	wide    *wide // of the section
	source  source
	open    []*talker      // empty, with room for all
	others  []source       // the same
	held    []*cell[batch] // the same
}

func (l *linkSection) apply(s *slot, _ int64) {
	c, w := l.section, l.wide
	if c.index < 0 {
		return
	}
	c.wide, c.open = w, l.open
	w.others = append(append(l.others, w.others...), l.source)
	w.held = l.held
	s.wake(c)
}

// offer lets the other sections have what is announced and those whose gate is
// open, at most the loudest that can be mixed at all.
func (c *section) offer(frame int64, announced []int16) {
	if c.wide == nil {
		return
	}
	c.pick(c.room.engine.cfg.MixedTalkers)
	out := c.wide.batches.claim(frame)
	if out == nil {
		return
	}
	b := &out.value
	for i, t := range c.open[:c.mixed] {
		b.talkers[i].copyFrom(t)
	}
	b.count = c.mixed
	b.announced = append(b.announced[:0], announced...)
	out.publish(frame)
}

// collect adds those whom the other sections offer to c.open, until letGo, and
// returns what is announced.
func (c *section) collect(frame int64) (announced []int16) {
	w := c.wide
	if w == nil {
		return nil
	}
	e := c.room.engine
	for i := range w.others {
		cell, lost := w.others[i].take(frame, e.patience)
		if lost {
			e.cfg.Metrics.lateBatches.Inc()
		}
		if cell == nil {
			continue
		}
		w.held = append(w.held, cell)
		b := &cell.value
		for k := range b.talkers[:b.count] {
			c.open = append(c.open, &b.talkers[k])
		}
		if len(b.announced) > 0 {
			announced = b.announced
		}
	}
	return announced
}

// letGo gives the batches of the other sections back.
func (c *section) letGo() {
	if w := c.wide; w != nil {
		for i, b := range w.held {
			b.release()
			w.held[i] = nil
		}
		w.held = w.held[:0]
	}
}

// catchUpEvery is how often a batch that is not silent is left out, while a
// source is heard later than it could be [frames]: a second.
const catchUpEvery = 50

// take holds the batch for the mix of a frame. When it is not there yet it is
// lost, that is, missed in this frame; it is heard in the next, and all after it a
// frame later as well, until there is one to be left out: a silent one, or
// any after a while. What is late for `patience` frames is not waited for.
func (o *source) take(frame, patience int64) (b *cell[batch], lost bool) {
	due := frame - o.age
	begun := o.next > 0
	if !begun || due-o.next >= patience {
		o.next = due
	}
	if b = o.batches.hold(o.next); b == nil && o.next < due {
		if b = o.batches.hold(due); b != nil {
			o.next = due // those before were left out
		}
	}
	if b == nil {
		if !begun {
			o.next = 0
		}
		return nil, begun
	}
	o.next++
	for o.next <= due && (b.value.silent() || due%catchUpEvery == 0) {
		newer := o.batches.hold(o.next)
		if newer == nil {
			break
		}
		b.release()
		b = newer
		o.next++
	}
	return b, false
}
