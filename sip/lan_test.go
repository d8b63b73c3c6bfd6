package sip

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// virtually is a test that runs in a bubble of testing/synctest. There startUA
// and newRawPeer use datagrams in memory, so that a busy machine makes no timer
// late: what happens when is exactly what the timers say.
func virtually(f func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, f) }
}

// isVirtual tells whether the caller is in a bubble, whose time begins in 2000.
func isVirtual() bool { return time.Now().Year() < 2020 }

// datagrams is the part of net.UDPConn that a rawPeer uses.
type datagrams interface {
	datagramWriter
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	SetReadDeadline(at time.Time) error
	LocalAddr() net.Addr
	Close() error
}

// lan is a network in memory. Nothing is lost and nothing takes time.
type lan struct {
	mu   sync.Mutex
	last uint16
	at   map[netip.AddrPort]*lanSocket
}

// theLAN is shared by all bubbles; no address is given twice.
var theLAN = &lan{last: 10000, at: make(map[netip.AddrPort]*lanSocket)}

type lanDatagram struct {
	data []byte
	from netip.AddrPort
}

type lanSocket struct {
	n      *lan
	addr   netip.AddrPort
	in     chan lanDatagram
	closed chan struct{}
	once   sync.Once

	mu  sync.Mutex
	end time.Time // of waiting
}

func (n *lan) listen() *lanSocket {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	s := &lanSocket{
		n: n, addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), n.last),
		in: make(chan lanDatagram, 1024), closed: make(chan struct{}),
	}
	n.at[s.addr] = s
	return s
}

func (s *lanSocket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	s.n.mu.Lock()
	far := s.n.at[to]
	s.n.mu.Unlock()
	if far != nil {
		select {
		case far.in <- lanDatagram{bytes.Clone(b), s.addr}:
		default: // full, as a real one may be
		}
	}
	return len(b), nil
}

func (s *lanSocket) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	s.mu.Lock()
	end := s.end
	s.mu.Unlock()
	var late <-chan time.Time
	if !end.IsZero() {
		timer := time.NewTimer(time.Until(end))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case d := <-s.in:
		return copy(b, d.data), d.from, nil
	case <-s.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case <-late:
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

func (s *lanSocket) SetReadDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = at
	return nil
}

func (s *lanSocket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(s.addr) }

func (s *lanSocket) Close() error {
	s.once.Do(func() {
		s.n.mu.Lock()
		defer s.n.mu.Unlock()
		delete(s.n.at, s.addr)
		close(s.closed)
	})
	return nil
}

// startVirtualUA is startUA in a bubble: one listener, of datagrams.
func startVirtualUA(t testing.TB, cfg Config, h Handler) *UA {
	t.Helper()
	cfg.Listen = nil
	u, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	served, read := make(chan error, 1), make(chan struct{})
	go func() { served <- u.Serve(context.Background(), h) }()
	<-u.started
	s := theLAN.listen()
	sock := &udpSocket{pc: new(net.UDPConn), w: s, local: s.addr} // pc is closed only
	u.cfg.Listen, u.udp, u.addrs = []string{"udp://127.0.0.1:0"}, []*udpSocket{sock}, []net.Addr{s.LocalAddr()}
	go func() {
		defer close(read)
		buf := make([]byte, maxDatagram)
		for {
			n, from, err := s.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if src := (source{sock: sock, addr: from}); u.guard.admit(src, time.Now()) {
				u.receive(buf[:n], src)
			}
		}
	}()
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
		_ = s.Close()
		<-read
		if err := <-served; err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		if n := u.Active(); n != 0 {
			t.Errorf("%d dialogs left after Close", n)
		}
	})
	return u
}
