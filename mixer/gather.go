package mixer

import "mediaserver/audio"

// input is what comes from a member.
type input struct {
	inject *Playback
	hang   int32  // frames for which the gate stays open
	score  uint64 // energy, rising at once and falling slowly
	talker
}

const (
	// scoreFall is the share of the score that goes each frame, 2^-3: 29 dB/s.
	scoreFall = 3
	// rankBonus is how much louder, 2^2 in energy or 6 dB, somebody must be
	// to take the place of a talker.
	rankBonus = 2
)

// gather takes one frame from every member and collects those whose gate is open.
func (c *section) gather(s *slot, frame int64) {
	c.open = c.open[:0]
	for _, m := range c.members {
		s.line.next()
		energy := m.listen(s, frame)
		if m.in.hang > 0 {
			in := &m.in
			in.score = max(energy, in.score-in.score>>scoreFall)
			in.rank = in.score
			if m.minus != nil {
				in.rank <<= rankBonus
			}
			in.energy = energy
			c.open = append(c.open, &in.talker)
			continue
		}
		m.minus = nil
		m.level.set(energyBits(energy))
	}
}

// listen takes in one frame, moves the gate, and returns the energy.
func (m *Member) listen(s *slot, frame int64) (energy uint64) {
	in := &m.in
	in.sound = m.port != nil && m.receive(s, frame) && m.talk
	if in.sound {
		energy = audio.Energy(s.scratch.in)
	}
	in.injecting = false
	if in.inject != nil {
		energy += m.readInjected(s)
	}
	switch {
	case !m.talk:
		in.hang = 0
	case energy > s.engine.gate:
		in.hang = s.engine.hang + 1
	case in.hang > 0:
		in.hang--
	}
	if in.sound && in.hang > 0 {
		// Keep the frame: the member's last one becomes the memory for the next.
		s.scratch.in, in.pcm = in.pcm, s.scratch.in
	}
	return energy
}

// receive takes one frame from the port into scratch.in and reports whether it
// may hold sound.
func (m *Member) receive(s *slot, frame int64) bool {
	status := m.port.Receive(frame, s.scratch.now, s.scratch.in)
	if status&Notice != 0 {
		m.notice.add(s, m.notifier)
	}
	return status&Sound != 0
}

// readInjected reads one frame of the injected source and returns its energy;
// 0 when it is not to be heard.
func (m *Member) readInjected(s *slot) uint64 {
	in := &m.in
	n := in.inject.read(s, in.injected)
	if in.inject.over {
		in.inject = nil
	}
	if !m.talk || n == 0 {
		return 0
	}
	clear(in.injected[n:])
	in.injecting = true
	return audio.Energy(in.injected)
}

// mix adds up those who contribute and what is announced.
func (c *section) mix(mix *mixture, announced []int16) {
	sum := mix.sum
	first := true
	add := func(pcm []int16) {
		if first {
			audio.Set(sum, pcm)
			first = false
		} else {
			audio.Add(sum, pcm)
		}
	}
	for _, t := range c.open[:c.mixed] {
		if t.sound {
			add(t.pcm)
		}
		if t.injecting {
			add(t.injected)
		}
	}
	if first {
		clear(sum)
	}
	audio.Add(sum, announced)
	mix.count, mix.announcing, mix.audible = c.mixed, len(announced) > 0, false
}

// readAnnouncement reads one frame of what is announced into scratch.source.
func (c *section) readAnnouncement(s *slot) []int16 {
	p := c.announce
	if p == nil {
		return nil
	}
	n := p.read(s, s.scratch.source)
	if p.over {
		c.announce = nil
	}
	return s.scratch.source[:n]
}

// notice is a call of a port's Notify after the slot's sends.
type notice struct {
	event
	port    Notifier
	pending bool
}

func (n *notice) add(s *slot, port Notifier) {
	if port == nil || n.pending {
		return
	}
	n.port, n.pending = port, true
	s.told.add(&n.event)
}

func (n *notice) deliver() {
	port := n.port
	n.port, n.pending = nil, false
	port.Notify()
}
