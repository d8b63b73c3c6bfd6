package rtp

import "net/netip"

const (
	// rowLength is how many packets are sent in a row at most, rowBytes holds as
	// many of 20 ms of G.711, protected too.
	rowLength = 16
	rowBytes  = rowLength * 192
)

// Rows keeps what calls have to send from sockets of their own until there is a
// row of packets, one for each worker: the system sends many one after the other
// faster than one now and then, as its code stays near the core. What the mixer's
// workers have kept they send at the end of each slot by Flush.
type Rows struct{ workers []*row }

// row is what a worker keeps.
type row struct {
	length int
	used   int // of data
	item   [rowLength]rowItem
	data   [rowBytes]byte
}

// rowItem is a packet in a row.
type rowItem struct {
	socket   *socket
	to       netip.AddrPort
	counts   *counts // of the endpoint that sends it
	off, end uint16
}

// NewRows makes rows for an engine of so many workers.
func NewRows(workers int) *Rows {
	r := &Rows{}
	for range workers {
		r.workers = append(r.workers, new(row))
	}
	return r
}

// Flush sends what a worker has kept. Only that worker may call it.
func (r *Rows) Flush(worker int) { r.workers[worker].flush() }

// reserve is room for a packet of n bytes in the row of a worker, to be filled
// before the next call; nil if it has to be sent at once.
func (r *Rows) reserve(worker, n int, s *socket, to netip.AddrPort, c *counts) []byte {
	if r == nil {
		return nil
	}
	w := r.workers[worker]
	if w.length == rowLength || w.used+n > rowBytes {
		w.flush() // also what must not be overtaken
	}
	if n > rowBytes {
		return nil
	}
	w.item[w.length] = rowItem{socket: s, to: to, counts: c, off: uint16(w.used), end: uint16(w.used + n)}
	w.length++
	w.used += n
	return w.data[w.used-n : w.used]
}

func (w *row) flush() {
	for i := range w.item[:w.length] {
		x := &w.item[i]
		if err := x.socket.Flush(w.data[x.off:x.end], x.to); err != nil {
			x.counts.socketError(err)
		}
		x.socket, x.counts = nil, nil
	}
	w.length, w.used = 0, 0
}
