package mixer

// choose makes the loudest of the open members, at most `most`, contribute and
// puts them first.
func (r *Room) choose(most int) {
	r.mixed = len(r.open)
	if r.mixed > most {
		r.mixed = most
		putLoudestFirst(r.open, most)
	}
	for i, m := range r.open {
		m.in.mixed = i < r.mixed
		level := energyBits(m.in.energy)
		if m.in.mixed {
			level |= inMix
		}
		m.level.set(level)
	}
}

// louder orders members by rank; of two equal ones the earlier comes first.
func louder(a, b *Member) bool {
	if a.in.rank != b.in.rank {
		return a.in.rank > b.in.rank
	}
	return a.id < b.id
}

// putLoudestFirst reorders m so that the k loudest come first, in any order.
// It is Hoare's selection: linear on average, in place.
func putLoudestFirst(m []*Member, k int) {
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
func medianOf(a, b, c *Member) *Member {
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
