package rtp

import (
	"math"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestReceiveWithoutJitterPlaysEverythingOnce(t *testing.T) {
	s := newSim(t, counting)
	p := s.phone()
	p.talk(10*time.Second, onTime)
	s.run(10 * time.Second)
	s.wantNoConcealment()
	st := s.stats()
	if st.Lost != 0 || st.TotalDropped() != 0 || st.Stretched != 0 || st.Shrunk != 0 || st.Resyncs != 0 {
		t.Errorf("got %+v, want nothing lost, dropped or bent", st)
	}
	want := int16(0)
	for i, f := range s.heard[1:] {
		for _, v := range f {
			if v != want {
				t.Fatalf("frame %d: packet %d heard, want %d", i+1, v, want)
			}
		}
		want++
	}
	s.wantDelay(40 * ms)
}

func TestJitterPatternsLeaveNoHolesBeyondTheLosses(t *testing.T) {
	tests := []struct {
		name  string
		late  func() func(i int) time.Duration // negative = lost
		delay time.Duration                    // most, at the end
		spare uint64                           // concealed frames allowed beyond the losses, while learning
	}{
		{"five packets at once every 100 ms", func() func(int) time.Duration {
			return func(i int) time.Duration { return time.Duration(4-i%5)*20*ms + 7*ms }
		}, 115 * ms, 5},
		{"1 % loss", func() func(int) time.Duration {
			r := testRand()
			return func(int) time.Duration {
				if r.IntN(100) == 0 {
					return -1
				}
				return 7 * ms
			}
		}, 45 * ms, 0},
		{"10 % loss in bursts of 3", func() func(int) time.Duration {
			return func(i int) time.Duration {
				if i%30 >= 27 {
					return -1
				}
				return 7 * ms
			}
		}, 45 * ms, 0},
		{"30 ms jitter", func() func(int) time.Duration {
			r := testRand()
			return func(int) time.Duration { return time.Duration(r.Int64N(int64(30 * ms))) }
		}, 65 * ms, 3},
		{"30 ms jitter and 1 % loss", func() func(int) time.Duration {
			r := testRand()
			return func(int) time.Duration {
				if r.IntN(100) == 0 {
					return -1
				}
				return time.Duration(r.Int64N(int64(30 * ms)))
			}
		}, 65 * ms, 3},
		{"normal jitter of 15 ms", func() func(int) time.Duration {
			r := testRand()
			return func(int) time.Duration {
				return max(0, 50*ms+time.Duration(r.NormFloat64()*float64(15*ms)))
			}
		}, 140 * ms, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(t)
			p := s.phone()
			late := tt.late()
			lost := uint64(0)
			p.talk(60*time.Second, func(i int) time.Duration {
				x := late(i)
				if x < 0 {
					lost++
				}
				return x
			})
			s.run(60*time.Second - 20*ms)
			st := s.stats()
			t.Logf("lost %d, concealed %v, dropped %v, delay %v, target %v, +%v -%v", st.Lost, st.Concealed, st.Dropped, st.Delay, st.TargetDelay, st.Stretched, st.Shrunk)
			if st.TotalConcealed() > lost+tt.spare {
				t.Errorf("%d frames concealed %v, want at most %d", st.TotalConcealed(), st.Concealed, lost+tt.spare)
			}
			s.wantDelay(tt.delay)
			if n := s.holes(10); n > int(lost/3)+2 {
				t.Errorf("%d quiet frames", n)
			}
		})
	}
}

func TestClockSkewKeepsTheDelayBoundedWithoutHoles(t *testing.T) {
	for name, ppm := range map[string]float64{"fast": 200, "slow": -200} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			s.keep = false
			p := s.phone()
			worst := time.Duration(0)
			interval := 20e6 / (1 + ppm/1e6)
			sent := 0
			for range 10 * 60 * 50 {
				for at := simStart.Add(time.Duration(float64(sent)*interval) + 7*ms); !at.After(s.now); sent++ {
					s.rtp.arrive(p.packet(), phoneAddr, at)
					at = simStart.Add(time.Duration(float64(sent+1)*interval) + 7*ms)
				}
				s.tick()
				if s.frame%16 == 0 {
					worst = max(worst, s.stats().Delay)
				}
			}
			st := s.stats()
			t.Logf("worst delay %v, concealed %v, +%v -%v", worst, st.Concealed, st.Stretched, st.Shrunk)
			s.wantNoConcealment()
			if worst > 60*ms {
				t.Errorf("delay grew to %v", worst)
			}
			bent := st.Stretched - st.Shrunk
			if ppm > 0 {
				bent = -bent
			}
			if want := 120 * ms; bent < want-30*ms || bent > want+30*ms {
				t.Errorf("delay corrected by %v, want about %v", bent, want)
			}
		})
	}
}

func TestStallThenBurstComesBackDown(t *testing.T) {
	for _, stall := range []time.Duration{100 * ms, 180 * ms, 500 * ms, 1500 * ms, 5 * time.Second} {
		t.Run(stall.String(), func(t *testing.T) {
			s := newSim(t, counting)
			p := s.phone()
			const before = 2 * time.Second
			p.talk(30*time.Second, func(i int) time.Duration {
				at := time.Duration(i) * 20 * ms
				if at >= before && at < before+stall {
					return before + stall - at + 7*ms // all at once at the end
				}
				return 7 * ms
			})
			s.run(before + stall + 60*ms)
			s.run(200 * ms)
			if d := s.trueDelay(); d > 290*ms {
				t.Errorf("true delay %v soon after the stall", d)
			}
			s.run(12 * time.Second)
			s.wantDelay(50 * ms)
			if d := s.trueDelay(); d > 70*ms {
				t.Errorf("true delay %v at the end", d)
			}
			st := s.stats()
			t.Logf("dropped %v lost %d concealed %v shrunk %v", st.Dropped, st.Lost, st.Concealed, st.Shrunk)
		})
	}
}

// trueDelay is the age of the packet heard last: packet n was made at n times
// 20 ms.
func (s *sim) trueDelay() time.Duration {
	heard := s.heard[len(s.heard)-1]
	made := simStart.Add(time.Duration(heard[len(heard)-1]) * 20 * ms)
	return s.now.Add(-frameTime).Sub(made)
}

func TestDelayRisesAndFallsWithTheJitter(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	r := testRand()
	p.talk(40*time.Second, func(i int) time.Duration {
		if i < 500 || i > 1000 { // calm, rough for 10 s, calm
			return 7 * ms
		}
		return time.Duration(r.Int64N(int64(80 * ms)))
	})
	s.run(19 * time.Second)
	rough := s.stats()
	if rough.TargetDelay < 60*ms || rough.Delay < 60*ms || rough.Delay > 140*ms {
		t.Errorf("rough: target %v, delay %v", rough.TargetDelay, rough.Delay)
	}
	s.run(20 * time.Second)
	s.wantDelay(50 * ms)
	calm := s.stats()
	t.Logf("rough %v/%v, calm %v/%v, concealed %v, +%v -%v", rough.Delay, rough.TargetDelay, calm.Delay, calm.TargetDelay, calm.Concealed, calm.Stretched, calm.Shrunk)
	if n := calm.TotalConcealed(); n > 15 {
		t.Errorf("%d frames concealed while learning", n)
	}
}

func TestLossesAreLeftOutWhileTheDelayIsTooLong(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	r := testRand()
	lost := uint64(0)
	p.talk(30*time.Second, func(i int) time.Duration {
		switch {
		case i < 500:
			return time.Duration(r.Int64N(int64(150 * ms)))
		case i%5 == 0:
			lost++
			return -1
		}
		return 7 * ms
	})
	s.run(10 * time.Second)
	before := s.stats()
	s.run(20*time.Second - 20*ms)
	st := s.stats()
	if got := st.TotalConcealed() - before.TotalConcealed(); got >= lost || got < lost-10 {
		t.Errorf("%d frames concealed for %d losses, want some less", got, lost)
	}
	s.wantDelay(50 * ms)
}

func TestEveryPacketTimeGivesWholeFrames(t *testing.T) {
	for _, size := range []int{80, 160, 240, 320, 400, 480} {
		t.Run(durationOf(int64(size), 8000).String(), func(t *testing.T) {
			s := newSim(t, counting)
			p := s.phone()
			p.size = size
			p.talk(10*time.Second, onTime)
			s.run(9 * time.Second)
			s.wantNoConcealment()
			samples := make(map[int16]int)
			for _, f := range s.heard {
				for _, v := range f {
					samples[v]++
				}
			}
			for id := int16(2); id < 100; id++ {
				if samples[id] != size {
					t.Fatalf("packet %d: %d samples heard, want %d", id, samples[id], size)
				}
			}
			s.wantDelay(60 * ms)
		})
	}
}

// What the largest delay holds finds room, in packets of any time that is agreed on.
func TestSmallPacketsFillTheLargestDelay(t *testing.T) {
	for _, size := range []int{80, 160, 480} {
		for _, most := range []int{DefaultJitterMaxMS, maxJitterMS} {
			s := newSim(t, func(c *EndpointConfig) { c.Jitter.MaxMS = most })
			p := s.phone()
			p.size = size
			ptime := durationOf(int64(size), 8000)
			late := time.Duration(0)
			p.talk(20*time.Second, func(i int) time.Duration { // once in a second what was held up comes at once
				if i%int(time.Second/ptime) == 0 {
					late = time.Duration(most)*ms - 10*ms
				}
				late = max(0, late-ptime)
				return late + 7*ms
			})
			s.run(19 * time.Second)
			if st := s.stats(); st.TotalDropped() > 0 || st.Concealed[ConcealLoss] > 0 || s.holes(100) > 0 {
				t.Errorf("packets of %v held up for %d ms: dropped %v, concealed %v, %d quiet frames", ptime, most-10, st.Dropped, st.Concealed, s.holes(100))
			}
		}
	}
}

func TestPacketTimeMayChangeInMidStream(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	for _, size := range []int{160, 240, 80, 480, 160} {
		p.size = size
		p.talk(1200*ms, onTime)
		s.run(1200 * ms)
	}
	s.run(100 * ms)
	if st := s.stats(); st.Lost != 0 || st.Concealed[ConcealLoss] != 0 || st.TotalConcealed() > 8 {
		t.Errorf("lost %d, concealed %v", st.Lost, st.Concealed)
	}
}

func TestReorderedPacketsAreHeardInOrder(t *testing.T) {
	s := newSim(t, counting)
	p := s.phone()
	p.talk(10*time.Second, func(i int) time.Duration {
		if i%10 == 5 {
			return 28 * ms // overtaken by the next
		}
		return 7 * ms
	})
	s.run(9 * time.Second)
	st := s.stats()
	if st.Lost > 2 || st.TotalConcealed() > 2 {
		t.Errorf("lost %d, concealed %v", st.Lost, st.Concealed)
	}
	last := int16(0)
	for i, f := range s.heard[20:] {
		for _, v := range f {
			if v < last {
				t.Fatalf("frame %d: packet %d after %d", i+20, v, last)
			}
			last = v
		}
	}
}

func TestDuplicatesAreHeardOnceAndCounted(t *testing.T) {
	s := newSim(t, counting)
	p := s.phone()
	for i := range 500 {
		b := p.packet()
		for _, x := range []time.Duration{7 * ms, 8 * ms, 95 * ms} { // at once, and long after play-out
			s.rtp.arrive(b, phoneAddr, simStart.Add(time.Duration(i)*20*ms+x))
		}
	}
	s.run(10 * time.Second)
	st := s.stats()
	if got := st.Dropped[DropDuplicate]; got < 990 {
		t.Errorf("%d duplicates counted, want about 1000; dropped %v", got, st.Dropped)
	}
	s.wantNoConcealment()
	s.wantDelay(50 * ms)
}

func TestSequenceNumbersWrap(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.seq = 65530
	p.ts = math.MaxUint32 - 800
	p.talk(2*time.Second, onTime)
	s.run(2 * time.Second)
	s.wantNoConcealment()
	if st := s.stats(); st.Lost != 0 || st.Resyncs != 0 {
		t.Errorf("lost %d, resyncs %d", st.Lost, st.Resyncs)
	}
}

func TestSequenceRestartsAreHeardAgainSoon(t *testing.T) {
	for _, step := range []int{-3, -10, -50, -99, -200, -20000, 40, 500, 2900, 5000, 30000} {
		for _, ts := range []int{0, -1_000_000, 90_000_000} {
			s := newSim(t, counting)
			p := s.phone()
			p.seq = 30000
			p.talk(2*time.Second, onTime)
			s.run(2 * time.Second)
			p.seq = uint16(int(p.seq) + step)
			p.ts = uint32(int(p.ts) + ts)
			p.talk(2*time.Second, onTime)
			s.run(300 * ms)
			if d := s.trueDelay(); d > 80*ms || !s.sound[len(s.sound)-1] {
				t.Errorf("sequence step %d, timestamp step %d: delay %v after 300 ms, sound %v", step, ts, d, s.sound[len(s.sound)-1])
			}
			s.run(1700 * ms)
			if st := s.stats(); st.Resyncs == 0 && step != -3 {
				t.Errorf("sequence step %d: no resync counted", step)
			} else if st.TotalConcealed() > 12 {
				t.Errorf("sequence step %d, timestamp step %d: %v frames concealed", step, ts, st.Concealed)
			}
		}
	}
}

func TestTimestampJumpsLeaveNoHole(t *testing.T) {
	for _, step := range []int64{100_000_000, -100_000_000, 8000 * 3600, -8000, 16000} {
		s := newSim(t)
		p := s.phone()
		p.talk(2*time.Second, onTime)
		s.run(2 * time.Second)
		p.ts += uint32(step)
		p.talk(2*time.Second, onTime)
		s.run(2 * time.Second)
		s.wantNoConcealment()
		if n := s.holes(5); n > 0 {
			t.Errorf("step %d: %d quiet frames", step, n)
		}
		s.wantDelay(50 * ms)
		if st := s.stats(); st.Resyncs != 1 {
			t.Errorf("step %d: %d resyncs, want 1", step, st.Resyncs)
		}
	}
}

func TestSenderWithoutUsefulTimestampsIsHeard(t *testing.T) {
	for name, step := range map[string]int{"standing still": -160, "half speed": -80, "double speed": 160} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			p := s.phone()
			for i := range 500 {
				p.send(time.Duration(i)*20*ms + 7*ms)
				p.ts += uint32(step)
			}
			s.run(10*time.Second - 20*ms)
			if n := s.holes(20); n > 10 {
				st := s.stats()
				t.Errorf("%d quiet frames of 500; %+v", n, st)
			}
		})
	}
}

func TestStreamChangesWithTheSSRC(t *testing.T) {
	s := newSim(t, counting)
	p := s.phone()
	p.talk(2*time.Second, onTime)
	s.run(2 * time.Second)
	p.ssrc, p.seq, p.ts = 77, 9, 12345
	p.talk(2*time.Second, onTime)
	s.run(200 * ms)
	if d := s.trueDelay(); d > 80*ms {
		t.Errorf("delay %v after 200 ms", d)
	}
	s.run(1800 * ms)
	st := s.stats()
	if st.SSRCChanges != 1 || st.TotalConcealed() > 4 {
		t.Errorf("SSRC changes %d, concealed %v", st.SSRCChanges, st.Concealed)
	}
}

func TestSecondStreamFromTheSameAddressIsNotMixedIn(t *testing.T) {
	s := newSim(t)
	a, b := s.phone(), s.phone()
	b.ssrc, b.seq = 99, 40000
	a.talk(2*time.Second, onTime)
	b.talk(2*time.Second, func(int) time.Duration { return 12 * ms })
	s.run(2 * time.Second)
	s.wantNoConcealment()
	if st := s.stats(); st.SSRCChanges != 0 || st.Dropped[DropSSRC] < 95 {
		t.Errorf("SSRC changes %d, dropped %v", st.SSRCChanges, st.Dropped)
	}
}

func TestGapLongerThanTheRingResyncs(t *testing.T) {
	s := newSim(t, counting)
	p := s.phone()
	p.talk(4*time.Second, func(i int) time.Duration {
		if i >= 50 && i < 100 { // a second is lost
			return -1
		}
		return 7 * ms
	})
	s.run(4 * time.Second)
	st := s.stats()
	if st.Lost != 50 || st.Resyncs != 1 {
		t.Errorf("lost %d, resyncs %d, want 50 and 1", st.Lost, st.Resyncs)
	}
	s.wantDelay(50 * ms)
	if d := s.trueDelay(); d > 70*ms {
		t.Errorf("true delay %v", d)
	}
}

func TestRingOverflowDropsTheOldest(t *testing.T) {
	s := newSim(t, counting)
	p := s.phone()
	for range 60 {
		p.send(ms)
	}
	s.run(200 * ms)
	st := s.stats()
	if st.Dropped[DropOverflow]+st.Dropped[DropBacklog] == 0 {
		t.Errorf("nothing dropped: %v", st.Dropped)
	}
	if v := s.heard[len(s.heard)-1][0]; v < 40 {
		t.Errorf("packet %d is heard, want one of the newest", v)
	}
}

func TestWithoutArrivalTimesTheFrameTimeServes(t *testing.T) {
	s := newSim(t)
	s.rtp.hide = true
	p := s.phone()
	r := testRand()
	p.talk(10*time.Second, func(int) time.Duration { return time.Duration(r.Int64N(int64(30 * ms))) })
	s.run(10*time.Second - 20*ms)
	if st := s.stats(); st.TotalConcealed() > 4 {
		t.Errorf("concealed %v", st.Concealed)
	}
	s.wantDelay(90 * ms)
}

func TestLateWorkerDoesNotBendTheSound(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.talk(60*time.Second, onTime)
	r := testRand()
	start := s.now
	for i := range 2990 {
		late := time.Duration(r.Int64N(int64(9 * ms)))
		if i%50 >= 48 { // two frames at once, the first much too late
			late += 45*ms - time.Duration(i%50-48)*20*ms
		}
		s.now = start.Add(time.Duration(i)*20*ms + late)
		s.tick()
	}
	s.wantNoConcealment()
	if st := s.stats(); st.Stretched+st.Shrunk > 30*ms {
		t.Errorf("sound bent: %v put in, %v taken out", st.Stretched, st.Shrunk)
	}
}

func TestSettingTheWallClockDoesNoLastingHarm(t *testing.T) {
	for _, step := range []time.Duration{500 * ms, -500 * ms, -50 * ms, time.Hour, -time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			s := newSim(t, counting)
			p := s.phone()
			p.talk(40*time.Second, onTime)
			s.run(5 * time.Second)
			s.rtp.skew = step
			s.run(20 * time.Second)
			s.wantNoConcealment()
			s.wantDelay(70 * ms)
			if d := s.trueDelay(); d > 80*ms {
				t.Errorf("true delay %v", d)
			}
		})
	}
}

func TestSteadyStreamCostsOneReadPerFrame(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	p.talk(20*time.Second, onTime)
	s.run(time.Second)
	before := s.rtp.reads
	s.run(16 * time.Second)
	if reads := s.rtp.reads - before; reads > 800+800/drainAllFrames+5 {
		t.Errorf("%d reads in 800 frames", reads)
	}
}

// Packets that come twice, as over two ways at a time of which one has stalled, are
// not heard twice, however many come in a row.
func TestABurstOfDuplicatesIsNotHeardAgain(t *testing.T) {
	for _, size := range []int{80, 160, 240, 480} {
		s := newSim(t, counting)
		p := s.phone()
		p.size = size
		length := time.Duration(size) * time.Second / 8000
		stalled := simStart.Add(60*length + 8*ms)
		for i := range 100 {
			b, at := p.packet(), simStart.Add(time.Duration(i)*length+7*ms)
			again := at.Add(3 * length)
			if i >= 40 && i < 60 {
				again = stalled
			}
			s.rtp.arrive(b, phoneAddr, at)
			s.rtp.arrive(b, phoneAddr, again)
		}
		s.run(100 * length)
		st := s.stats()
		if st.Resyncs != 0 || st.Lost != 0 || st.Dropped[DropDuplicate] < 95 {
			t.Errorf("%d samples: %d resyncs, %d lost, %d duplicates", size, st.Resyncs, st.Lost, st.Dropped[DropDuplicate])
		}
		last := int16(0)
		for i, f := range s.heard {
			if f[159] != 0 && f[159] < last {
				t.Fatalf("%d samples: packet %d after %d, frame %d", size, f[159], last, i)
			}
			last = max(last, f[159])
		}
	}
}

// A short recording of packets that is sent again and again, with the same numbers.
func TestPacketsThatAreSentAgainLaterAreHeardAgain(t *testing.T) {
	s := newSim(t)
	p := s.phone()
	first := *p
	for range 4 {
		p.seq, p.ts = first.seq, first.ts
		p.talk(time.Second, onTime)
		s.run(time.Second)
	}
	heard := 0
	for _, sound := range s.sound {
		if sound {
			heard++
		}
	}
	if heard < 160 {
		t.Errorf("%d of 200 frames with sound", heard)
	}
}
