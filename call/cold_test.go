package call

import (
	"context"
	"encoding/binary"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/internal/cputime"
	"mediaserver/mixer"
	"mediaserver/rtp"
	"mediaserver/rtp/srtp"
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
	phones  []*constantTone
}

func (c *coldClock) Now() time.Time { return c.now }

func (c *coldClock) SleepUntil(t time.Time) {
	if c.began == 0 {
		runtime.LockOSThread()
	}
	if c.began > 0 && c.settle <= 0 {
		c.spent = append(c.spent, cputime.Thread()-c.began)
	}
	c.now = t
	c.settle--
	if c.slots--; c.slots == 0 {
		c.stop()
	}
	for _, p := range c.phones {
		p.prepare()
	}
	for i := 0; i < len(c.memory); i += 8 {
		c.nothing += c.memory[i]
	}
	c.began = cputime.Thread()
}

// constantTone is an IO from which the same sound comes in every frame.
type constantTone struct {
	clock   *coldClock
	payload []byte
	far     *srtp.Session // nil: in the clear
	seq     uint16
	taken   bool
	packet  []byte
}

// prepare makes the next packet, outside of the time that is measured.
func (e *constantTone) prepare() {
	if !e.taken {
		return
	}
	e.taken = false
	e.seq++
	b := append(e.packet[:0], 0x80, 0)
	b = binary.BigEndian.AppendUint16(b, e.seq)
	b = binary.BigEndian.AppendUint32(b, uint32(e.seq)*160)
	b = binary.BigEndian.AppendUint32(b, 1)
	e.packet = append(b, e.payload...)
	if e.far != nil {
		e.packet, _ = e.far.Protect(e.packet)
	}
}

func (e *constantTone) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	if e.taken {
		return 0, netip.AddrPort{}, time.Time{}, nil
	}
	e.taken = true
	return copy(buf, e.packet), netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 4000), time.Time{}, nil
}

func (e *constantTone) Flush([]byte, netip.AddrPort) error { return nil }

// BenchmarkColdFrame is a frame in and out of each of 2000 calls in rooms of
// four that all talk, without the kernel, whose memory has left the caches.
func BenchmarkColdFrame(b *testing.B) {
	b.Run("clear", func(b *testing.B) { benchmarkColdFrame(b, srtp.NoSuite) })
	b.Run("gcm", func(b *testing.B) { benchmarkColdFrame(b, srtp.GCM128) })
}

func benchmarkColdFrame(b *testing.B, suite srtp.Suite) {
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
		phone := &constantTone{clock: clock, payload: payload, taken: true, packet: make([]byte, 0, 200)}
		clock.phones = append(clock.phones, phone)
		var keys srtp.Keys
		if suite != srtp.NoSuite {
			keys = srtp.Keys{Suite: suite, Send: srtp.NewKey(suite), Receive: srtp.NewKey(suite)}
			phone.far, _ = srtp.New(srtp.Keys{Suite: suite, Send: keys.Receive, Receive: keys.Send})
		}
		p.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: phone, OnEvent: p.event, Params: rtp.Params{
			SRTP:   keys,
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
