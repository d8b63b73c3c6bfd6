package mixer

// part is what somebody has put into a sum.
type part struct {
	sound, injecting bool
	pcm              []int16 // what the port delivered; valid if sound
	injected         []int16 // what the injected source delivered; valid if injecting
}

// talker is somebody whose gate is open, in one frame.
type talker struct {
	part
	id     uint64  // of the member
	rank   uint64  // score with a bonus for those who are in the sum
	energy uint64  // of the frame
	member *Member // nil: of another section
}

// copyFrom makes a talker for other sections.
func (t *talker) copyFrom(o *talker) {
	t.id, t.rank, t.energy = o.id, o.rank, o.energy
	if t.sound = o.sound; t.sound {
		copy(t.pcm, o.pcm)
	}
	if t.injecting = o.injecting; t.injecting {
		copy(t.injected, o.injected)
	}
}

// pick finds the loudest of those whose gate is open, at most `most`, and puts
// them first.
func (c *section) pick(most int) {
	c.mixed = len(c.open)
	if c.mixed > most {
		c.mixed = most
		putLoudestFirst(c.open, most)
	}
}

// settle makes those of the section's members contribute who were picked.
func (c *section) settle() {
	for i, t := range c.open {
		m := t.member
		if m == nil {
			continue // of another section
		}
		m.minus = nil
		if i < c.mixed {
			m.minus = &t.part
		}
		m.setLevel()
	}
}

// setLevel tells the level of a member whose gate is open.
func (m *Member) setLevel() {
	level := energyBits(m.in.energy)
	if m.minus != nil {
		level |= inMix
	}
	m.level.set(level)
}

// louder orders talkers by rank; of two equal ones the earlier comes first.
func louder(a, b *talker) bool {
	if a.rank != b.rank {
		return a.rank > b.rank
	}
	return a.id < b.id
}

// putLoudestFirst reorders m so that the k loudest come first, in any order.
// It is Hoare's selection: linear on average, in place.
func putLoudestFirst(m []*talker, k int) {
	lo, hi := 0, len(m)-1
	for lo < hi {
		pivot := medianOf(m[lo], m[lo+(hi-lo)/2], m[hi])
		i, j := lo, hi
		for i <= j {
			for louder(m[i], pivot) {
				i++
			}
			for louder(pivot, m[j]) {
				j--
			}
			if i <= j {
				m[i], m[j] = m[j], m[i]
				i++
				j--
			}
		}
		switch {
		case k-1 <= j:
			hi = j
		case k-1 >= i:
			lo = i
		default:
			return
		}
	}
}

// medianOf is the one in the middle.
func medianOf(a, b, c *talker) *talker {
	if louder(b, a) {
		a, b = b, a
	}
	if louder(c, b) {
		b = c
		if louder(b, a) {
			b = a
		}
	}
	return b
}
