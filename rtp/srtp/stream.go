package srtp

// maxStreams bounds the streams of one key whose counters are kept. More are
// refused: to forget one would let its packets be replayed, or a nonce be used
// twice.
const maxStreams = 1024

// streams are the counters of the streams of one key, which has one stream
// mostly.
type streams struct {
	last   stream             // used last
	others map[uint32]*stream // made with the second one
}

// stream is the rollover counter of a stream and the window against replays.
type stream struct {
	ssrc  uint32
	known bool
	index uint64    // the largest so far: rollover counter, then sequence number
	seen  [2]uint64 // bit i of both: index-i has come
}

// get is the stream of an SSRC: the one used last, or in memory of the caller a copy
// of another, or a new one if it is not known.
func (t *streams) get(ssrc uint32, memory *stream) *stream {
	if t.last.known && t.last.ssrc == ssrc {
		return &t.last
	}
	*memory = t.other(ssrc)
	return memory
}

func (t *streams) other(ssrc uint32) stream {
	if s := t.others[ssrc]; s != nil {
		return *s
	}
	return stream{ssrc: ssrc}
}

// keep keeps what has been changed in a stream of get; false: there are too many.
func (t *streams) keep(s *stream) bool { return s == &t.last || t.put(*s) }

// put keeps another stream, as the one used last.
func (t *streams) put(s stream) bool {
	s.known = true
	if t.last.known && t.last.ssrc != s.ssrc && !t.store() {
		return false
	}
	t.last = s
	return true
}

// store puts the stream used last among the others.
func (t *streams) store() bool {
	if s := t.others[t.last.ssrc]; s != nil {
		*s = t.last
		return true
	}
	if len(t.others) >= maxStreams {
		return false
	}
	if t.others == nil {
		t.others = map[uint32]*stream{}
	}
	s := t.last
	t.others[s.ssrc] = &s
	return true
}

// guess is the index of a packet: the one nearest to the largest so far. RFC
// 3711 §3.3.1, appendix A.
func (s *stream) guess(seq uint16) uint64 {
	const half = 1 << 15
	if !s.known || s.index <= half {
		return uint64(seq)
	}
	newest := int64(s.index & 0xffff)
	step := int64(seq) - newest
	switch {
	case newest < half && step > half:
		step -= 1 << 16
	case newest >= half && -step > half:
		step += 1 << 16
	}
	return uint64(int64(s.index) + step)
}

// fresh tells whether a packet may be taken: it has not come before, and is not
// too old to tell.
func (s *stream) fresh(index uint64) bool {
	if !s.known || index > s.index {
		return true
	}
	age := s.index - index
	return age < replayWindow && s.seen[age/64]>>(age%64)&1 == 0
}

// accept notes a packet that has been found authentic.
func (s *stream) accept(index uint64) {
	if index > s.index {
		switch n := index - s.index; {
		case n >= replayWindow:
			s.seen = [2]uint64{}
		case n >= 64:
			s.seen = [2]uint64{0, s.seen[0] << (n - 64)}
		default:
			s.seen = [2]uint64{s.seen[0] << n, s.seen[1]<<n | s.seen[0]>>(64-n)}
		}
		s.index = index
	}
	age := s.index - index
	s.seen[age/64] |= 1 << (age % 64)
}
