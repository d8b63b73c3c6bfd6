package golden

import (
	"net/netip"
	"sync"
	"time"

	"mediaserver/rtp"
)

// wire is the server's side of one phone's media: what the phone sends waits
// in it, what the server sends goes straight to the phone.
type wire struct {
	mu      sync.Mutex
	waiting []arrived
	from    netip.AddrPort
	heard   func(packet []byte, at time.Time)
	port    int
}

// arrived is a packet and when it came, as the system tells of a socket.
type arrived struct {
	packet []byte
	at     time.Time
}

// newWire is a wire whose far end sends from one port to another.
func newWire(from, to int) *wire {
	return &wire{
		from:  netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(from)),
		heard: func([]byte, time.Time) {},
		port:  to,
	}
}

func (w *wire) push(packet []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, arrived{packet, time.Now()})
}

func (w *wire) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	first := w.waiting[0]
	w.waiting = w.waiting[1:]
	return copy(buf, first.packet), w.from, first.at, nil
}

func (w *wire) Flush(packet []byte, _ netip.AddrPort) error {
	w.heard(packet, time.Now())
	return nil
}

func (w *wire) RTP() rtp.IO  { return w }
func (w *wire) RTCP() rtp.IO { return nowhere{} }
func (w *wire) Port() int    { return w.port }
func (w *wire) Close() error { return nil }

// nowhere is an IO without anybody.
type nowhere struct{}

func (nowhere) Drain([]byte) (int, netip.AddrPort, time.Time, error) {
	return 0, netip.AddrPort{}, time.Time{}, nil
}
func (nowhere) Flush([]byte, netip.AddrPort) error { return nil }
