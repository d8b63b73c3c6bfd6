package rtp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A packet without jitter is heard whole in the first frame that begins a
// margin after it came, whenever that is, and not a sample of it is changed.
func TestPacketsAreHeardInTheFirstFrameAfterTheyCame(t *testing.T) {
	for phase := 100 * time.Microsecond; phase < frameTime; phase += 300 * time.Microsecond {
		s := newSim(t, counting)
		p := s.phone()
		p.talk(4*time.Second, func(int) time.Duration { return phase })
		s.run(4 * time.Second)
		first := 1
		if frameTime-phase < time.Duration(delayMargin) {
			first = 2
		}
		for i, f := range s.heard[first:] {
			for _, v := range f {
				if v != int16(i) {
					t.Fatalf("phase %v, frame %d: packet %d heard, want %d", phase, i+first, v, i)
				}
			}
		}
		if st := s.stats(); st.Stretched+st.Shrunk != 0 || st.TotalConcealed() != 0 {
			t.Errorf("phase %v: %v put in, %v taken out, concealed %v", phase, st.Stretched, st.Shrunk, st.Concealed)
		}
	}
}

// The delay at the end of a rough time is that of the beginning, whatever the
// phase, in two seconds.
func TestDelayIsBackTwoSecondsAfterAnHour(t *testing.T) {
	if testing.Short() {
		t.Skip("an hour for each of several phases")
	}
	for _, ppm := range []float64{100, -100} {
		for i, phase := range []time.Duration{500 * time.Microsecond, 9 * ms, 17500 * time.Microsecond} {
			t.Run(fmt.Sprintf("%+.0f ppm, phase %v", ppm, phase), func(t *testing.T) {
				anHour(t, ppm/1e6, i%2 == 0, phase)
			})
		}
	}
}

func anHour(t *testing.T, skew float64, speech bool, phase time.Duration) {
	const calm, rough, settle = 4 * time.Second, time.Hour, 2 * time.Second
	s := newSim(t)
	s.keep = false
	r := testRand()
	p := s.phone()
	at := simStart.Add(phase)
	lost := 0
	start, worst, sent, missing := time.Duration(0), time.Duration(0), 0, uint64(0)
	end := simStart.Add(calm + rough + settle)
	for s.now.Before(end) {
		since := s.now.Sub(simStart)
		wild := since >= calm && since < calm+rough
		for !at.After(s.now) {
			if wild && lost == 0 && r.IntN(60) == 0 {
				lost = 1 + r.IntN(5) // three on average: 5 %
			}
			b := p.spoken(speech)
			if lost == 0 {
				s.rtp.arrive(b, phoneAddr, at)
			} else {
				lost--
				missing++
			}
			sent++
			step := frameTime
			if wild {
				step = time.Duration(float64(frameTime) * (1 - skew))
			}
			at = at.Add(step)
		}
		s.tick()
		if since == calm-frameTime {
			start = s.stats().Delay
		}
		if since > calm {
			worst = max(worst, s.stats().Delay)
		}
	}
	st := s.stats()
	t.Logf("delay %v at first, %v at last, %v at worst; %.1f %% lost; concealed %v, +%v -%v", start, st.Delay, worst,
		100*float64(missing)/float64(sent), st.Concealed, st.Stretched, st.Shrunk)
	if d := st.Delay - start; d > 10*ms || d < -10*ms {
		t.Errorf("delay %v at first, %v two seconds after the hour", start, st.Delay)
	}
	if worst > 30*ms {
		t.Errorf("delay grew to %v", worst)
	}
	if extra := st.TotalConcealed() - missing; st.TotalConcealed() > missing && extra > missing/100 {
		t.Errorf("%d frames concealed for %d packets lost", st.TotalConcealed(), missing)
	}
}

// A worker that stood still leaves frames out. What came meanwhile is left out
// too, at once, and the delay is what it was.
func TestStalledWorkerIsBackAtItsDelayAtOnce(t *testing.T) {
	for _, stall := range []int{4, 7, 25, 100} {
		s := newSim(t, counting)
		p := s.phone()
		p.talk(20*time.Second, onTime)
		s.run(5 * time.Second)
		before := s.trueDelay()
		s.frame += int64(stall)
		s.now = s.now.Add(time.Duration(stall) * frameTime)
		s.run(100 * ms)
		if d := s.trueDelay(); d != before {
			t.Errorf("%d frames left out: true delay %v after 100 ms, %v before", stall, d, before)
		}
		s.run(2 * time.Second)
		if st := s.stats(); st.TotalConcealed() != 0 || st.Stretched != 0 || st.Shrunk != 0 {
			t.Errorf("%d frames left out: concealed %v, +%v -%v", stall, st.Concealed, st.Stretched, st.Shrunk)
		}
	}
}

// spoken makes the next packet: a low voice, with pauses or without.
func (p *phone) spoken(pauses bool) []byte {
	b := make([]byte, headerSize+p.size)
	loud := 8000.0
	if pauses && p.id/50%3 == 2 { // a second of three
		loud = 30
	}
	pcm := make([]int16, p.size)
	for i := range pcm {
		p.phase += 2 * math.Pi * 120 / 8000
		pcm[i] = int16(loud * (math.Sin(p.phase) + 0.5*math.Sin(3*p.phase) + 0.3*math.Sin(7*p.phase)) / 1.8)
	}
	p.s.e.cur.Codec.Encode(b[headerSize:], pcm)
	p.header(b, p.pt)
	p.ts += uint32(p.size)
	p.id++
	return b
}

// Every kind of trouble at once, packets of every length; then ten seconds of
// calm, after which the delay is what it should be.
func TestAnythingMayComeAndTheDelayRecovers(t *testing.T) {
	for seed := range uint64(10) {
		s := newSim(t)
		s.keep = false
		r := rand.New(rand.NewPCG(seed, 9))
		p := s.phone()
		at := simStart
		send := func(late time.Duration) {
			s.rtp.arrive(p.spoken(true), phoneAddr, at.Add(late))
			at = at.Add(durationOf(int64(p.size), 8000))
		}
		for s.now.Before(simStart.Add(time.Minute)) {
			for at.Before(s.now.Add(100 * ms)) {
				switch r.IntN(400) {
				case 0:
					p.size = []int{80, 160, 200, 240, 320, 400, 480, 512}[r.IntN(8)]
				case 1:
					at = at.Add(time.Duration(r.Int64N(int64(800 * ms))))
				case 2:
					p.ts += r.Uint32()
				case 3:
					p.seq += uint16(r.Uint32())
				}
				if r.IntN(20) == 0 {
					p.packet() // lost
					at = at.Add(durationOf(int64(p.size), 8000))
					continue
				}
				send(time.Duration(r.Int64N(int64(1+r.IntN(200)) * int64(ms))))
			}
			if r.IntN(400) == 0 { // the worker stalls
				k := 1 + r.IntN(60)
				s.frame += int64(k)
				s.now = s.now.Add(time.Duration(k) * frameTime)
			}
			s.tick()
		}
		p.size = 160
		for end := s.now.Add(10 * time.Second); s.now.Before(end); s.tick() {
			for !at.After(s.now) {
				send(5 * ms)
			}
		}
		if st := s.stats(); st.Delay > 30*ms || st.TargetDelay > 2*ms {
			t.Errorf("seed %d: delay %v, wanted %v", seed, st.Delay, st.TargetDelay)
		}
	}
}
