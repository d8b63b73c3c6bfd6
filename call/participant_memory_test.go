package call

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"mediaserver/audio/g711"
	"mediaserver/mixer"
	"mediaserver/rtp"
)

// stepClock lets an engine serve slot after slot without waiting.
type stepClock struct {
	now    time.Time
	slots  int
	before func(slot int)
}

func (c *stepClock) Now() time.Time { return c.now }

func (c *stepClock) SleepUntil(t time.Time) {
	c.now = t
	c.before(c.slots)
	c.slots++
}

// TestMediaStateOfAParticipantFitsIn12KiB measures the heap of participants that
// talk in rooms of four, on either kind of ports: what the call has of its media,
// with its own room and its place in the other one.
func TestMediaStateOfAParticipantFitsIn12KiB(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	t.Run("sockets", func(t *testing.T) {
		ports, err := rtp.NewPorts(rtp.PortsConfig{})
		if err != nil {
			t.Fatal(err)
		}
		measureParticipants(t, nil, func(netip.AddrPort) (Sockets, error) { return ports.Open(loopback) })
	})
	t.Run("shared", func(t *testing.T) {
		shared, err := rtp.NewShared(rtp.SharedConfig{First: freePorts(t), Ports: 1, Workers: 1})
		if errors.Is(err, rtp.ErrNoShared) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer shared.Close() //nolint:errcheck // of a test
		measureParticipants(t, shared, func(remote netip.AddrPort) (Sockets, error) {
			return shared.Open(loopback, rtp.Peer{Remote: remote, Signalling: loopback})
		})
	})
}

// freePorts is the first of two ports, an even one, that nobody had a moment ago.
func freePorts(t *testing.T) int {
	t.Helper()
	loopback := net.IPv4(127, 0, 0, 1)
	for range 100 {
		first, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback})
		if err != nil {
			t.Fatal(err)
		}
		port := first.LocalAddr().(*net.UDPAddr).Port
		second, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback, Port: port + 1})
		_ = first.Close()
		if err != nil {
			continue
		}
		_ = second.Close()
		if port%2 == 0 {
			return port
		}
	}
	t.Fatal("no free ports")
	return 0
}

func measureParticipants(t *testing.T, transport mixer.Transport, open func(remote netip.AddrPort) (Sockets, error)) {
	t.Helper()
	const calls, room, frames, budget = 256, 4, 50, 12 << 10
	ctx, stop := context.WithCancel(t.Context())
	// The system's times of arrival are later than all of the engine's.
	clock := &stepClock{now: time.Now().Add(-time.Minute)}
	engine, err := mixer.New(mixer.Config{Clock: clock, Workers: 1, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	far := make([]*net.UDPConn, calls)
	for i := range far {
		if far[i], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			t.Fatal(err)
		}
		defer far[i].Close() //nolint:errcheck // of a test
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	ends := make([]*media, calls)
	members := make([]*mixer.Member, calls)
	before := heap()
	var talk *mixer.Room
	for i := range ends {
		if i%room == 0 {
			talk = engine.NewRoom("")
		}
		remote := far[i].LocalAddr().(*net.UDPAddr).AddrPort()
		sockets, err := open(remote)
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = participantOf(t, engine, sockets, remote)
		defer ends[i].sockets.Close() //nolint:errcheck // of a test
		members[i] = talk.Add(mixer.MemberOptions{Talk: true, Hear: true})
		ends[i].home.MovePort(members[i])
	}
	packet, each := make([]byte, 12+160), 0
	packet[0] = 0x80
	clock.before = func(slot int) {
		frame, quarter := slot/mixer.SlotsPerFrame, slot%mixer.SlotsPerFrame
		switch {
		case frame == frames:
			each = int(heap()-before) / calls
			stop()
		case quarter == 0:
			binary.BigEndian.PutUint16(packet[2:], uint16(frame))
			binary.BigEndian.PutUint32(packet[4:], uint32(160*frame))
			for i, f := range far {
				_, _ = f.WriteToUDPAddrPort(packet, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(ends[i].sockets.Port())))
			}
		}
	}
	if err := engine.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for i, m := range ends {
		if s := m.endpoint.Stats(); s.Received < frames/2 || s.Sent < frames/2 {
			t.Fatalf("participant %d: %d packets in, %d out", i, s.Received, s.Sent)
		}
	}
	runtime.KeepAlive(members)
	t.Logf("%d bytes for each participant", each)
	if each > budget {
		t.Errorf("%d bytes for each participant, budget %d", each, budget)
	}
}

// participantOf is the media of a call as openPort makes them.
func participantOf(t *testing.T, engine *mixer.Engine, sockets Sockets, remote netip.AddrPort) *media {
	t.Helper()
	p := &port{deliver: func(press) {}, taps: newTaps(engine.Format().Samples())}
	p.events = &eventTap{port: p}
	p.settle(&portParams{codec: g711.PCMU(), events: true}, engine.Format().Rate)
	var err error
	p.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: sockets.RTP(), RTCP: sockets.RTCP(), OnEvent: p.events.event, Params: rtp.Params{
		Remote: remote, Codec: g711.PCMU(), HasEvent: true, EventPT: 101, Send: true, Receive: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	own := engine.NewRoom("")
	return &media{sockets: sockets, endpoint: p.endpoint, port: p, room: own, home: own.Add(mixer.MemberOptions{Port: p})}
}
