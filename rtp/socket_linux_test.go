//go:build !rtpnet

package rtp

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// portOf is the port a socket is bound to.
func portOf(t *testing.T, s *socket) uint16 {
	t.Helper()
	a, err := unix.Getsockname(s.fd)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(a.(*unix.SockaddrInet4).Port)
}

// await waits until the system has something for the reader of a socket: a busy one
// takes its time between a datagram or an ICMP error and the socket it is for.
func await(t *testing.T, s *socket, event int16) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		fds := []unix.PollFd{{Fd: int32(s.fd), Events: event}}
		if _, err := unix.Poll(fds, 100); err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
		if fds[0].Revents&event != 0 {
			return
		}
	}
	t.Fatal("nothing came")
}

// awaitSeveral waits until so many datagrams are in the queue of a socket.
func awaitSeveral(t *testing.T, s *socket, n int) {
	t.Helper()
	peek := func(from int) {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_PEEK_OFF, from); err != nil {
			t.Fatal(err)
		}
	}
	peek(0)
	defer peek(-1)
	for deadline := time.Now().Add(30 * time.Second); n > 0; {
		switch _, _, err := unix.Recvfrom(s.fd, make([]byte, datagramSize), unix.MSG_PEEK|unix.MSG_DONTWAIT); {
		case err == nil:
			n--
		case err != unix.EAGAIN && err != unix.EINTR:
			t.Fatal(err)
		case time.Now().After(deadline):
			t.Fatalf("%d datagrams did not come", n)
		}
	}
}

func TestKernelTellsArrivalAndDrops(t *testing.T) {
	a := openPair(t, loopback)
	defer a.Close()
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", a.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := time.Now()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	await(t, a.rtp.socket, unix.POLLIN)
	after := time.Now()
	_, at := receiveFrom(t, a.RTP(), "x")
	if at.Before(before.Add(-time.Millisecond)) || at.After(after.Add(time.Millisecond)) {
		t.Errorf("arrived at %v, sent between %v and %v", at, before, after)
	}
	if err := unix.SetsockoptInt(a.rtp.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096); err != nil {
		t.Fatal(err)
	}
	sent, came := uint64(0), uint64(0)
	send := func() {
		t.Helper()
		if _, err := conn.Write(make([]byte, 172)); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	for range 1000 {
		send()
	}
	// The counter comes with a datagram queued after the drops.
	buf := make([]byte, 200)
	for deadline := time.Now().Add(30 * time.Second); came+a.rtp.Dropped() != sent && time.Now().Before(deadline); {
		await(t, a.rtp.socket, unix.POLLIN)
		for n := 1; n > 0; {
			if n, _, _, err = a.RTP().Drain(buf); err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				came++
			}
		}
		send()
		await(t, a.rtp.socket, unix.POLLIN)
		if n, _, _, err := a.RTP().Drain(buf); n == 0 || err != nil {
			t.Fatal(n, err)
		}
		came++
	}
	if drops := a.rtp.Dropped(); drops == 0 || came+drops != sent {
		t.Errorf("%d sent, %d came, %d drops counted", sent, came, drops)
	}
}

func TestSocketsDoNotAllocate(t *testing.T) {
	for _, local := range []string{"127.0.0.1", "::1"} {
		addr := netip.MustParseAddr(local)
		a, b := openPair(t, addr), openPair(t, addr)
		to := netip.AddrPortFrom(addr, uint16(b.Port()))
		packet, buf := make([]byte, 172), make([]byte, 1500)
		in, out := b.RTP(), a.RTP()
		allocs := testing.AllocsPerRun(1000, func() {
			_ = out.Flush(packet, to)
			_, _, _, _ = in.Drain(buf)
		})
		if allocs != 0 {
			t.Errorf("%v: %v allocations per packet", local, allocs)
		}
		_ = a.Close()
		_ = b.Close()
	}
}

func TestScopeIsANumberOrAName(t *testing.T) {
	for zone, want := range map[string]uint32{"": 0, "7": 7, "lo": 1} {
		if got, err := scopeOf(zone); got != want || err != nil {
			t.Errorf("zone %q: %d, %v, want %d", zone, got, err, want)
		}
	}
	if _, err := scopeOf("no such interface"); err == nil {
		t.Error("unknown interface taken")
	}
	name := unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: [16]byte{0xfe, 0x80, 15: 1}, Port: hostOrder(99), Scope_id: 3}
	if got, want := keyOfName(&name).addrPort(), netip.MustParseAddrPort("[fe80::1%3]:99"); got != want {
		t.Errorf("source %v, want %v", got, want)
	}
}

func TestErrorsOfTheSystem(t *testing.T) {
	for errno, want := range map[unix.Errno]error{
		unix.EAGAIN: ErrBusy, unix.ENOBUFS: ErrBusy, unix.ECONNREFUSED: ErrUnreachable,
		unix.EHOSTUNREACH: ErrUnreachable, unix.EPERM: ErrSocket,
	} {
		if got := socketErr(errno, false); got != want {
			t.Errorf("%v: %v, want %v", errno, got, want)
		}
	}
	if err := socketErr(unix.EAGAIN, true); err != nil {
		t.Errorf("nothing waiting: %v", err)
	}
}

// pathOption is what a socket does with datagrams that may not fit.
func pathOption(t *testing.T, s *socket) int {
	t.Helper()
	v, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOnlyLongDatagramsMayBeBrokenUp(t *testing.T) {
	a, b := openPair(t, loopback), openPair(t, loopback)
	defer a.Close()
	defer b.Close()
	to := netip.AddrPortFrom(loopback, portOf(t, b.rtp.socket))
	if err := a.rtp.Flush(make([]byte, unbroken), to); err != nil || pathOption(t, a.rtp.socket) != unix.IP_PMTUDISC_PROBE {
		t.Errorf("after a datagram of usual length: %v, option %d", err, pathOption(t, a.rtp.socket))
	}
	if err := a.rtp.Flush(make([]byte, unbroken+1), to); err != nil || pathOption(t, a.rtp.socket) != unix.IP_PMTUDISC_WANT {
		t.Errorf("after a long datagram: %v, option %d", err, pathOption(t, a.rtp.socket))
	}
}
