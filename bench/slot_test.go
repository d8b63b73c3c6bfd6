package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/mixer"
	"mediaserver/rtp"
)

const (
	frameTime  = 20 * time.Millisecond
	samples    = 160
	headerSize = 12
)

// steppedClock lets the benchmark decide when the worker goes on.
type steppedClock struct {
	now         time.Time
	step, ready chan struct{}
}

func newSteppedClock() *steppedClock {
	return &steppedClock{now: time.Now(), step: make(chan struct{}), ready: make(chan struct{})}
}

func (c *steppedClock) Now() time.Time { return c.now }

func (c *steppedClock) SleepUntil(t time.Time) {
	c.ready <- struct{}{}
	<-c.step
	if t.After(c.now) {
		c.now = t
	}
}

// frame runs one frame of all slots.
func (c *steppedClock) frame() {
	for range mixer.SlotsPerFrame {
		c.step <- struct{}{}
		<-c.ready
	}
}

// peer is the far end of an endpoint in memory: a packet for every frame.
type peer struct {
	packet [headerSize + samples]byte
	from   netip.AddrPort
	clock  *steppedClock
	sent   time.Time // when the last packet was due
}

func newPeer(c *steppedClock, n int, talks bool) *peer {
	p := &peer{clock: c, from: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(1024+2*(n%30000)))}
	p.packet[0] = 0x80
	binary.BigEndian.PutUint32(p.packet[8:], uint32(n+1))
	pcm := make([]int16, samples)
	if talks {
		audio.NewTone(8000, []float64{400}, -20).Read(pcm)
	}
	g711.EncodeULaw(p.packet[headerSize:], pcm)
	return p
}

// Drain delivers one packet a frame.
func (p *peer) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	if p.clock.now.Sub(p.sent) < frameTime {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	p.sent = p.clock.now
	b := p.packet[:]
	binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])+1)
	binary.BigEndian.PutUint32(b[4:], binary.BigEndian.Uint32(b[4:])+samples)
	return copy(buf, b), p.from, p.sent, nil
}

// Flush takes a packet.
func (p *peer) Flush([]byte, netip.AddrPort) error { return nil }

// port is an endpoint as the mixer sees it.
type port struct{ endpoint *rtp.Endpoint }

func (p port) Codec() audio.Codec { return g711.PCMU() }

func (p port) Receive(frame int64, now time.Time, pcm []int16) mixer.Status {
	if p.endpoint.Receive(frame, now, pcm) {
		return mixer.Sound
	}
	return 0
}

func (p port) Send(frame int64, now time.Time, out mixer.Output) {
	p.endpoint.Send(frame, now, out.Payload)
}

// fill makes rooms of so many participants, of whom the first talk.
func fill(tb testing.TB, e *mixer.Engine, clock *steppedClock, rooms, participants, talkers int) {
	tb.Helper()
	for r := range rooms {
		room := e.NewRoom(fmt.Sprint(r))
		for i := range participants {
			n := r*participants + i
			far := newPeer(clock, n, i < talkers)
			endpoint, err := rtp.NewEndpoint(rtp.EndpointConfig{RTP: far, Params: rtp.Params{
				Remote: far.from, Codec: g711.PCMU(), Send: true, Receive: true,
			}})
			if err != nil {
				tb.Fatal(err)
			}
			room.Add(mixer.MemberOptions{Port: port{endpoint}, Talk: true, Hear: true})
		}
	}
}

// BenchmarkWholeSlot is everything between the sockets: receive, jitter
// buffer, decode, mix, encode, packet. The metrics are per participant-frame:
// the minimum and the lower quartile of the frames, which a busy machine
// disturbs least.
func BenchmarkWholeSlot(b *testing.B) {
	for _, c := range []struct{ rooms, participants, talkers int }{
		{1, 3, 3},
		{1, 10, 10},
		{1, 100, 100},
		{1, 1000, 1000},
		{1, 100, 3},
		{1, 1000, 3},
		{125, 4, 4},
	} {
		b.Run(fmt.Sprintf("rooms=%d/participants=%d/talking=%d", c.rooms, c.participants, c.talkers), func(b *testing.B) {
			clock := newSteppedClock()
			e, err := mixer.New(mixer.Config{Workers: 1, MixedTalkers: 1000, Clock: clock})
			if err != nil {
				b.Fatal(err)
			}
			fill(b, e, clock, c.rooms, c.participants, c.talkers)
			ctx, cancel := context.WithCancel(b.Context())
			var tasks sync.WaitGroup
			tasks.Go(func() { e.Run(ctx) }) //nolint:errcheck // ends with ctx
			<-clock.ready
			const settled = 100 // frames until jitter buffers and gates have found their place
			for range settled {
				clock.frame()
			}
			b.ReportAllocs()
			took := make([]time.Duration, 0, 1<<20)
			for b.Loop() {
				begin := time.Now()
				clock.frame()
				if len(took) < cap(took) {
					took = append(took, time.Since(begin))
				}
			}
			slices.Sort(took)
			perFrame := float64(c.rooms * c.participants)
			b.ReportMetric(float64(took[0])/perFrame, "min-ns/pf")
			b.ReportMetric(float64(took[len(took)/4])/perFrame, "p25-ns/pf")
			cancel()
			clock.step <- struct{}{}
			tasks.Wait()
		})
	}
}
