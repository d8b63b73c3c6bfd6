package memnet

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// Socket is one address of a Network. It is a net.PacketConn, and has the
// methods of an rtp.IO.
type Socket struct {
	net  *Network
	addr netip.AddrPort

	// All below is guarded by net.mu.
	queue    []datagram // sorted by arrival
	spare    [][]byte   // buffers for reuse
	closed   bool
	deadline time.Time     // of waiting reads; zero = none
	changed  chan struct{} // nil while nobody waits; closed when any of the above changes

	closeOnce sync.Once
}

var _ net.PacketConn = (*Socket)(nil)

// datagram waits at a socket, or is still on its way to it.
type datagram struct {
	at    time.Time
	order uint64 // of sending, among those that arrive at once
	from  netip.AddrPort
	data  []byte
}

// Addr is the socket's address.
func (s *Socket) Addr() netip.AddrPort { return s.addr }

// Port is the socket's port.
func (s *Socket) Port() int { return int(s.addr.Port()) }

// Drain copies the next datagram that has arrived into buf and never waits: n
// is 0 when there is none. at is when it arrived. A datagram longer than buf
// is cut. The error is net.ErrClosed.
func (s *Socket) Drain(buf []byte) (n int, from netip.AddrPort, at time.Time, err error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return 0, netip.AddrPort{}, time.Time{}, net.ErrClosed
	}
	if len(s.queue) == 0 || s.queue[0].at.After(s.net.now()) {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	n, from, at = s.take(buf)
	return n, from, at, nil
}

// Flush sends a copy of packet. What becomes of it nobody learns. The error
// is net.ErrClosed.
func (s *Socket) Flush(packet []byte, to netip.AddrPort) error {
	s.net.mu.Lock()
	closed := s.closed
	s.net.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	s.net.send(s.addr, packet, to)
	return nil
}

// ReadFrom waits for a datagram, the deadline or Close.
func (s *Socket) ReadFrom(buf []byte) (int, net.Addr, error) {
	for {
		s.net.mu.Lock()
		now := s.net.now()
		wait := time.Duration(-1)
		switch {
		case s.closed:
			s.net.mu.Unlock()
			return 0, nil, net.ErrClosed
		case !s.deadline.IsZero() && !now.Before(s.deadline):
			s.net.mu.Unlock()
			return 0, nil, os.ErrDeadlineExceeded
		case len(s.queue) > 0 && !s.queue[0].at.After(now):
			n, from, _ := s.take(buf)
			s.net.mu.Unlock()
			return n, net.UDPAddrFromAddrPort(from), nil
		case len(s.queue) > 0:
			wait = s.queue[0].at.Sub(now)
		}
		if !s.deadline.IsZero() && (wait < 0 || s.deadline.Sub(now) < wait) {
			wait = s.deadline.Sub(now)
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.net.mu.Unlock()
		await(changed, wait)
	}
}

// await returns when changed is closed, or after a time if that is not
// negative.
func await(changed <-chan struct{}, wait time.Duration) {
	if wait < 0 {
		<-changed
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

// WriteTo sends a datagram to an address whose text is that of an IP address
// and a port.
func (s *Socket) WriteTo(packet []byte, to net.Addr) (int, error) {
	var dest netip.AddrPort
	if udp, ok := to.(*net.UDPAddr); ok {
		dest = udp.AddrPort()
		dest = netip.AddrPortFrom(dest.Addr().Unmap(), dest.Port())
	} else {
		var err error
		if dest, err = netip.ParseAddrPort(to.String()); err != nil {
			return 0, fmt.Errorf("memnet: write: %w", err)
		}
	}
	if err := s.Flush(packet, dest); err != nil {
		return 0, err
	}
	return len(packet), nil
}

// Close frees the address and ends waiting reads. Datagrams not read are gone.
func (s *Socket) Close() error {
	s.closeOnce.Do(func() {
		s.net.mu.Lock()
		defer s.net.mu.Unlock()
		delete(s.net.sockets, s.addr)
		s.closed = true
		s.queue, s.spare = nil, nil
		s.notify()
	})
	return nil
}

// LocalAddr is the socket's address.
func (s *Socket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(s.addr) }

// SetDeadline is that of ReadFrom; writing never waits.
func (s *Socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetReadDeadline ends waiting reads at t; the zero time never does.
func (s *Socket) SetReadDeadline(t time.Time) error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.deadline = t
	s.notify()
	return nil
}

// SetWriteDeadline does nothing: writing never waits.
func (s *Socket) SetWriteDeadline(time.Time) error { return nil }

// put queues a datagram. The network is locked.
func (s *Socket) put(from netip.AddrPort, packet []byte, at time.Time, order uint64) {
	var data []byte
	if n := len(s.spare); n > 0 {
		data, s.spare = s.spare[n-1], s.spare[:n-1]
	}
	d := datagram{at: at, order: order, from: from, data: append(data[:0], packet...)}
	i, _ := slices.BinarySearchFunc(s.queue, d, func(a, b datagram) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return int(int64(a.order - b.order))
	})
	s.queue = slices.Insert(s.queue, i, d)
	if i == 0 {
		s.notify()
	}
}

// take removes the first datagram. The network is locked.
func (s *Socket) take(buf []byte) (n int, from netip.AddrPort, at time.Time) {
	d := s.queue[0]
	s.queue = slices.Delete(s.queue, 0, 1)
	n = copy(buf, d.data)
	s.spare = append(s.spare, d.data)
	s.net.stats.Delivered++
	return n, d.from, d.at
}

// notify wakes all waiting reads. The network is locked.
func (s *Socket) notify() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}
