package call

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"mediaserver/audio/g711"
	"mediaserver/mixer"
	"mediaserver/rtp"
)

// wireClock is the only clock of a test: sleeping moves it on.
type wireClock struct {
	now, end time.Time
	stop     context.CancelFunc
}

func (c *wireClock) Now() time.Time { return c.now }

func (c *wireClock) SleepUntil(t time.Time) {
	if t.After(c.now) {
		c.now = t
	}
	if c.now.After(c.end) {
		c.stop()
	}
}

// Bursts of a talker: a tone from the first sample of a packet on, then silence.
const (
	burstEvery  = 25 // packets
	burstLength = 8
)

var wireAddr = netip.MustParseAddrPort("192.0.2.1:4000")

// network is between a talker and a listener: what the talker sends arrives as
// late as late says, and when a burst begins to arrive here and to leave for
// the listener is noted.
type network struct {
	clock *wireClock
	late  func(i int) time.Duration // of packet i; negative: lost
	first time.Time
	sent  int
	loud  [160]byte
	came  []time.Time // when the first loud packet of each burst came
	left  []time.Time // when its first loud sample left
	quiet int         // samples without sound that have left
}

// Drain gives the next packet of the talker once it has come, in order.
func (n *network) Drain(buf []byte) (int, netip.AddrPort, time.Time, error) {
	for {
		i := n.sent
		late := n.late(i)
		at := n.first.Add(time.Duration(i)*frameTime + max(late, 0))
		if at.After(n.clock.now) {
			return 0, netip.AddrPort{}, time.Time{}, nil
		}
		n.sent++
		if late >= 0 {
			return n.packet(buf, i, at), wireAddr, at, nil
		}
	}
}

func (n *network) packet(buf []byte, i int, at time.Time) int {
	b := buf[:12+160]
	clear(b[:12])
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], uint16(i))
	binary.BigEndian.PutUint32(b[4:], uint32(i)*160)
	if i%burstEvery < burstLength {
		copy(b[12:], n.loud[:])
		if i%burstEvery == 0 {
			n.came = append(n.came, at)
		}
		return len(b)
	}
	for j := range b[12:] {
		b[12+j] = 0xff // silence
	}
	return len(b)
}

func (n *network) Flush([]byte, netip.AddrPort) error { return nil }

// listening is the listener's IO: nothing comes from there.
type listening struct{ n *network }

func (listening) Drain([]byte) (int, netip.AddrPort, time.Time, error) {
	return 0, netip.AddrPort{}, time.Time{}, nil
}

// Flush notes the first loud sample after 100 ms without sound.
func (e listening) Flush(packet []byte, _ netip.AddrPort) error {
	n := e.n
	var pcm [160]int16
	g711.DecodeULaw(pcm[:], packet[12:])
	for i, v := range pcm {
		if v > -1000 && v < 1000 {
			n.quiet++
			continue
		}
		if n.quiet > 800 {
			n.left = append(n.left, n.clock.now.Add(time.Duration(i)*time.Second/8000))
		}
		n.quiet = 0
	}
	return nil
}

// through runs a conference of a talker and a listener in virtual time and
// returns the delay of each burst: from the arrival of its first sample until
// it leaves for the listener.
func through(t *testing.T, d, phase time.Duration, late func(int) time.Duration) []time.Duration {
	t.Helper()
	start := time.Unix(1_800_000_000, 0)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	clock := &wireClock{now: start, end: start.Add(d), stop: stop}
	engine, err := mixer.New(mixer.Config{Workers: 1, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	n := &network{clock: clock, late: late, first: start.Add(phase), quiet: 1000}
	var pcm [160]int16
	for i := range pcm {
		pcm[i] = int16(12000 * math.Cos(2*math.Pi*float64(i)/8))
	}
	g711.EncodeULaw(n.loud[:], pcm[:])
	room := engine.NewRoom("delay")
	for _, end := range []rtp.IO{n, listening{n}} {
		p := &port{deliver: func(press) {}, taps: newTaps(160)}
		p.settle(&portParams{codec: g711.PCMU(), events: true}, 8000)
		p.endpoint, err = rtp.NewEndpoint(rtp.EndpointConfig{RTP: end, OnEvent: p.event, Params: rtp.Params{
			Remote: wireAddr, Codec: g711.PCMU(), HasEvent: true, EventPT: 101, Send: true, Receive: true,
		}})
		if err != nil {
			t.Fatal(err)
		}
		room.Add(mixer.MemberOptions{Port: p, Talk: true, Hear: true})
	}
	if err := engine.Run(ctx); ctx.Err() == nil {
		t.Fatal(err)
	}
	delays := make([]time.Duration, min(len(n.came), len(n.left)))
	for i := range delays {
		delays[i] = n.left[i].Sub(n.came[i])
	}
	return delays
}

// TestDelayThroughTheMix has packets come at every phase of the frame, without
// jitter: from the first loud sample in to the first loud sample out.
func TestDelayThroughTheMix(t *testing.T) {
	var all []time.Duration
	for phase := time.Duration(0); phase < frameTime; phase += 100 * time.Microsecond {
		delays := through(t, 3*time.Second, phase, func(int) time.Duration { return 0 })
		if len(delays) < 5 {
			t.Fatalf("phase %v: %d bursts heard", phase, len(delays))
		}
		if lo, hi := slices.Min(delays), slices.Max(delays); hi != lo {
			t.Errorf("phase %v: delays from %v to %v, want the same every time", phase, lo, hi)
		}
		all = append(all, delays...)
	}
	slices.Sort(all)
	p50, p99 := all[len(all)/2], all[len(all)*99/100]
	t.Logf("%d bursts: p50 %v, p99 %v, %v to %v", len(all), p50, p99, all[0], all[len(all)-1])
	if p50 > 14*time.Millisecond || p99 > 24*time.Millisecond {
		t.Errorf("delay p50 %v, p99 %v, want at most 14 ms and 24 ms", p50, p99)
	}
}

// TestDelayThroughTheMixAfterAnHour has an hour of a clock that is fast or slow
// and of packets lost in bursts, and then none of either.
func TestDelayThroughTheMixAfterAnHour(t *testing.T) {
	if testing.Short() {
		t.Skip("hours of conference")
	}
	const calm = 5 * time.Second
	from, to := int(calm/frameTime), int((calm+time.Hour)/frameTime)
	for name, ppm := range map[string]time.Duration{"fast": 100, "slow": -100} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			last, lost, all, drift := -1, 0, 0, time.Second
			late := func(i int) time.Duration {
				if i != last { // else it has been asked for before
					last = i
					lost = max(0, lost-1)
					if i >= from && i < to {
						drift -= ppm * frameTime / 1_000_000
						if lost == 0 && r.IntN(57) == 0 {
							lost = 1 + r.IntN(5)
						}
					}
				}
				if lost > 0 && i%burstEvery > 0 {
					all++
					return -1
				}
				return drift
			}
			delays := through(t, time.Second+calm+time.Hour+calm, 7*time.Millisecond, late)
			before, after, worst := delays[5], delays[len(delays)-1], slices.Max(delays)
			second := delays[len(delays)-6] // two seconds after the hour
			t.Logf("%d bursts, %.1f %% lost: delay %v before, %v and %v after, at most %v", len(delays), 100*float64(all)/180000, before, second, after, worst)
			for _, d := range []time.Duration{second, after} {
				if (d - before).Abs() > 10*time.Millisecond {
					t.Errorf("delay %v before the hour, %v after", before, d)
				}
			}
			if worst > 30*time.Millisecond {
				t.Errorf("delay of up to %v within the hour", worst)
			}
		})
	}
}
