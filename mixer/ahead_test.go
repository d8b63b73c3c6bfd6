package mixer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// foretold is a port that notes in what order it is prefetched and served.
type foretold struct {
	memPort
	t     *testing.T
	steps int // since it was served last
}

func (p *foretold) Prefetch(step int) {
	if step != p.steps%PrefetchSteps {
		p.t.Errorf("step %d after %d", step, p.steps)
	}
	p.steps++
}

func (p *foretold) Receive(frame int64, now time.Time, pcm []int16) Status {
	if p.steps < PrefetchSteps {
		p.t.Errorf("frame %d: served after %d steps", frame, p.steps)
	}
	p.steps = 0
	return p.memPort.Receive(frame, now, pcm)
}

func TestPortsArePrefetchedStepByStepBeforeTheirTurn(t *testing.T) {
	for _, tc := range []struct{ rooms, members, wide int }{
		{1, 1, -1}, {1, 3, -1}, {40, 3, -1}, {3, 40, -1}, {1, 200, -1}, {2, 100, 10},
	} {
		t.Run(fmt.Sprint(tc), func(t *testing.T) {
			e := newTestEngine(t, Config{Workers: 1, WideRoom: tc.wide})
			s := stepper{e: e}
			for range tc.rooms {
				r := e.NewRoom("")
				for range tc.members {
					r.Add(MemberOptions{Port: &foretold{t: t}, Talk: true, Hear: true})
				}
			}
			s.frames(3)
		})
	}
}

// checkLineups tells whether slots know the order in which they serve.
func checkLineups(t *testing.T, e *Engine) {
	t.Helper()
	for _, w := range e.workers {
		for _, s := range w.slots {
			var want []*Member
			for i, c := range s.sections {
				if c.index != i {
					t.Fatalf("section %d has index %d", i, c.index)
				}
				if i < s.awake {
					want = append(want, c.members...)
				} else if !c.still() {
					t.Error("a section rests that has something to do")
				}
			}
			got := s.line.members
			if !slices.Equal(got, want) && !s.line.stale {
				t.Errorf("%d in the lineup, want %d, or in another order", len(got), len(want))
			}
			for _, m := range got[len(got):cap(got)] {
				if m != nil {
					t.Error("the lineup keeps a member that has gone")
				}
			}
		}
	}
}

func TestLineupsFollowWhoeverComesAndGoes(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		e := newTestEngine(t, Config{Workers: 2, WideRoom: 12})
		s := stepper{e: e}
		var rooms []*Room
		var members []*Member
		for range 200 {
			for range rnd.IntN(6) {
				switch k := rnd.IntN(20); {
				case k < 3 || len(rooms) == 0:
					rooms = append(rooms, e.NewRoom(""))
				case k < 12 || len(members) < 2:
					o := MemberOptions{Talk: true, Hear: true}
					if rnd.IntN(3) > 0 {
						o.Port = &memPort{input: constant(1000)}
					}
					members = append(members, rooms[rnd.IntN(len(rooms))].Add(o))
				case k < 14:
					members[rnd.IntN(len(members))].Play(clip(1, rnd.IntN(1000)))
				case k < 16:
					members[rnd.IntN(len(members))].Remove()
				case k < 17:
					i := rnd.IntN(len(rooms))
					rooms[i].Close()
					rooms = slices.Delete(rooms, i, i+1)
				default:
					members[rnd.IntN(len(members))].MovePort(members[rnd.IntN(len(members))])
				}
			}
			s.slots(1 + rnd.IntN(8))
			checkLineups(t, e)
		}
	}
}

func TestARoomWithoutPortsRestsUntilThereIsSomethingToDo(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	s := stepper{e: e}
	r, other := e.NewRoom("own"), e.NewRoom("other")
	p := &memPort{input: constant(1000), keep: true}
	m := r.Add(MemberOptions{Port: p, Talk: true, Hear: true})
	to := other.Add(MemberOptions{Talk: true, Hear: true})
	awake := func() bool { return r.home.index < r.home.slot.awake }
	expect := func(want bool, when string) {
		t.Helper()
		if awake() != want {
			t.Errorf("awake is %v %s", !want, when)
		}
	}
	s.frames(2)
	expect(true, "with a port")
	m.MovePort(to)
	s.frames(2 + int(e.hang))
	expect(false, "without")
	if m.Contributing() || m.Level() > -100 {
		t.Errorf("rests at %v dBov", m.Level())
	}

	play := m.Play(clip(1, 3*160+1))
	s.frames(1)
	expect(true, "while something is played")
	s.frames(4)
	if !isClosed(play.Done()) || play.Samples() != 3*160+1 {
		t.Errorf("played %d samples", play.Samples())
	}
	expect(false, "when it has been played")

	play = r.Announce(clip(1, 2*160+1))
	s.frames(4)
	if !isClosed(play.Done()) || awake() {
		t.Errorf("announced %d samples, awake %v", play.Samples(), awake())
	}

	n := len(p.received)
	to.MovePort(m)
	s.frames(3)
	expect(true, "with a port again")
	if got := len(p.received) - n; got != 3 {
		t.Errorf("%d frames received in 3", got)
	}
	for i, frame := range p.received {
		if frame != p.received[0]+int64(i) {
			t.Fatalf("frames received: %v", p.received)
		}
	}
	closed := r.Close()
	s.frames(1)
	if !isClosed(closed) {
		t.Error("not closed")
	}
}
