//go:build !rtpnet

package rtp

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mediaserver/audio/g711"
)

// settledSim is an endpoint on a socket whose far end has settled where it was
// announced, in time that a test moves.
type settledSim struct {
	t          *testing.T
	e          *Endpoint
	here       netip.AddrPort
	far, other *Sockets
	phone      phone
	frame      int64
	now        time.Time
	pcm        [160]int16
}

func newSettledSim(t *testing.T) *settledSim {
	t.Helper()
	s := &settledSim{t: t, far: openPair(t, loopback), other: openPair(t, loopback), now: time.Now()}
	own := openPair(t, loopback)
	s.here = netip.AddrPortFrom(loopback, uint16(own.Port()))
	p := testParams(g711.PCMU())
	p.Remote = s.at(s.far)
	var err error
	if s.e, err = NewEndpoint(EndpointConfig{RTP: own.RTP(), RTCP: own.RTCP(), Params: p}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, x := range []interface{ Close() error }{s.e, s.far, s.other} {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	s.phone = phone{s: &sim{e: s.e}, ssrc: 7, size: 160}
	s.run(60, s.far)
	if s.e.socket.peer != s.at(s.far) {
		t.Fatalf("connected to %v, want %v", s.e.socket.peer, s.at(s.far))
	}
	return s
}

func (s *settledSim) at(x *Sockets) netip.AddrPort {
	return netip.AddrPortFrom(loopback, uint16(x.Port()))
}

// run passes frames in which somebody sends; nil = nobody does.
func (s *settledSim) run(frames int, from *Sockets) {
	s.t.Helper()
	for range frames {
		if from != nil {
			if err := from.RTP().Flush(s.phone.packet(), s.here); err != nil && err != ErrUnreachable {
				s.t.Fatal(err)
			}
			if peer := s.e.socket.peer; !peer.IsValid() || peer == s.at(from) {
				await(s.t, s.e.socket, unix.POLLIN)
			}
		}
		s.frame++
		s.now = s.now.Add(frameTime)
		s.e.Receive(s.frame, s.now, make([]int16, 160))
		s.e.Send(s.frame, s.now, make([]byte, 160))
	}
}

// wantSent waits until all packets from number seq on have come to a far end.
func (s *settledSim) wantSent(x *Sockets, seq uint16) {
	s.t.Helper()
	b := make([]byte, datagramSize)
	for want := s.e.sender.seq - seq; want > 0; {
		await(s.t, x.rtp.socket, unix.POLLIN)
		if n, _, _, err := x.RTP().Drain(b); err != nil || n == 0 {
			s.t.Fatalf("%d bytes, %v", n, err)
		}
		if binary.BigEndian.Uint16(b[2:])-seq < 1<<15 {
			want--
		}
	}
}

func TestSettledSocketHearsTheFarEndOnly(t *testing.T) {
	s := newSettledSim(t)
	before := s.e.Stats()
	s.run(5, s.other)
	s.run(5, s.far)
	if n := s.e.Stats().Received - before.Received; n != 5 {
		t.Errorf("%d packets taken, want 5", n)
	}
	s.wantSent(s.far, s.e.sender.seq-70)
	if n := s.e.Stats().Sent; n != 70 {
		t.Errorf("%d packets sent, want 70", n)
	}
}

func TestSettledFarEndThatFallsSilentMayBeElsewhere(t *testing.T) {
	s := newSettledSim(t)
	s.run(100, s.other) // another port of its NAT
	if got := s.e.far.source; got != s.at(s.other) {
		t.Fatalf("the far end is taken to be at %v, want %v", got, s.at(s.other))
	}
	seq := s.e.sender.seq
	s.run(5, s.other)
	s.wantSent(s.other, seq)
	if s.e.socket.peer.IsValid() {
		t.Error("connected, though it is not where it was announced")
	}
}

func TestSettledFarEndIsAnnouncedElsewhere(t *testing.T) {
	s := newSettledSim(t)
	p := testParams(g711.PCMU())
	p.Remote = s.at(s.other)
	if err := s.e.Update(p); err != nil {
		t.Fatal(err)
	}
	seq := s.e.sender.seq
	s.run(3, s.far) // still audible
	s.run(60, s.other)
	s.wantSent(s.other, seq)
	if n := s.e.sender.seq - seq; n != 63 {
		t.Errorf("%d packets sent, want 63", n)
	}
	if s.e.socket.peer != s.at(s.other) {
		t.Errorf("connected to %v", s.e.socket.peer)
	}
}

func TestSettledFarEndMayCloseItsPortForAMoment(t *testing.T) {
	s := newSettledSim(t)
	port := s.at(s.far)
	if err := s.far.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.run(1, nil)
		await(t, s.e.socket, unix.POLLERR) // of ICMP
	}
	again, err := openSocket(port)
	if err != nil {
		t.Fatal(err)
	}
	s.far = &Sockets{rtp: pairedSocket{socket: again}, port: int(port.Port())}
	s.far.once.Do(func() {})
	defer again.close()
	before := s.e.Stats().Received
	s.run(10, s.far)
	if n := s.e.Stats().Received - before; n != 10 {
		t.Errorf("%d packets taken, want 10", n)
	}
	if n := s.e.Stats().SocketErrors[SocketUnreachable]; n == 0 {
		t.Error("no ICMP error counted")
	}
}

// TestSettledSocketIsReadWithoutNames has a stream count as calm at once: packets
// are taken whether it was asked from whom and when they came or not.
func TestSettledSocketIsReadWithoutNames(t *testing.T) {
	s := newSettledSim(t)
	before, untimed := s.e.Stats().Received, 0
	for range 2 * drainAllFrames {
		s.e.receiver.player.tuner.alert = 0
		s.run(1, s.far)
		if s.e.receiver.untimed {
			untimed++
		}
	}
	if n := s.e.Stats().Received - before; n != 2*drainAllFrames {
		t.Errorf("%d packets taken, want %d", n, 2*drainAllFrames)
	}
	if want := 2 * drainAllFrames * (timedFrames - 1) / timedFrames; untimed != want {
		t.Errorf("%d frames without asking, want %d", untimed, want)
	}
	if n := testing.AllocsPerRun(100, func() {
		s.e.receiver.player.tuner.alert = 0
		s.frame++
		s.now = s.now.Add(frameTime)
		s.e.Receive(s.frame, s.now, s.pcm[:])
	}); n > 0.05 { // RTCP now and then
		t.Errorf("%v allocations per frame", n)
	}
}

// TestSettledSocketAsksFromWhomUntilItWasEmpty has datagrams of others wait when
// the socket is connected.
func TestSettledSocketAsksFromWhomUntilItWasEmpty(t *testing.T) {
	s := newSettledSim(t)
	s.e.socket.connect(netip.AddrPort{})
	for range 5 {
		if err := s.other.RTP().Flush(s.phone.packet(), s.here); err != nil {
			t.Fatal(err)
		}
	}
	awaitSeveral(t, s.e.socket, 5)
	s.e.socket.connect(s.at(s.far))
	s.e.far.alone = steady(s.now)
	before := s.e.Stats()
	for range timedFrames {
		s.e.receiver.player.tuner.alert = 0
		s.run(1, nil)
	}
	after := s.e.Stats()
	if after.Received != before.Received || after.Dropped[DropSource]-before.Dropped[DropSource] != 5 {
		t.Errorf("%d packets of others taken, %d thrown away", after.Received-before.Received, after.Dropped[DropSource]-before.Dropped[DropSource])
	}
}
