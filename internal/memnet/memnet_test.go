package memnet

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var (
	hostA = netip.MustParseAddr("192.0.2.1")
	hostB = netip.MustParseAddr("192.0.2.2")
)

// clock is a time that a test moves by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// pair makes a network with two sockets on a clock.
func pair(t *testing.T, c Conditions, seed uint64) (n *Network, a, b *Socket, clk *clock) {
	t.Helper()
	clk = &clock{time.Unix(1000, 0)}
	n = New(Config{Seed: seed, Conditions: c, Now: clk.now})
	var err error
	if a, err = n.Listen(netip.AddrPortFrom(hostA, 5000)); err != nil {
		t.Fatal(err)
	}
	if b, err = n.Listen(netip.AddrPortFrom(hostB, 6000)); err != nil {
		t.Fatal(err)
	}
	return n, a, b, clk
}

// exchange sends count datagrams, one each step, and returns the numbers of
// those received, with the time each took.
func exchange(t *testing.T, a, b *Socket, clk *clock, count int, step time.Duration) (got []int, took []time.Duration) {
	t.Helper()
	start := clk.t
	buf := make([]byte, 100)
	for i := range count + int(time.Second/step) {
		if i < count {
			if err := a.Flush([]byte{byte(i >> 8), byte(i)}, b.Addr()); err != nil {
				t.Fatal(err)
			}
		}
		for {
			n, from, at, err := b.Drain(buf)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			if n != 2 || from != a.Addr() || at.After(clk.t) {
				t.Fatalf("%d bytes from %v at %v", n, from, at)
			}
			k := int(buf[0])<<8 | int(buf[1])
			got = append(got, k)
			took = append(took, at.Sub(start)-time.Duration(k)*step)
		}
		clk.t = clk.t.Add(step)
	}
	return got, took
}

const step = 20 * time.Millisecond

func TestPerfectNetworkDeliversAllInOrderAtOnce(t *testing.T) {
	n, a, b, clk := pair(t, Conditions{}, 1)
	got, took := exchange(t, a, b, clk, 1000, step)
	if len(got) != 1000 || !slices.IsSorted(got) || slices.Max(took) != 0 {
		t.Errorf("%d received, longest %v", len(got), slices.Max(took))
	}
	if s := n.Stats(); s != (Stats{Sent: 1000, Delivered: 1000}) {
		t.Errorf("stats %+v", s)
	}
}

func TestConditionsHappenAtTheirShare(t *testing.T) {
	near := func(got, want float64) bool { return math.Abs(got-want) < 0.03 }
	tests := []struct {
		name  string
		c     Conditions
		check func(got []int, took []time.Duration, s Stats) bool
	}{
		{"loss", Conditions{Loss: 0.1}, func(got []int, _ []time.Duration, s Stats) bool {
			return near(float64(len(got))/5000, 0.9) && s.Lost == uint64(5000-len(got)) && slices.IsSorted(got)
		}},
		{"duplication", Conditions{Duplicate: 0.2}, func(got []int, _ []time.Duration, s Stats) bool {
			return near(float64(len(got))/5000, 1.2) && s.Duplicated == uint64(len(got)-5000)
		}},
		{"delay", Conditions{Delay: 35 * time.Millisecond}, func(got []int, took []time.Duration, _ Stats) bool {
			return slices.IsSorted(got) && slices.Min(took) == 35*time.Millisecond && slices.Max(took) == 35*time.Millisecond
		}},
		{"jitter", Conditions{Delay: 10 * time.Millisecond, Jitter: 15 * time.Millisecond}, func(got []int, took []time.Duration, _ Stats) bool {
			return slices.IsSorted(got) && slices.Min(took) >= 10*time.Millisecond && slices.Max(took) < 25*time.Millisecond && slices.Max(took) > 24*time.Millisecond
		}},
		{"reordering", Conditions{Reorder: 0.1}, func(got []int, _ []time.Duration, s Stats) bool {
			late := 0
			for i := 1; i < len(got); i++ {
				if got[i] < got[i-1] {
					late++
				}
			}
			return len(got) == 5000 && s.Reordered > 400 && s.Reordered < 600 && late > 300
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, a, b, clk := pair(t, tt.c, 7)
			got, took := exchange(t, a, b, clk, 5000, step)
			if !tt.check(got, took, n.Stats()) {
				t.Errorf("%d received, stats %+v", len(got), n.Stats())
			}
		})
	}
}

func TestSameSeedSameFate(t *testing.T) {
	c := Conditions{Loss: 0.2, Duplicate: 0.1, Reorder: 0.1, Jitter: 40 * time.Millisecond}
	run := func(seed uint64) []int {
		_, a, b, clk := pair(t, c, seed)
		got, _ := exchange(t, a, b, clk, 500, step)
		return got
	}
	if !slices.Equal(run(3), run(3)) {
		t.Error("two runs of one seed differ")
	}
	if slices.Equal(run(3), run(4)) {
		t.Error("two seeds give one fate")
	}
}

func TestConditionsOfOneDirection(t *testing.T) {
	n, a, b, clk := pair(t, Conditions{}, 1)
	n.SetBetween(a.Addr(), b.Addr(), Conditions{Loss: 1})
	if got, _ := exchange(t, a, b, clk, 10, step); len(got) != 0 {
		t.Errorf("%d arrived on the cut way", len(got))
	}
	if got, _ := exchange(t, b, a, clk, 10, step); len(got) != 10 {
		t.Errorf("%d arrived on the other way", len(got))
	}
	n.SetConditions(Conditions{Loss: 1})
	if got, _ := exchange(t, b, a, clk, 10, step); len(got) != 0 {
		t.Errorf("%d arrived after all ways were cut", len(got))
	}
}

func TestQueueIsBounded(t *testing.T) {
	clk := &clock{time.Unix(0, 0)}
	n := New(Config{Now: clk.now, QueueLimit: 5})
	a, _ := n.Listen(netip.AddrPortFrom(hostA, 1))
	b, _ := n.Listen(netip.AddrPortFrom(hostB, 2))
	for range 8 {
		if err := a.Flush([]byte("x"), b.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	if s := n.Stats(); s.Overflowed != 3 {
		t.Errorf("stats %+v", s)
	}
	if err := a.Flush([]byte("x"), netip.AddrPortFrom(hostB, 99)); err != nil {
		t.Error(err)
	}
	if s := n.Stats(); s.Unreachable != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestAddresses(t *testing.T) {
	n := New(Config{})
	rtp, rtcp, err := n.ListenPair(hostA)
	if err != nil || rtp.Port()%2 != 0 || rtcp.Port() != rtp.Port()+1 {
		t.Fatalf("pair %v, %v, %v", rtp.Addr(), rtcp.Addr(), err)
	}
	if rtp.LocalAddr().String() != rtp.Addr().String() {
		t.Error("LocalAddr differs from Addr")
	}
	if _, err := n.Listen(rtp.Addr()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second socket at one address: %v", err)
	}
	if other, _, err := n.ListenPair(hostA); err != nil || other.Port() == rtp.Port() {
		t.Errorf("second pair: %v", err)
	}
	if err := rtp.Close(); err != nil {
		t.Error(err)
	}
	if err := rtp.Close(); err != nil {
		t.Error(err)
	}
	if again, err := n.Listen(rtp.Addr()); err != nil || again == nil {
		t.Errorf("listen after close: %v", err)
	}
	if err := rtp.Flush(nil, rtcp.Addr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("send after close: %v", err)
	}
	if _, _, _, err := rtp.Drain(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("receive after close: %v", err)
	}
	if err := rtp.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("deadline after close: %v", err)
	}
}

func TestPortsRunOut(t *testing.T) {
	n := New(Config{})
	for {
		s, err := n.Listen(netip.AddrPortFrom(hostA, 0))
		if errors.Is(err, ErrNoPorts) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if s.Port() < firstPort {
			t.Fatal(s.Port())
		}
	}
}

func TestPacketConnWaitsInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Conditions: Conditions{Delay: 300 * time.Millisecond}})
		a, _ := n.Listen(netip.AddrPortFrom(hostA, 1))
		b, _ := n.Listen(netip.AddrPortFrom(hostB, 2))
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			buf := make([]byte, 10)
			k, from, err := b.ReadFrom(buf)
			if err != nil || string(buf[:k]) != "hello" || from.String() != a.Addr().String() {
				t.Errorf("%q from %v: %v", buf[:k], from, err)
			}
			if took := time.Since(start); took != 300*time.Millisecond {
				t.Errorf("took %v", took)
			}
			if err := b.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				t.Error(err)
			}
			if _, _, err := b.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("deadline: %v", err)
			}
			if took := time.Since(start); took != 1300*time.Millisecond {
				t.Errorf("deadline after %v", took)
			}
			if err := b.SetDeadline(time.Time{}); err != nil {
				t.Error(err)
			}
			if _, _, err := b.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
				t.Errorf("closed: %v", err)
			}
		})
		if k, err := a.WriteTo([]byte("hello"), b.LocalAddr()); k != 5 || err != nil {
			t.Errorf("write: %d, %v", k, err)
		}
		time.Sleep(5 * time.Second)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestWriteToRefusesOtherAddresses(t *testing.T) {
	n := New(Config{})
	a, _ := n.Listen(netip.AddrPortFrom(hostA, 1))
	if _, err := a.WriteTo(nil, &net.UnixAddr{Name: "x"}); err == nil {
		t.Error("no error")
	}
	if err := a.SetWriteDeadline(time.Now()); err != nil {
		t.Error(err)
	}
	_ = a.Close()
	if _, err := a.WriteTo(nil, a.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func ExampleNetwork() {
	n := New(Config{})
	a, _ := n.Listen(netip.MustParseAddrPort("192.0.2.1:5000"))
	b, _ := n.Listen(netip.MustParseAddrPort("192.0.2.2:5000"))
	_ = a.Flush([]byte("hello"), b.Addr())
	buf := make([]byte, 100)
	k, from, _, _ := b.Drain(buf)
	fmt.Printf("%s from %v\n", buf[:k], from)
	// Output: hello from 192.0.2.1:5000
}

func BenchmarkFlushDrain(b *testing.B) {
	n := New(Config{Conditions: Conditions{Loss: 0.01}})
	s, _ := n.Listen(netip.AddrPortFrom(hostA, 1))
	r, _ := n.Listen(netip.AddrPortFrom(hostB, 2))
	packet, buf := make([]byte, 172), make([]byte, 1500)
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Flush(packet, r.Addr())
		_, _, _, _ = r.Drain(buf)
	}
}
