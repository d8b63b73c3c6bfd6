package rtp

import (
	"net/netip"
)

const (
	// intakeLength and outboxLength are how many datagrams one call of the
	// system moves at most.
	intakeLength = 64
	outboxLength = 64
	// outboxBytes holds 40 packets of 20 ms of G.711.
	outboxBytes = 40 * (headerSize + 160)
)

// bundle is a socket that many calls share. take, put are called by one worker
// at a time; flush by any number.
type bundle interface {
	// take receives what waits, at most intakeLength datagrams, and never waits.
	take(in *intake) (n int, err error)
	// put sends what has been collected. Datagrams that fail are counted for
	// the endpoint they are of.
	put(out *outbox, sys *batchSystem)
	// flush sends one datagram.
	flush(packet []byte, to netip.AddrPort) error
	close() error
}

// intake is memory for the datagrams of one take.
type intake struct {
	data [intakeLength][]byte // datagrams received, after take
	from [intakeLength]address
	home [intakeLength]int   // of from, in the table; the port's
	at   [intakeLength]int64 // arrival [ns], 0 = unknown
	buf  [intakeLength][datagramSize]byte
	sys  *batchSystem
}

func newIntake() *intake { return &intake{sys: newBatchSystem()} }

// outbox collects what one worker sends from one shared port.
type outbox struct {
	listed bool // in sharedWorker.dirty
	length int
	used   int // of data
	item   [outboxLength]outItem
	data   [outboxBytes]byte
}

// outItem is a datagram in an outbox.
type outItem struct {
	to       netip.AddrPort
	counts   *counts // of the endpoint that sends it
	off, end uint16
}

// reserve is room for a packet of n bytes, to be filled before the next call;
// nil if there is none.
func (o *outbox) reserve(n int, to netip.AddrPort, c *counts) []byte {
	if o.length == outboxLength || o.used+n > len(o.data) {
		return nil
	}
	o.item[o.length] = outItem{to: to, counts: c, off: uint16(o.used), end: uint16(o.used + n)}
	o.length++
	o.used += n
	return o.data[o.used-n : o.used]
}

// clear empties the outbox.
func (o *outbox) clear() {
	for i := range o.item[:o.length] {
		o.item[i].counts = nil
	}
	o.length, o.used = 0, 0
}
