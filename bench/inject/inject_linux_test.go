package inject

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// open makes an Injector, or skips the test.
func open(tb testing.TB, records int) *Injector {
	tb.Helper()
	i, err := Open(records)
	if errors.Is(err, ErrUnavailable) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := i.Close(); err != nil {
			tb.Error(err)
		}
	})
	return i
}

// receiver is a socket of 127.0.0.1.
func receiver(tb testing.TB) (*net.UDPConn, netip.AddrPort) {
	tb.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() }) //nolint:errcheck // the test is over
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// all gives what lies in a queue, and from whom it is.
func all(t *testing.T, c *net.UDPConn) (packets []string, from []netip.AddrPort) {
	t.Helper()
	for {
		if err := c.SetReadDeadline(time.Now().Add(30 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2048)
		n, sender, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return packets, from
		}
		packets, from = append(packets, string(b[:n])), append(from, sender)
	}
}

func sender(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 16, byte(n >> 8), byte(n)}), uint16(4000+n))
}

func TestEachPacketArrivesOnceFromItsSenderInOrder(t *testing.T) {
	const n = 100
	i := open(t, n)
	c, to := receiver(t)
	for _, payload := range []int{172, 188, 1, RecordSize - HeaderSize} {
		size := HeaderSize + payload
		for k := range n {
			Header(i.Record(k), sender(k), to, payload)
			for j := range payload {
				i.Record(k)[HeaderSize+j] = byte(k + j)
			}
		}
		for _, run := range [][2]int{{0, n}, {5, 6}, {n - 2, n}, {3, 3}} {
			if sent, err := i.Send(run[0], run[1], size); err != nil || sent != run[1]-run[0] {
				t.Fatalf("records %v: %d sent, %v", run, sent, err)
			}
			packets, from := all(t, c)
			if len(packets) != run[1]-run[0] {
				t.Fatalf("%d bytes, records %v: %d packets", payload, run, len(packets))
			}
			for k, b := range packets {
				if want := i.Record(run[0] + k)[HeaderSize:size]; b != string(want) || from[k] != sender(run[0]+k) {
					t.Fatalf("%d bytes, packet %d of %v: % x from %v", payload, k, run, b, from[k])
				}
			}
		}
	}
}

func TestAnAnswerFindsTheSender(t *testing.T) {
	i := open(t, 1)
	c, to := receiver(t)
	far, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 16, 0, 9)})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close() //nolint:errcheck // the test is over
	Header(i.Record(0), far.LocalAddr().(*net.UDPAddr).AddrPort(), to, 4)
	if _, err := i.Send(0, 1, HeaderSize+4); err != nil {
		t.Fatal(err)
	}
	packets, from := all(t, c)
	if len(packets) != 1 {
		t.Fatalf("%d packets", len(packets))
	}
	if _, err := c.WriteToUDPAddrPort([]byte("back"), from[0]); err != nil {
		t.Fatal(err)
	}
	if packets, from := all(t, far); len(packets) != 1 || packets[0] != "back" || from[0] != to {
		t.Errorf("%q from %v", packets, from)
	}
}

func TestTwoInjectorsDoNotDisturbEachOther(t *testing.T) {
	a, b := open(t, 1), open(t, 1)
	c, to := receiver(t)
	for k, i := range []*Injector{a, b} {
		Header(i.Record(0), sender(k), to, 1)
		if _, err := i.Send(0, 1, HeaderSize+1); err != nil {
			t.Fatal(err)
		}
	}
	if packets, from := all(t, c); len(packets) != 2 || from[0] != sender(0) || from[1] != sender(1) {
		t.Errorf("%d packets from %v", len(packets), from)
	}
}

func BenchmarkSend(b *testing.B) {
	const n = 32
	i := open(b, n)
	_, to := receiver(b) // its queue is full soon, and what comes then is dropped
	for k := range n {
		Header(i.Record(k), sender(k), to, 172)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Send(0, n, HeaderSize+172); err != nil {
			b.Fatal(err)
		}
	}
}
