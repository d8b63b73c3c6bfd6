package rtp

import (
	"net/netip"
	"testing"
	"time"

	"mediaserver/audio/g711"
)

// BenchmarkJitterPushPop puts a packet into the ring and takes it out.
func BenchmarkJitterPushPop(b *testing.B) {
	var r ring
	r.init(new(counts), new(memory))
	payload := make([]byte, 160)
	seq := uint16(0)
	b.ReportAllocs()
	for b.Loop() {
		ext, _ := r.locate(seq)
		r.put(slot{seq: ext, kind: kindAudio, samples: 160}, payload)
		r.take(r.front())
		seq++
	}
}

// loopIO gives the same packet with the next numbers each frame.
type loopIO struct {
	p    *phone
	b    []byte
	now  *time.Time
	lose int // one in so many, 0 = none
	n    int
	have bool
}

func (l *loopIO) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	if !l.have {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	l.have = false
	l.p.header(l.b, 0)
	l.p.ts += 160
	if l.n++; l.lose > 0 && l.n%l.lose == 0 {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	return copy(buf, l.b), l.p.from, *l.now, nil
}

func (l *loopIO) Flush([]byte, netip.AddrPort) error { return nil }

func benchEndpoint(b *testing.B, lose int) (*sim, *loopIO) {
	s := newSim(b, func(c *EndpointConfig) { c.RTCP = nil })
	s.keep = false
	s.now = time.Now() // with a monotonic reading, as the engine's
	l := &loopIO{p: s.phone(), now: &s.now, lose: lose}
	l.b = l.p.packet()
	s.e.rtp = l
	b.ReportAllocs()
	return s, l
}

// BenchmarkReceive receives and decodes a frame, without a socket.
func BenchmarkReceive(b *testing.B) {
	s, l := benchEndpoint(b, 0)
	for b.Loop() {
		l.have = true
		s.tick()
	}
}

// BenchmarkReceiveLossy is the same with a tenth of the packets missing.
func BenchmarkReceiveLossy(b *testing.B) {
	s, l := benchEndpoint(b, 10)
	for b.Loop() {
		l.have = true
		s.tick()
	}
}

// BenchmarkReceiveIdle is a frame in which nothing comes.
func BenchmarkReceiveIdle(b *testing.B) {
	s, _ := benchEndpoint(b, 0)
	for b.Loop() {
		s.tick()
	}
}

// BenchmarkSend packs and sends a frame, without a socket.
func BenchmarkSend(b *testing.B) {
	s, _ := benchEndpoint(b, 0)
	payload := make([]byte, 160)
	for b.Loop() {
		s.e.Send(s.frame, s.now, payload)
		s.frame++
	}
}

// BenchmarkConcealLoss finds the pitch and makes up a frame.
func BenchmarkConcealLoss(b *testing.B) {
	q := filled(8000, func(x []int16, from int) { voice(x, 130, 8000, from) })
	c := newConcealer(8000)
	b.ReportAllocs()
	for b.Loop() {
		c.add(q, 160)
		c.drop()
		q.w -= 160
	}
}

// BenchmarkSocketPair sends and receives one packet over loopback.
func BenchmarkSocketPair(b *testing.B) {
	from, to := openPair(b, loopback), openPair(b, loopback)
	defer from.Close()
	defer to.Close()
	addr := netip.AddrPortFrom(loopback, uint16(to.Port()))
	packet, buf := make([]byte, 172), make([]byte, 1500)
	out, in := from.RTP(), to.RTP()
	b.ReportAllocs()
	for b.Loop() {
		_ = out.Flush(packet, addr)
		_, _, _, _ = in.Drain(buf)
	}
}

// BenchmarkSocketEmpty looks at a socket where nothing waits.
func BenchmarkSocketEmpty(b *testing.B) {
	s := openPair(b, loopback)
	defer s.Close()
	buf := make([]byte, 1500)
	in := s.RTP()
	b.ReportAllocs()
	for b.Loop() {
		_, _, _, _ = in.Drain(buf)
	}
}

// BenchmarkFrameOverLoopback is a frame of 100 calls with each other: receive,
// decode, send, by sockets. The figure is per call and frame.
func BenchmarkFrameOverLoopback(b *testing.B) {
	const calls = 100
	var ends [calls]*Endpoint
	var socks [calls]*Sockets
	for i := range socks {
		socks[i] = openPair(b, loopback)
	}
	for i := range ends {
		p := testParams(g711.PCMU())
		p.Remote = netip.AddrPortFrom(loopback, uint16(socks[i^1].Port()))
		e, err := NewEndpoint(EndpointConfig{RTP: socks[i].RTP(), RTCP: socks[i].RTCP(), Params: p})
		if err != nil {
			b.Fatal(err)
		}
		ends[i] = e
	}
	payload, pcm := make([]byte, 160), make([]int16, 160)
	frame, now := int64(0), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range ends {
			e.Receive(frame, now, pcm)
			e.Send(frame, now, payload)
		}
		frame++
		now = now.Add(frameTime)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/calls, "ns/call-frame")
	for _, e := range ends {
		_ = e.Close()
	}
}
