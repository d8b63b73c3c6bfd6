package mixer

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/audio"
)

// everywhere is a room with one member at each place of an engine.
func everywhere(t *testing.T, e *Engine, ports []*memPort, o MemberOptions) (r *Room, members []*Member) {
	t.Helper()
	r = e.NewRoom("wide")
	for _, p := range ports {
		o.Port = p
		members = append(members, r.Add(o))
	}
	if n := len(r.sections); n != len(e.workers)*SlotsPerFrame {
		t.Fatalf("the room is at %d places", n)
	}
	return r, members
}

func makePorts(n int) []*memPort {
	ports := make([]*memPort, n)
	for i := range ports {
		ports[i] = &memPort{keep: true}
	}
	return ports
}

func TestRoomSpreadsOnlyAboveItsSize(t *testing.T) {
	for name, tc := range map[string]struct{ wide, members, places int }{
		"at one place up to the size":     {50, 50, 1},
		"at two places with one more":     {50, 51, 2},
		"at no more places than needed":   {50, 150, 3},
		"at all places and no more":       {50, 1000, 8},
		"at one place if it may not grow": {-1, 1000, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := newTestEngine(t, Config{Workers: 2, WideRoom: tc.wide})
			r := e.NewRoom("r")
			for range tc.members {
				r.Add(MemberOptions{})
			}
			if len(r.sections) != tc.places {
				t.Fatalf("at %d places, want %d", len(r.sections), tc.places)
			}
			for _, c := range r.sections {
				if most := (tc.members + tc.places - 1) / tc.places; tc.places == 8 && c.count > most {
					t.Errorf("%d members at one place of %d for %d", c.count, tc.places, tc.members)
				}
			}
			st := stepper{e: e}
			st.frames(2)
			r.Close()
			st.frames(1)
			for _, w := range e.workers {
				for _, s := range w.slots {
					if s.load.Load() != 0 || s.placed != 0 || len(s.sections) != 0 {
						t.Error("the closed room has left something")
					}
				}
			}
			if !isClosed(r.gone.done) {
				t.Error("nobody was told that the room has gone")
			}
		})
	}
}

// TestAgesOfBatches: a place hands over what the other has the time to take.
func TestAgesOfBatches(t *testing.T) {
	for name, tc := range map[string]struct {
		workers, from, to int // turns
		frames            int64
	}{
		"one worker, a slot later":                     {1, 1, 2, 0},
		"one worker, three slots later":                {1, 2, 1, 1},
		"two workers, half a slot later":               {2, 3, 4, 0},
		"two workers, a slot later on the same":        {2, 3, 5, 0},
		"two workers, half a slot later in the next":   {2, 7, 0, 1},
		"two workers, three and a half later":          {2, 3, 2, 1},
		"three workers, a third of a slot later":       {3, 4, 5, 1},
		"three workers, two thirds of a slot later":    {3, 4, 6, 0},
		"four workers, a quarter later":                {4, 4, 5, 1},
		"four workers, half a slot later":              {4, 4, 6, 0},
		"four workers, a quarter later in the next":    {4, 15, 0, 2},
		"four workers, half a slot later, in the next": {4, 15, 1, 1},
	} {
		e := newTestEngine(t, Config{Workers: tc.workers})
		at := func(turn int) *slot { return e.workers[turn%tc.workers].slots[turn/tc.workers] }
		if got := e.age(at(tc.from), at(tc.to)); got != tc.frames {
			t.Errorf("%s: %d frames, want %d", name, got, tc.frames)
		}
	}
}

// TestSectionsAreFarApartInTheFrame: the longest way from one place of a room to
// another is as short as it can be.
func TestSectionsAreFarApartInTheFrame(t *testing.T) {
	for _, tc := range []struct{ workers, sections, apart int }{
		{1, 2, 2}, {1, 4, 1}, {2, 2, 4}, {2, 3, 2}, {2, 4, 2}, {2, 8, 1}, {4, 2, 8}, {4, 4, 4}, {4, 8, 2}, {4, 16, 1},
	} {
		e := newTestEngine(t, Config{Workers: tc.workers, WideRoom: 100})
		for range 5 { // the home is not always at the first place
			r := e.NewRoom("r")
			for range (tc.sections-1)*100 + 1 {
				r.Add(MemberOptions{})
			}
			all := tc.workers * SlotsPerFrame
			nearest := all
			for i, c := range r.sections {
				for _, o := range r.sections[:i] {
					after := (c.slot.turn() - o.slot.turn() + all) % all
					nearest = min(nearest, after, all-after)
				}
			}
			if len(r.sections) != tc.sections || nearest != tc.apart {
				t.Errorf("%d workers, %d sections: %d turns apart, want %d", tc.workers, len(r.sections), nearest, tc.apart)
			}
			r.Close()
			st := stepper{e: e}
			st.frames(1)
		}
	}
}

// TestSectionsAreNotWhereMuchIsDone: a place that is loaded is left out.
func TestSectionsAreNotWhereMuchIsDone(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2, WideRoom: 100})
	r := e.NewRoom("r")
	opposite := r.home.slot.worker.slots[(r.home.slot.index+2)%SlotsPerFrame]
	opposite.load.Add(1000)
	for range 101 {
		r.Add(MemberOptions{})
	}
	if s := r.sections[1].slot; s == opposite {
		t.Errorf("the second section is at turn %d", s.turn())
	}
}

// TestWorkersTakeTurns: the slots of two workers do not begin together.
func TestWorkersTakeTurns(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 4})
	for i, w := range e.workers {
		if got, want := w.offset(), time.Duration(i)*1250*time.Microsecond; got != want {
			t.Errorf("worker %d begins its slots %v late, want %v", i, got, want)
		}
	}
}

// TestWideRoomPlaysToEverybody: announcements and injections are heard at all
// places in one piece, within a frame of each other.
func TestWideRoomPlaysToEverybody(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2, WideRoom: 1})
	ports := makePorts(8)
	r, members := everywhere(t, e, ports, MemberOptions{Talk: true, Hear: true})
	st := stepper{e: e}
	st.frames(3)
	r.Announce(clip(70, 1000))
	st.frames(10)
	from := len(ports[0].heard)
	members[5].Inject(clip(500, 1000))
	st.frames(20)
	for i, p := range ports {
		announced, injected, first := 0, 0, -1
		for k, v := range p.heard {
			switch v {
			case 70:
				announced++
				if first < 0 {
					first = k
				}
			case 500:
				injected++
				if k < from {
					t.Fatal("heard before it was given")
				}
			case 0:
			default:
				t.Fatalf("port %d hears %d", i, v)
			}
		}
		own := 1000
		if i == 5 {
			own = 0
		}
		if announced != 1000 || injected != own || first > 4*160+20 {
			t.Errorf("port %d: %d samples announced from %d on, %d injected, want 1000 by frame 4 and %d", i, announced, first, injected, own)
		}
	}
	if members[5].Contributing() {
		t.Error("contributes after the injection is over")
	}
}

// TestWideRoomMixesTheLoudestOfAll, wherever they are.
func TestWideRoomMixesTheLoudestOfAll(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2, WideRoom: 1, MixedTalkers: 3})
	ports := makePorts(16)
	for i, p := range ports {
		p.input = constant(int16(100 << (i % 4) * (1 + i/15)))
	}
	_, members := everywhere(t, e, ports, MemberOptions{Talk: true, Hear: true})
	st := stepper{e: e}
	st.frames(30)
	var mixed []int
	for i, m := range members {
		if m.Contributing() {
			mixed = append(mixed, i)
		}
	}
	if !slices.Equal(mixed, []int{3, 7, 15}) { // 800, 800, 1600; of equal ones the earlier
		t.Errorf("members %v contribute", mixed)
	}
	for i, p := range ports {
		want := int16(3200)
		switch i {
		case 3, 7:
			want = 2400
		case 15:
			want = 1600
		}
		if got := p.heard[len(p.heard)-1]; got != want {
			t.Errorf("port %d hears %d, want %d", i, got, want)
		}
	}
}

// TestNobodyClicksInAWideRoom: the tone that is heard goes on, at every place,
// while listeners begin and stop to talk.
func TestNobodyClicksInAWideRoom(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2, WideRoom: 1})
	ports := makePorts(8)
	speaking := make([]bool, len(ports))
	for i, p := range ports {
		p.input = func(frame int64, pcm []int16) Status {
			if !speaking[i] {
				return 0
			}
			return tone(8000, 1001, 30000)(frame, pcm)
		}
	}
	ports[0].input = tone(8000, 437, 15000)
	_, members := everywhere(t, e, ports, MemberOptions{Talk: true, Hear: true})
	st := stepper{e: e}
	rnd := rand.New(rand.NewPCG(3, 3))
	for at := 1; at < len(ports); at++ {
		apart := 0
		from := len(ports[at].heard)
		for range 500 {
			switch rnd.IntN(50) {
			case 0, 1, 2:
				speaking[at] = !speaking[at]
			case 3, 4:
				members[at].Set(rnd.IntN(2) == 0, true)
			case 5:
				members[at].Play(clip(0, 200))
			}
			st.frames(1)
			if members[at].out.path == alone {
				apart++
			}
		}
		heard := ports[at].heard[from:]
		want := make([]int16, 160*st.n/SlotsPerFrame)
		tone(8000, 437, 15000)(0, want)
		lag := e.age(members[0].section.slot, members[at].section.slot)
		for i, v := range heard[320:] {
			if k := from + 320 + i - 160*int(lag) - audio.NewLimiter(8000).Delay(); v != want[k] {
				t.Fatalf("member %d sample %d: heard %d, want %d", at, i, v, want[k])
			}
		}
		if apart < 50 {
			t.Fatalf("member %d was alone in %d frames", at, apart)
		}
		speaking[at] = false
		members[at].Set(true, true)
		st.frames(120)
	}
}

// TestWideRoomOfLateWorkers: workers lag behind each other by up to 40 ms.
// Every port is served once per frame, nobody hears what was not said, and who is
// at the same worker misses nothing.
func TestWideRoomOfLateWorkers(t *testing.T) {
	for seed := range 50 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 6))
		e := newTestEngine(t, Config{Workers: 2, WideRoom: 1})
		ports := makePorts(8)
		ports[0].input = constant(1000)
		r, members := everywhere(t, e, ports, MemberOptions{Talk: true, Hear: true})
		next := []int64{0, 0}
		for range 800 {
			w := rnd.IntN(2)
			if ahead := next[w] - next[1-w]; ahead >= 2*SlotsPerFrame {
				w = 1 - w
			}
			e.slot(w, next[w], epoch.Add(e.due(next[w])))
			next[w]++
		}
		lost := 0
		for i, p := range ports {
			consecutive(t, "sent", p.sent)
			for _, v := range p.heard {
				if v != 0 && v != 1000 {
					t.Fatalf("port %d hears %d", i, v)
				}
				if i > 0 && v == 0 {
					lost++
				}
			}
			if members[i].section.slot.worker == r.home.slot.worker && i > 0 && slices.Contains(p.heard[3*160:], 0) {
				t.Errorf("port %d is at the worker of the home, and has missed something", i)
			}
		}
		if all := len(ports) * len(ports[0].heard); lost > all/3 {
			t.Errorf("%d of %d samples lost", lost, all)
		}
		r.Close()
	}
}

// ringUpTo is a ring with batches for the frames up to last, in which as many
// talk as `talk` says; -1: there is none.
func ringUpTo(last int64, talk func(frame int64) int) *ring[batch] {
	r := &ring[batch]{}
	for f := max(1, last-ringSize+1); f <= last; f++ {
		if n := talk(f); n >= 0 {
			c := r.claim(f)
			c.value.count = n
			c.publish(f)
		}
	}
	return r
}

// TestLateBatchesAreHeardLater: a source that was late once is heard a frame
// later, without a gap, until it is silent, or a second is over.
func TestLateBatchesAreHeardLater(t *testing.T) {
	always := func(int64) int { return 1 }
	for name, tc := range map[string]struct {
		made  func(mix int64) int64 // the newest batch when a frame is mixed
		talk  func(int64) int
		heard []int64 // batches in the mixes of the frames 40, 41, …; 0: none
		lost  int
	}{
		"in time": {
			func(mix int64) int64 { return mix }, always,
			[]int64{40, 41, 42, 43},
			0,
		},
		"late once": {
			func(mix int64) int64 {
				if mix == 42 {
					return 41
				}
				return mix
			},
			always,
			[]int64{40, 41, 0, 42, 43, 44, 45, 46, 47, 48, 50, 51},
			1,
		},
		"late once, silent soon after": {
			func(mix int64) int64 {
				if mix == 42 {
					return 41
				}
				return mix
			},
			func(f int64) int { return int(min(1, max(f-44, 44-f))) }, // not in frame 44
			[]int64{40, 41, 0, 42, 43, 45, 46},
			1,
		},
		"late from then on": {
			func(mix int64) int64 { return min(mix, max(41, mix-2)) }, always,
			[]int64{40, 41, 0, 0, 42, 43, 44},
			2,
		},
		"has skipped two frames": {
			func(mix int64) int64 { return mix },
			func(f int64) int {
				if f == 42 || f == 43 {
					return -1
				}
				return 1
			},
			[]int64{40, 41, 0, 0, 44, 45},
			2,
		},
		"very late": {
			func(mix int64) int64 { return min(mix, max(41, mix-4)) }, always,
			[]int64{40, 41, 0, 0, 0, 0, 0, 0, 0, 0},
			8,
		},
		"late for three frames, in time then": {
			func(mix int64) int64 {
				if mix < 46 {
					return min(mix, 41)
				}
				return mix
			},
			always,
			[]int64{40, 41, 0, 0, 0, 0, 45, 46, 47},
			4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := source{next: 40}
			var heard []int64
			lost := 0
			for mix := int64(40); len(heard) < len(tc.heard); mix++ {
				o.batches = ringUpTo(tc.made(mix), tc.talk)
				c, missed := o.take(mix, 3)
				if missed {
					lost++
				}
				frame := int64(0)
				if c != nil {
					frame = c.number.Load() - 1
				}
				heard = append(heard, frame)
			}
			if !slices.Equal(heard, tc.heard) || lost != tc.lost {
				t.Errorf("heard %v, lost %d, want %v, %d", heard, lost, tc.heard, tc.lost)
			}
		})
	}
}

// TestNobodyIsMissedBeforeTheyCame: a section that has not begun is not late.
func TestNobodyIsMissedBeforeTheyCame(t *testing.T) {
	o := source{batches: &ring[batch]{}, age: 1}
	for f := range int64(9) {
		if c, lost := o.take(f, 3); c != nil || lost {
			t.Fatalf("frame %d: %v, lost %v", f, c, lost)
		}
	}
	o.batches = ringUpTo(8, func(int64) int { return 1 })
	if c, lost := o.take(9, 3); c == nil || lost {
		t.Fatal("the first batch is not heard")
	}
}

// TestWideRoomOfRunningWorkers: members come, talk, play and leave while the
// workers run, under the race detector.
func TestWideRoomOfRunningWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newTestEngine(t, Config{Workers: 3, WideRoom: 2, Clock: TimeClock{}})
		r, elsewhere := e.NewRoom("wide"), e.NewRoom("elsewhere")
		stop := runEngine(t, e)
		var wg sync.WaitGroup
		ports := makePorts(40)
		for g, p := range ports {
			p.input = tone(8000, float64(300+50*g), 1000)
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(9, uint64(g)))
				for range 20 {
					m := r.Add(MemberOptions{Port: p, Talk: true, Hear: true})
					m.Play(clip(70, rnd.IntN(500)))
					time.Sleep(time.Duration(rnd.IntN(90)) * time.Millisecond)
					m.Inject(clip(70, rnd.IntN(500)))
					r.Announce(clip(50, rnd.IntN(500)))
					m.Set(rnd.IntN(2) == 0, true)
					time.Sleep(time.Duration(rnd.IntN(90)) * time.Millisecond)
					to := elsewhere.Add(MemberOptions{Hear: true})
					<-m.MovePort(to)
					<-m.Remove()
					<-to.Remove()
				}
			})
		}
		wg.Wait()
		<-r.Close()
		stop()
		for _, p := range ports {
			if !slices.Equal(p.received, p.sent) || len(p.sent) < 50 {
				t.Fatalf("%d frames received, %d sent", len(p.received), len(p.sent))
			}
		}
	})
}

// TestPlacesCarryTheSameNumberOfPorts when callers, each with a room of its
// own, come one after the other into rooms of different sizes.
func TestPlacesCarryTheSameNumberOfPorts(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2})
	st := stepper{e: e}
	rnd := rand.New(rand.NewPCG(8, 8))
	for range 150 {
		room := e.NewRoom("conference")
		for range 1 + rnd.IntN(7) {
			own := e.NewRoom("call").Add(MemberOptions{Port: &memPort{}})
			st.slots(1)
			own.MovePort(room.Add(MemberOptions{Talk: true, Hear: true}))
			st.slots(1)
		}
	}
	st.frames(3)
	most, least, all := 0, 1<<30, 0
	for _, w := range e.workers {
		for _, s := range w.slots {
			most, least, all = max(most, s.ports), min(least, s.ports), all+s.ports
		}
	}
	if all < 500 || most-least > all/8/5 {
		t.Errorf("%d ports; the places have %d to %d", all, least, most)
	}
}
