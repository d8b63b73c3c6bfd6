package mixer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// packetPort is a port that decodes a payload it holds and keeps a copy of
// the payload it is sent: the work of a call without its packets.
type packetPort struct {
	codec audio.Codec
	in    [][160]byte // nil: receives nothing
	out   [160]byte
}

func (p *packetPort) Codec() audio.Codec { return p.codec }

func (p *packetPort) Receive(frame int64, _ time.Time, pcm []int16) Status {
	if p.in == nil {
		return 0
	}
	p.codec.Decode(pcm, p.in[frame&7][:])
	return Sound
}

func (p *packetPort) Send(_ int64, _ time.Time, out Output) { copy(p.out[:], out.Payload) }

// noise is payload of speech-like level.
func noise(codec audio.Codec, seed uint64, peak int) [][160]byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	frames := make([][160]byte, 8)
	var pcm [160]int16
	for i := range frames {
		for k := range pcm {
			pcm[k] = int16(rnd.IntN(2*peak+1) - peak)
		}
		codec.Encode(frames[i][:], pcm[:])
	}
	return frames
}

// chunks measures short stretches of a loop; on a busy machine the quickest
// tell the cost.
type chunks struct {
	each  int // iterations in a stretch
	count int
	start time.Time
	took  []float64 // ns per iteration
}

func (c *chunks) tick() {
	if c.count == 0 {
		c.start = time.Now()
	}
	c.count++
	if c.count > c.each {
		c.took = append(c.took, float64(time.Since(c.start))/float64(c.each))
		c.count = 0
	}
}

func (c *chunks) report(b *testing.B, per int) {
	if len(c.took) == 0 {
		return
	}
	slices.Sort(c.took)
	b.ReportMetric(c.took[0]/float64(per), "min-ns/pf")
	b.ReportMetric(c.took[len(c.took)/4]/float64(per), "p25-ns/pf")
}

// benchRoom measures whole slots of one room: decode, mix, encode for n
// participants through ports in memory. ns/pf is per participant and frame.
func benchRoom(b *testing.B, n, talkers, cap, peak int, others [][160]byte) {
	e := newTestEngine(b, Config{Workers: 1, MixedTalkers: cap, WideRoom: -1})
	fillAndServe(b, e, n, talkers, peak, others, SlotsPerFrame)
}

// fillAndServe measures what one room costs that has members in every
// step-th slot.
func fillAndServe(b *testing.B, e *Engine, n, talkers, peak int, others [][160]byte, step int64) {
	r := e.NewRoom("bench")
	codec := g711.PCMU()
	for i := range n {
		p := &packetPort{codec: codec, in: others}
		if i < talkers {
			p.in = noise(codec, uint64(i), peak)
		}
		r.Add(MemberOptions{Port: p, Talk: true, Hear: true})
	}
	frame := int64(0)
	serve := func() {
		for n := frame * SlotsPerFrame; n < (frame+1)*SlotsPerFrame; n += step {
			e.slot(0, n, epoch)
		}
		frame++
	}
	for range 20 {
		serve()
	}
	c := chunks{each: max(1, 1000/n), took: make([]float64, 0, 1<<20)}
	b.ReportAllocs()
	for b.Loop() {
		c.tick()
		serve()
	}
	c.report(b, n)
}

// BenchmarkWideRoom is a room at all four places of one worker: decode, mix,
// encode for n participants.
func BenchmarkWideRoom(b *testing.B) {
	for _, tc := range []struct{ n, talkers, most int }{
		{100, 3, 32}, {1000, 3, 32}, {2000, 3, 32}, {3000, 3, 32}, {300, 300, 300}, {1000, 1000, 1000}, {1000, 1000, 32},
	} {
		b.Run(fmt.Sprintf("n=%d/talking=%d/mixed=%d", tc.n, tc.talkers, tc.most), func(b *testing.B) {
			e := newTestEngine(b, Config{Workers: 1, MixedTalkers: tc.most})
			fillAndServe(b, e, tc.n, tc.talkers, quiet, nil, 1)
		})
	}
}

// quiet is the peak of talkers of whom a thousand fit without the limiter.
const quiet = 300

func BenchmarkSlotAllTalkingLimited(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) { benchRoom(b, n, n, 1000, 30000, nil) })
	}
}

var sizes = []int{3, 10, 100, 1000}

func BenchmarkSlotAllTalking(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) { benchRoom(b, n, n, 1000, quiet, nil) })
	}
}

func BenchmarkSlotAllTalkingCap32(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) { benchRoom(b, n, n, 32, quiet, nil) })
	}
}

func BenchmarkSlot3TalkingOthersSendNothing(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) { benchRoom(b, n, 3, 32, 4000, nil) })
	}
}

func BenchmarkSlot3TalkingOthersSendSilence(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			benchRoom(b, n, 3, 32, 4000, noise(g711.PCMU(), 1, 3))
		})
	}
}

// BenchmarkEmptySlot is what a worker without rooms does.
func BenchmarkEmptySlot(b *testing.B) {
	e := newTestEngine(b, Config{Workers: 1})
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		e.slot(0, n, epoch)
		n++
	}
}

// BenchmarkSlotSmallRooms is a slot with many rooms of few members: each frame
// finds all of it cold.
func BenchmarkSlotSmallRooms(b *testing.B) {
	for _, tc := range []struct{ rooms, members, talkers int }{{250, 2, 0}, {250, 2, 2}, {250, 4, 4}} {
		b.Run(fmt.Sprintf("rooms=%d/members=%d/talking=%d", tc.rooms, tc.members, tc.talkers), func(b *testing.B) {
			e := newTestEngine(b, Config{Workers: 1})
			codec := g711.PCMU()
			for i := range tc.rooms * SlotsPerFrame {
				r := e.NewRoom("bench")
				for k := range tc.members {
					p := &packetPort{codec: codec}
					if k < tc.talkers {
						p.in = noise(codec, uint64(i), 4000)
					}
					r.Add(MemberOptions{Port: p, Talk: true, Hear: true})
				}
			}
			n := int64(0)
			step := func() { e.slot(0, n, epoch); n++ }
			for range 80 {
				step()
			}
			c := chunks{each: 4, took: make([]float64, 0, 1<<20)}
			b.ReportAllocs()
			for b.Loop() {
				c.tick()
				step()
			}
			c.report(b, tc.rooms*tc.members)
		})
	}
}

// barePort is a port that does nothing: what is left is the mixer.
type barePort struct{ codec audio.Codec }

func (p *barePort) Codec() audio.Codec                       { return p.codec }
func (p *barePort) Receive(int64, time.Time, []int16) Status { return 0 }
func (p *barePort) Send(int64, time.Time, Output)            {}

// BenchmarkSlotBareListeners is what a listener costs besides its port: three
// talk, all others do nothing in Receive and Send.
func BenchmarkSlotBareListeners(b *testing.B) {
	const n = 1000
	e := newTestEngine(b, Config{Workers: 1, WideRoom: -1})
	r := e.NewRoom("bench")
	codec := g711.PCMU()
	for i := range n {
		var p Port = &barePort{codec: codec}
		if i < 3 {
			p = &packetPort{codec: codec, in: noise(codec, uint64(i), 4000)}
		}
		r.Add(MemberOptions{Port: p, Talk: true, Hear: true})
	}
	frame := int64(0)
	step := func() { e.slot(0, frame*SlotsPerFrame, epoch); frame++ }
	for range 20 {
		step()
	}
	c := chunks{each: 1, took: make([]float64, 0, 1<<20)}
	b.ReportAllocs()
	for b.Loop() {
		c.tick()
		step()
	}
	c.report(b, n)
}
