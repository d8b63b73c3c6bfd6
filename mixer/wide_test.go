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

// TestSectionsAreWhereTheyAreHeardSoon: the places where two frames pass until
// what is said there is heard there are the last that a room takes.
func TestSectionsAreWhereTheyAreHeardSoon(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2, WideRoom: 1})
	for range 5 { // the home is not always at the first place
		r := e.NewRoom("r")
		for range len(e.workers) * SlotsPerFrame {
			r.Add(MemberOptions{})
		}
		before := int64(1)
		for i, c := range r.sections[1:] {
			passes := c.away.behind + c.away.lag
			if passes < before || passes > 2 || i < 3 && passes != 1 {
				t.Errorf("section %d: %d frames pass, %d at that before it", i+2, passes, before)
			}
			before = passes
		}
	}
}

// TestDelaysOfPlaces: a place hands over what the other has the time to take.
func TestDelaysOfPlaces(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2})
	r := newRoom(e, e.workers[0].slots[1], "r")
	for _, tc := range []struct {
		worker, slot int
		behind, lag  int64
		why          string
	}{
		{0, 0, 0, 1, "a slot before the home, on its worker"},
		{0, 2, 1, 0, "a slot after the home, on its worker"},
		{0, 3, 1, 0, "two slots after it"},
		{1, 0, 1, 1, "half a slot before it, on the other worker"},
		{1, 1, 1, 1, "half a slot after it"},
		{1, 2, 1, 0, "one and a half after it"},
		{1, 3, 1, 0, "two and a half after it, one and a half before its next turn"},
	} {
		if behind, lag := r.delays(e.workers[tc.worker].slots[tc.slot]); behind != tc.behind || lag != tc.lag {
			t.Errorf("%s: %d and %d frames, want %d and %d", tc.why, behind, lag, tc.behind, tc.lag)
		}
	}
	r = newRoom(e, e.workers[0].slots[3], "r")
	if behind, lag := r.delays(e.workers[1].slots[0]); behind != 0 || lag != 1 {
		t.Errorf("two and a half slots before the home: %d and %d frames", behind, lag)
	}
	r = newRoom(e, e.workers[0].slots[0], "r")
	if behind, lag := r.delays(e.workers[1].slots[3]); behind != 2 || lag != 0 {
		t.Errorf("half a slot before the next turn of the home: %d and %d frames", behind, lag)
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
		lag := members[at].section.away.lag
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

// TestWideRoomOfLateWorkers: workers lag behind each other by up to 60 ms.
// Every port is served once per frame; nobody hears what was not said; and who
// waits for a late home gets the frame after all.
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

// TestWaitingSectionSendsInALaterSlot of its worker, and gives up when its own
// slot comes round.
func TestWaitingSectionSendsInALaterSlot(t *testing.T) {
	for name, tc := range map[string]struct {
		homeLate int64 // slots of the other worker before the home's slot
		heard    int16
	}{
		"in time":        {0, 1000},
		"one slot late":  {2, 1000},
		"two slots late": {3, 1000},
		"a frame late":   {6, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := newTestEngine(t, Config{Workers: 2, WideRoom: 1})
			ports := makePorts(8)
			ports[0].input = constant(1000)
			_, members := everywhere(t, e, ports, MemberOptions{Talk: true, Hear: true})
			k := slices.IndexFunc(members, func(m *Member) bool {
				return m.section.slot.worker.index == 1 && m.section.slot.index == 1
			})
			st := stepper{e: e}
			st.frames(10)
			n := st.n
			for i := range tc.homeLate {
				e.slot(1, n+i, epoch)
			}
			e.slot(0, n, epoch)
			for i := tc.homeLate; i < 6; i++ {
				e.slot(1, n+i, epoch)
			}
			p := ports[k]
			at := slices.Index(p.sent, n/SlotsPerFrame)
			if at < 0 {
				t.Fatalf("frame %d was not sent: %v", n/SlotsPerFrame, p.sent)
			}
			if got := p.heard[at*160+100]; got != tc.heard {
				t.Errorf("heard %d, want %d", got, tc.heard)
			}
		})
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
