package rtp

import (
	"net/netip"
	"sync/atomic"
)

const (
	// inboxLength is how many datagrams wait in an inbox at most, a power of two.
	inboxLength = 16
	// inboxBytes holds as many of 20 ms of G.711, and five of 60 ms.
	inboxBytes = inboxLength * 176
	// controlBytes is the room for RTCP.
	controlBytes = 512
)

// inbox hands datagrams from the worker that reads a shared port (push) to the
// worker that serves the endpoint (next, done), which may be the same one. One
// of each at a time. It starts at the front of its memory again whenever it is
// empty, so that a call that keeps up always uses the same few lines.
type inbox struct {
	put   atomic.Uint32 // datagrams pushed
	taken atomic.Uint32 // datagrams done with
	free  int           // where the next one goes; the pusher's
	data  []byte
	notes [inboxLength]note
}

// note says where a datagram is in the inbox and how it came.
type note struct {
	from netip.AddrPort
	at   int64 // arrival [ns], 0 = unknown
	off  uint16
	size uint16
}

// push adds a copy of a datagram; false if there is no room for it.
func (b *inbox) push(datagram []byte, from netip.AddrPort, at int64) bool {
	n := len(datagram)
	put := b.put.Load()
	waiting := put - b.taken.Load()
	off := b.free
	switch {
	case waiting == inboxLength:
		return false
	case waiting == 0:
		off = 0
		if n > len(b.data) {
			return false
		}
	default:
		first := int(b.notes[(put-waiting)%inboxLength].off)
		if off > first { // what waits does not wrap round
			if off+n > len(b.data) {
				off = 0
			}
		}
		if off <= first && off+n > first {
			return false
		}
	}
	copy(b.data[off:], datagram)
	b.notes[put%inboxLength] = note{from: from, at: at, off: uint16(off), size: uint16(n)}
	b.free = off + n
	b.put.Store(put + 1)
	return true
}

// next is the datagram that has waited longest, valid until done; nil if there
// is none.
func (b *inbox) next() (datagram []byte, from netip.AddrPort, at int64) {
	taken := b.taken.Load()
	if taken == b.put.Load() {
		return nil, from, 0
	}
	x := &b.notes[taken%inboxLength]
	return b.data[x.off : x.off+x.size], x.from, x.at
}

// done lets go of what next has returned.
func (b *inbox) done() { b.taken.Add(1) }
