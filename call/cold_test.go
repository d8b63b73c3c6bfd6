package call

import (
	"context"
	"encoding/binary"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/mixer"
	"mediaserver/rtp"
)

// coldClock lets an engine serve slot after slot and takes the time of each.
// Between two it walks over memory, as the pause between them and the kernel do,
// so that nothing of the calls is left in the caches near the core.
type coldClock struct {
	now     time.Time
	slots   int // to be served
	settle  int // of these not measured
	began   time.Duration
	spent   []time.Duration // by the slots measured
	memory  []uint64
	stop    context.CancelFunc
	nothing uint64
}

// processor is the processor time of this thread.
func processor() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

func (c *coldClock) Now() time.Time { return c.now }

func (c *coldClock) SleepUntil(t time.Time) {
	if c.began == 0 {
		runtime.LockOSThread()
	}
	if c.began > 0 && c.settle <= 0 {
		c.spent = append(c.spent, processor()-c.began)
	}
	c.now = t
	c.settle--
	if c.slots--; c.slots == 0 {
		c.stop()
	}
	for i := 0; i < len(c.memory); i += 8 {
		c.nothing += c.memory[i]
	}
	c.began = processor()
}

// constantTone is an IO from which the same packet comes for every frame.
type constantTone struct {
	clock   *coldClock
	payload []byte
	seq     uint16
	ready   time.Time
}

func (e *constantTone) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	if e.ready == e.clock.now {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	e.ready = e.clock.now
	e.seq++
	buf[0], buf[1] = 0x80, 0
	binary.BigEndian.PutUint16(buf[2:], e.seq)
	binary.BigEndian.PutUint32(buf[4:], uint32(e.seq)*160)
	binary.BigEndian.PutUint32(buf[8:], 1)
	return 12 + copy(buf[12:], e.payload), netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 4000), time.Time{}, nil
}

func (e *constantTone) Flush([]byte, netip.AddrPort) error { return nil }

// BenchmarkColdFrame is a frame in and out of each of 2000 calls in rooms of
// four that all talk, without the kernel, whose memory has left the caches.
func BenchmarkColdFrame(b *testing.B) {
	const calls, room, evicted = 2000, 4, 16 << 20
	ctx, stop := context.WithCancel(b.Context())
	clock := &coldClock{now: time.Now(), settle: 80, memory: make([]uint64, evicted/8), stop: stop}
	for i := range clock.memory {
		clock.memory[i] = uint64(i)
	}
	clock.slots = clock.settle + 4*b.N
	engine, err := mixer.New(mixer.Config{Workers: 1, Clock: clock})
	if err != nil {
		b.Fatal(err)
	}
	pcm := make([]int16, 160)
	audio.NewTone(8000, []float64{400}, -20).Read(pcm)
	payload := make([]byte, 160)
	g711.EncodeULaw(payload, pcm)
	var r *mixer.Room
	for i := range calls {
		if i%room == 0 {
			r = engine.NewRoom("")
		}
		p := &port{deliver: func(press) {}, taps: newTaps(160)}
		p.settle(&portParams{codec: g711.PCMU(), events: true}, 8000)
		p.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: &constantTone{clock: clock, payload: payload}, OnEvent: p.event, Params: rtp.Params{
			Remote: netip.MustParseAddrPort("127.0.0.1:4000"), Codec: g711.PCMU(), HasEvent: true, EventPT: 101, Send: true, Receive: true,
		}})
		if err != nil {
			b.Fatal(err)
		}
		r.Add(mixer.MemberOptions{Port: p, Talk: true, Hear: true})
	}
	engine.Run(ctx) //nolint:errcheck // it ends when all slots have been served
	slices.Sort(clock.spent)
	b.ReportMetric(float64(clock.spent[len(clock.spent)/2])*mixer.SlotsPerFrame/calls, "ns/call-frame")
	b.ReportMetric(0, "ns/op")
}
