package recording

import "sync/atomic"

// sides says which sides of a queued frame hold sound; the others are silence.
type sides uint8

const (
	saidSide sides = 1 << iota
	heardSide
)

// place is what is known of a queued frame besides its samples.
type place struct {
	at    int64 // number of the frame, counted from the first
	sides sides
}

// queue holds frames of one recording on their way from the media worker to
// the writer. One goroutine puts, another takes; neither waits.
type queue struct {
	samples int // of a frame and side
	mask    int64
	places  []place
	pcm     []int16 // for each place what was said, then what was heard

	_    [64]byte     // keep the two ends out of each other's cache line
	head atomic.Int64 // frames put; written by put
	_    [56]byte
	tail atomic.Int64 // frames taken; written by the writer
}

// newQueue makes a queue of at least n frames.
func newQueue(n, samples int) *queue {
	size := 1
	for size < n {
		size *= 2
	}
	return &queue{
		samples: samples, mask: int64(size - 1),
		places: make([]place, size), pcm: make([]int16, 2*size*samples),
	}
}

// put adds frame number at. A side of another length than a frame is silence.
// It reports whether there was room.
func (q *queue) put(at int64, said, heard []int16) bool {
	head := q.head.Load()
	if head-q.tail.Load() > q.mask {
		return false
	}
	i := head & q.mask
	p := &q.places[i]
	*p = place{at: at}
	pcm := q.pcm[2*int(i)*q.samples:][:2*q.samples]
	if len(said) == q.samples {
		p.sides |= saidSide
		copy(pcm, said)
	}
	if len(heard) == q.samples {
		p.sides |= heardSide
		copy(pcm[q.samples:], heard)
	}
	q.head.Store(head + 1)
	return true
}

// first is the oldest frame; ok is false when there is none. The samples of a
// side that is silence are nil. They are valid until the call of next.
func (q *queue) first() (at int64, said, heard []int16, ok bool) {
	tail := q.tail.Load()
	if tail == q.head.Load() {
		return 0, nil, nil, false
	}
	i := tail & q.mask
	p := q.places[i]
	pcm := q.pcm[2*int(i)*q.samples:][:2*q.samples]
	if p.sides&saidSide != 0 {
		said = pcm[:q.samples]
	}
	if p.sides&heardSide != 0 {
		heard = pcm[q.samples:]
	}
	return p.at, said, heard, true
}

// next gives the place of the oldest frame back.
func (q *queue) next() { q.tail.Store(q.tail.Load() + 1) }

// waiting is the number of frames in the queue.
func (q *queue) waiting() int64 { return q.head.Load() - q.tail.Load() }
