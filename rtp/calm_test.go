package rtp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// calmCase is a far end whose packets come as late as late says.
type calmCase struct {
	name  string
	size  int // samples per packet
	ppm   float64
	late  func(r *rand.Rand, i int) time.Duration // negative = lost
	asked [2]float64                              // share of the packets whose arrival is asked for, from and to
}

var calmCases = []calmCase{
	{"no jitter", 160, 0, func(*rand.Rand, int) time.Duration { return 0 }, [2]float64{0.1, 0.5}},
	{"fast clock", 160, 100, func(*rand.Rand, int) time.Duration { return 0 }, [2]float64{0.1, 0.5}},
	{"slow clock", 160, -100, func(*rand.Rand, int) time.Duration { return 0 }, [2]float64{0.1, 0.5}},
	{"jitter of 1 ms, exponential", 160, 0, exponential(ms), [2]float64{0.1, 0.5}},
	{"the same in packets of 10 ms", 80, 0, exponential(ms), [2]float64{0.1, 0.7}},
	{"the same in packets of 30 ms", 240, 0, exponential(ms), [2]float64{0.1, 0.7}},
	{"the same in packets of 50 ms", 400, 0, exponential(ms), [2]float64{0.1, 0.7}},
	{"the same, one packet in 100 lost", 160, 0, func(r *rand.Rand, i int) time.Duration {
		if r.IntN(100) == 0 {
			return -1
		}
		return exponential(ms)(r, i)
	}, [2]float64{0.8, 1}},
	{"30 ms of jitter", 160, 0, func(r *rand.Rand, _ int) time.Duration { return time.Duration(r.Int64N(int64(30 * ms))) }, [2]float64{1, 1}},
	{"30 ms of jitter now and then", 160, 0, func(r *rand.Rand, i int) time.Duration {
		if i/500%2 == 0 {
			return 0
		}
		return time.Duration(r.Int64N(int64(30 * ms)))
	}, [2]float64{0.7, 1}},
	{"one packet in 250 is 60 ms late", 160, 0, func(r *rand.Rand, _ int) time.Duration {
		if r.IntN(250) == 0 {
			return 60 * ms
		}
		return 0
	}, [2]float64{0.7, 1}},
	{"one packet in 250 is 10 ms late", 160, 0, func(r *rand.Rand, _ int) time.Duration {
		if r.IntN(250) == 0 {
			return 10 * ms
		}
		return 0
	}, [2]float64{0.3, 0.9}},
}

// exponential is jitter of which many packets have little and few much.
func exponential(mean time.Duration) func(*rand.Rand, int) time.Duration {
	return func(r *rand.Rand, _ int) time.Duration { return time.Duration(r.ExpFloat64() * float64(mean)) }
}

// calmResult is what became of the packets of a far end, over all phases.
type calmResult struct {
	concealed uint64        // frames
	delay     time.Duration // mean
	asked     float64       // share of the packets whose arrival was asked for
}

func (c *calmCase) run(t *testing.T, settled bool) (x calmResult) {
	const phases, frames, first = 4, 100 * 50, 50
	interval := float64(c.size) / 8000 * 1e9 / (1 + c.ppm/1e6)
	asked, looks := 0, 0
	for phase := range phases {
		s := newSim(t)
		s.keep = false
		if settled {
			s.settle()
		}
		p, r, sent := s.phone(), rand.New(rand.NewPCG(uint64(phase), 9)), 0
		p.size = c.size
		for frame := range frames {
			for {
				at := simStart.Add(time.Duration(float64(sent)*interval) + time.Duration(phase)*frameTime/phases)
				if at.After(s.now.Add(100 * ms)) {
					break
				}
				if late := c.late(r, sent); late >= 0 {
					s.rtp.arrive(p.packet(), phoneAddr, at.Add(late))
				} else {
					p.packet()
				}
				sent++
			}
			s.tick()
			if frame >= first {
				x.delay += (time.Duration(s.e.receiver.player.behind()) + frameTime) / (phases * (frames - first))
			}
			if looks++; !s.e.receiver.untimed {
				asked++
			}
		}
		x.concealed += s.stats().TotalConcealed()
	}
	x.asked = float64(asked) / float64(looks)
	return x
}

func TestFewArrivalTimesAreEnoughForACalmStream(t *testing.T) {
	for _, c := range calmCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all, few := c.run(t, false), c.run(t, true)
			t.Logf("all arrivals: %d frames concealed, delay %v; %.2f of them: %d frames, %v", all.concealed, all.delay, few.asked, few.concealed, few.delay)
			if few.concealed > all.concealed+all.concealed/20+2 {
				t.Errorf("%d frames concealed, %d if all arrivals are known", few.concealed, all.concealed)
			}
			if few.delay > all.delay+ms {
				t.Errorf("delay %v, %v if all arrivals are known", few.delay, all.delay)
			}
			if all.asked != 1 || few.asked < c.asked[0] || few.asked > c.asked[1] {
				t.Errorf("the arrival of %.2f of the packets was asked for, want %v", few.asked, c.asked)
			}
		})
	}
}

func TestArrivalIsAskedForAsSoonAsAFrameFindsNothing(t *testing.T) {
	s := newSim(t)
	s.settle()
	p := s.phone()
	p.talk(20*time.Second, func(i int) time.Duration {
		if i == 500 {
			return 35 * ms
		}
		return 7 * ms
	})
	s.run(10 * time.Second)
	for range 2 {
		s.tick()
	}
	for range 2 * time.Second / frameTime {
		s.tick()
		if s.e.receiver.untimed {
			t.Fatal("arrivals are not asked for after a packet came late")
		}
	}
	if st := s.stats(); st.TargetDelay < 28*ms || st.TotalConcealed() > 3 {
		t.Errorf("target %v, concealed %v: the late packet was not noticed", st.TargetDelay, st.Concealed)
	}
}

// TestSettled runs tests of the jitter buffer again for endpoints that do not ask
// for every arrival: newSim goes by the name of the test.
func TestSettled(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"without jitter":             TestReceiveWithoutJitterPlaysEverythingOnce,
		"jitter patterns":            TestJitterPatternsLeaveNoHolesBeyondTheLosses,
		"clock skew":                 TestClockSkewKeepsTheDelayBoundedWithoutHoles,
		"stall":                      TestStallThenBurstComesBackDown,
		"jitter rises and falls":     TestDelayRisesAndFallsWithTheJitter,
		"losses while too long":      TestLossesAreLeftOutWhileTheDelayIsTooLong,
		"packet times":               TestEveryPacketTimeGivesWholeFrames,
		"packet time changes":        TestPacketTimeMayChangeInMidStream,
		"reordered":                  TestReorderedPacketsAreHeardInOrder,
		"duplicates":                 TestDuplicatesAreHeardOnceAndCounted,
		"sequence restarts":          TestSequenceRestartsAreHeardAgainSoon,
		"timestamp jumps":            TestTimestampJumpsLeaveNoHole,
		"useless timestamps":         TestSenderWithoutUsefulTimestampsIsHeard,
		"stream changes":             TestStreamChangesWithTheSSRC,
		"second stream":              TestSecondStreamFromTheSameAddressIsNotMixedIn,
		"long gap":                   TestGapLongerThanTheRingResyncs,
		"late worker":                TestLateWorkerDoesNotBendTheSound,
		"wall clock":                 TestSettingTheWallClockDoesNoLastingHarm,
		"one read in a steady frame": TestSteadyStreamCostsOneReadPerFrame,
	} {
		t.Run(name, test)
	}
}
