package mixer

import "sync/atomic"

// ringSize is how many frames a ring holds, a power of two. A cell is written
// again only after so many frames, and not while somebody reads it.
const ringSize = 8

// ring hands values, one a frame, from one worker to others.
type ring[T any] struct{ cells [ringSize]cell[T] }

// cell is one value of a ring.
type cell[T any] struct {
	number  atomic.Int64 // frame, plus one; 0: no value
	readers atomic.Int32
	value   T
}

// claim gives the writer the cell for a frame; nil when the cell is still read:
// then the frame cannot be handed over.
func (r *ring[T]) claim(frame int64) *cell[T] {
	c := &r.cells[frame&(ringSize-1)]
	c.number.Store(0)
	if c.readers.Load() > 0 {
		return nil
	}
	return c
}

// publish lets others see the value.
func (c *cell[T]) publish(frame int64) { c.number.Store(frame + 1) }

// hold gives a reader the value for a frame, until it releases it; nil when
// there is none.
func (r *ring[T]) hold(frame int64) *cell[T] {
	if frame < 0 {
		return nil
	}
	c := &r.cells[frame&(ringSize-1)]
	c.readers.Add(1)
	if c.number.Load() != frame+1 {
		c.release()
		return nil
	}
	return c
}

func (c *cell[T]) release() { c.readers.Add(-1) }
