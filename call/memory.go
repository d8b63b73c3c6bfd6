package call

import (
	"net/netip"
	"sync/atomic"
	"time"

	"mediaserver/rtp"
)

// packetRing hands packets from one media worker, or another goroutine, to
// another: one writes, one reads, nobody waits or allocates. What finds it
// full is lost.
type packetRing struct {
	packets [packetRingSize]ringPacket
	read    atomic.Uint64 // packets taken out so far
	written atomic.Uint64 // packets put in so far
}

const (
	packetRingSize  = 32
	packetRingBytes = 400 // longest packet: 20 ms of linear sound and its header fit
)

type ringPacket struct {
	data [packetRingBytes]byte
	n    int
	at   time.Time
}

// put adds a packet; false when it is too long or nobody reads.
func (r *packetRing) put(packet []byte, at time.Time) bool {
	w := r.written.Load()
	if len(packet) > packetRingBytes || w-r.read.Load() == packetRingSize {
		return false
	}
	p := &r.packets[w%packetRingSize]
	p.n, p.at = copy(p.data[:], packet), at
	r.written.Store(w + 1)
	return true
}

// take copies the oldest packet into buf; 0 when there is none.
func (r *packetRing) take(buf []byte) (n int, at time.Time) {
	i := r.read.Load()
	if i == r.written.Load() {
		return 0, time.Time{}
	}
	p := &r.packets[i%packetRingSize]
	n, at = copy(buf, p.data[:p.n]), p.at
	r.read.Store(i + 1)
	return n, at
}

// memoryEnd is one end of a media path within the process: the Sockets of a
// call whose far end is here as well. It has no RTCP.
type memoryEnd struct {
	in, out *packetRing
	port    int
	peer    netip.AddrPort
}

// Ports that stand for the ends of a memory path in session descriptions.
const (
	memoryPortA = 2
	memoryPortB = 4
)

// memoryHost is where both ends of a memory path are.
func memoryHost() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// newMemoryPath makes both ends of a media path within the process.
func newMemoryPath() (a, b *memoryEnd) {
	there, back := &packetRing{}, &packetRing{}
	a = &memoryEnd{in: back, out: there, port: memoryPortA, peer: netip.AddrPortFrom(memoryHost(), memoryPortB)}
	b = &memoryEnd{in: there, out: back, port: memoryPortB, peer: netip.AddrPortFrom(memoryHost(), memoryPortA)}
	return a, b
}

// Drain takes the next packet of the other end.
func (m *memoryEnd) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	n, at := m.in.take(buf)
	return n, m.peer, at, nil
}

// Flush hands a packet to the other end.
func (m *memoryEnd) Flush(packet []byte, _ netip.AddrPort) error {
	if !m.out.put(packet, time.Now()) {
		return rtp.ErrBusy
	}
	return nil
}

func (m *memoryEnd) RTP() rtp.IO  { return m }
func (m *memoryEnd) RTCP() rtp.IO { return nil }
func (m *memoryEnd) Port() int    { return m.port }
func (m *memoryEnd) Close() error { return nil }
