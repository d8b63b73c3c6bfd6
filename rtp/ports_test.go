package rtp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// fakePorts allocates without opening anything; taken ports cannot be opened.
func fakePorts(t *testing.T, cfg PortsConfig, taken ...uint16) *Ports {
	t.Helper()
	p, err := NewPorts(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.open = func(a netip.AddrPort) (*socket, error) {
		for _, x := range taken {
			if a.Port() == x {
				return nil, os.NewSyscallError("bind", syscall.EADDRINUSE)
			}
		}
		return openSocket(netip.AddrPortFrom(a.Addr(), 0))
	}
	return p
}

func TestPortsRangeIsChecked(t *testing.T) {
	for _, tt := range []struct{ min, max, pairs int }{
		{0, 0, 10000},
		{20000, 20001, 1},
		{20001, 20004, 1},
		{20000, 20002, 1},
		{65534, 65535, 1},
		{50000, 0, 1},
		{20001, 20002, 0},
		{30000, 20000, 0},
		{-4, 10, 0},
		{65000, 70000, 0},
	} {
		p, err := NewPorts(PortsConfig{Min: tt.min, Max: tt.max})
		switch {
		case tt.pairs == 0 && !errors.Is(err, ErrPortRange):
			t.Errorf("%d to %d: error %v, want ErrPortRange", tt.min, tt.max, err)
		case tt.pairs > 0 && (err != nil || len(p.pairs) != tt.pairs):
			t.Errorf("%d to %d: error %v, want %d pairs", tt.min, tt.max, err, tt.pairs)
		}
	}
}

func TestPortsRestBeforeTheyAreUsedAgain(t *testing.T) {
	now := simStart
	m := NewMetrics(nil)
	p := fakePorts(t, PortsConfig{Min: 30001, Max: 30007, Now: func() time.Time { return now }, Metrics: m})
	seen := make(map[int]*Sockets)
	for range 3 {
		s, err := p.Open(loopback)
		if err != nil {
			t.Fatal(err)
		}
		if s.Port()%2 != 0 || s.Port() < 30002 || s.Port() > 30006 || seen[s.Port()] != nil {
			t.Errorf("port %d", s.Port())
		}
		seen[s.Port()] = s
	}
	if _, err := p.Open(loopback); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("fourth of three: %v, want ErrNoPorts", err)
	}
	if n := m.ports.Load(); n != 3 || m.portFailures.Load() != 1 {
		t.Errorf("%d ports in use, %d failures", n, m.portFailures.Load())
	}
	if err := errors.Join(seen[30004].Close(), seen[30004].Close()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(DefaultDrain - 1)
	if _, err := p.Open(loopback); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("resting port: %v, want ErrNoPorts", err)
	}
	now = now.Add(1)
	s, err := p.Open(loopback)
	if err != nil || s.Port() != 30004 {
		t.Fatalf("rested port: %v", err)
	}
	for _, x := range []*Sockets{s, seen[30002], seen[30006]} {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := m.ports.Load(); n != 0 {
		t.Errorf("%d ports in use at the end", n)
	}
}

func TestPortsHeldByOthersArePassedOver(t *testing.T) {
	now := func() time.Time { return simStart }
	p := fakePorts(t, PortsConfig{Min: 30000, Max: 30007, Now: now}, 30000, 30003, 30005)
	s, err := p.Open(loopback)
	if err != nil || s.Port() != 30006 {
		t.Fatalf("%v, %v; want port 30006", s, err)
	}
	defer s.Close()
	if _, err := p.Open(loopback); !errors.Is(err, ErrNoPorts) {
		t.Errorf("all held: %v, want ErrNoPorts", err)
	}
	p.open = func(netip.AddrPort) (*socket, error) { return nil, syscall.EACCES }
	now = func() time.Time { return simStart.Add(time.Hour) }
	p.cfg.Now = now
	if _, err := p.Open(loopback); !errors.Is(err, syscall.EACCES) || errors.Is(err, ErrNoPorts) {
		t.Errorf("forbidden: %v, want what the system says", err)
	}
}

// A call behind a NAT tries the address that it is known by first, which the machine
// does not have.
func TestPortsThatWereNotOpenedNeedNoRest(t *testing.T) {
	p := fakePorts(t, PortsConfig{Min: 30000, Max: 30003, Now: func() time.Time { return simStart }})
	open := p.open
	for range 2 {
		p.open = func(netip.AddrPort) (*socket, error) { return nil, os.NewSyscallError("bind", syscall.EADDRNOTAVAIL) }
		if _, err := p.Open(loopback); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Fatal(err)
		}
		p.open = open
		s, err := p.Open(loopback)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
}

func TestNoSocketIsNoPort(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		m := NewMetrics(nil)
		p := fakePorts(t, PortsConfig{Metrics: m})
		opened := 0
		p.open = func(netip.AddrPort) (*socket, error) {
			opened++
			return nil, os.NewSyscallError("socket", errno)
		}
		if _, err := p.Open(loopback); !errors.Is(err, ErrNoPorts) || !errors.Is(err, errno) {
			t.Errorf("%v: %v, want ErrNoPorts and the cause", errno, err)
		}
		if opened != 1 || m.portFailures.Load() != 1 {
			t.Errorf("%v: tried %d times, %d failures counted, want one of each", errno, opened, m.portFailures.Load())
		}
	}
}

func TestPortsAreNeverGivenTwice(t *testing.T) {
	p := fakePorts(t, PortsConfig{Min: 30000, Max: 30039, Drain: -1})
	var mu sync.Mutex
	used := make(map[int]bool)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				s, err := p.Open(loopback)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if used[s.Port()] {
					t.Errorf("port %d given twice", s.Port())
				}
				used[s.Port()] = true
				mu.Unlock()
				mu.Lock()
				delete(used, s.Port())
				mu.Unlock()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestPortTakenOnTheSystemIsTold(t *testing.T) {
	a, err := openSocket(netip.AddrPortFrom(loopback, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	_, err = openSocket(netip.AddrPortFrom(loopback, portOf(t, a)))
	if !portTaken(err) {
		t.Errorf("second socket at one port: %v", err)
	}
}

// openPair opens a pair of sockets at any free ports.
func openPair(tb testing.TB, local netip.Addr) *Sockets {
	tb.Helper()
	p, err := NewPorts(PortsConfig{Min: 42000, Max: 49999, Drain: -1})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := p.Open(local)
	if err != nil {
		tb.Skipf("no socket at %v: %v", local, err)
	}
	return s
}

// receiveFrom waits for one datagram.
func receiveFrom(t *testing.T, io IO, want string) (netip.AddrPort, time.Time) {
	t.Helper()
	buf := make([]byte, 100)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		n, from, at, err := io.Drain(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			if got := string(buf[:n]); got != want {
				t.Fatalf("received %q, want %q", got, want)
			}
			return from, at
		}
	}
	t.Fatalf("%q did not arrive", want)
	return netip.AddrPort{}, time.Time{}
}

func TestSocketsCarryDatagrams(t *testing.T) {
	v6 := netip.MustParseAddr("::1")
	tests := []struct{ name, local, to, other string }{
		{"IPv4", "127.0.0.1", "127.0.0.1", "127.0.0.1"},
		{"IPv4, any address", "0.0.0.0", "127.0.0.1", "127.0.0.1"},
		{"IPv6", "::1", "::1", "::1"},
		{"IPv6, any address", "::", "::1", "::1"},
		{"IPv4 to a socket of both", "::", "127.0.0.1", "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := openPair(t, netip.MustParseAddr(tt.local))
			b := openPair(t, netip.MustParseAddr(tt.other))
			to := netip.MustParseAddr(tt.to)
			for _, x := range []struct {
				a, b IO
				off  int
			}{{a.RTP(), b.RTP(), 0}, {a.RTCP(), b.RTCP(), 1}} {
				toA := netip.AddrPortFrom(to, uint16(a.Port()+x.off))
				before := time.Now().Add(-time.Second)
				if err := x.b.Flush([]byte("hello"), toA); err != nil {
					t.Fatal(err)
				}
				from, at := receiveFrom(t, x.a, "hello")
				if from.Addr() != netip.MustParseAddr(tt.other) || int(from.Port()) != b.Port()+x.off {
					t.Errorf("from %v", from)
				}
				if !at.IsZero() && (at.Before(before) || at.After(time.Now().Add(time.Second))) {
					t.Errorf("arrived at %v", at)
				}
				for _, answer := range []string{"first", "second"} {
					if err := x.a.Flush([]byte(answer), from); err != nil {
						t.Fatal(err)
					}
					receiveFrom(t, x.b, answer)
				}
				if n, _, _, err := x.a.Drain(make([]byte, 10)); n != 0 || err != nil {
					t.Errorf("nothing waiting: %d, %v", n, err)
				}
			}
			if err := errors.Join(a.Close(), b.Close()); err != nil {
				t.Error(err)
			}
			if _, _, _, err := a.RTP().Drain(make([]byte, 10)); err != ErrSocket {
				t.Errorf("closed: %v", err)
			}
			if err := a.RTP().Flush([]byte("x"), netip.AddrPortFrom(v6, 9)); err != ErrSocket {
				t.Errorf("closed: %v", err)
			}
		})
	}
}

func TestSocketRefusesAnotherFamilyAndNowhere(t *testing.T) {
	a := openPair(t, loopback)
	defer a.Close()
	for _, to := range []netip.AddrPort{{}, netip.MustParseAddrPort("[::1]:9")} {
		if err := a.RTP().Flush([]byte("x"), to); err == nil {
			t.Errorf("sent to %v", to)
		}
	}
}

func TestSocketGoesOnAfterAnICMPError(t *testing.T) {
	a, b := openPair(t, loopback), openPair(t, loopback)
	defer a.Close()
	closed := netip.AddrPortFrom(loopback, uint16(b.Port()))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := a.RTP().Flush([]byte("x"), closed); err != nil && err != ErrUnreachable {
			t.Errorf("to a closed port: %v", err)
		}
		if _, _, _, err := a.RTP().Drain(make([]byte, 10)); err != nil && err != ErrUnreachable {
			t.Errorf("after it: %v", err)
		}
	}
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", a.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("alive")); err != nil {
		t.Fatal(err)
	}
	receiveFrom(t, a.RTP(), "alive")
}

func TestEmptyDatagramsDoNotHideOthers(t *testing.T) {
	a := openPair(t, loopback)
	defer a.Close()
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", a.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, b := range []string{"", "", "after"} {
		if _, err := conn.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	receiveFrom(t, a.RTP(), "after")
}
