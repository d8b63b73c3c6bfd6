package mixer

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
)

// roomAt makes a room at a place of choice.
func roomAt(t *testing.T, e *Engine, worker, slot int) *Room {
	t.Helper()
	for range 100 {
		if r := e.NewRoom("r"); r.home.slot == e.workers[worker].slots[slot] {
			return r
		}
	}
	t.Fatalf("no room at worker %d slot %d", worker, slot)
	return nil
}

// consecutive fails unless frames has each number from first to last once.
func consecutive(t *testing.T, what string, frames []int64) {
	t.Helper()
	for i := 1; i < len(frames); i++ {
		if frames[i] != frames[i-1]+1 {
			t.Fatalf("%s: frame %d after %d (of %d frames)", what, frames[i], frames[i-1], len(frames))
		}
	}
}

// TestMoveServesEachFrameOnce between all pairs of places.
func TestMoveServesEachFrameOnce(t *testing.T) {
	for fromWorker := range 2 {
		for fromSlot := range SlotsPerFrame {
			for toWorker := range 2 {
				for toSlot := range SlotsPerFrame {
					for offset := range SlotsPerFrame {
						e := newTestEngine(t, Config{Workers: 2})
						a, b := roomAt(t, e, fromWorker, fromSlot), roomAt(t, e, toWorker, toSlot)
						p := &memPort{keep: true}
						m, to := a.Add(MemberOptions{Port: p}), b.Add(MemberOptions{})
						st := stepper{e: e}
						st.slots(8 + offset)
						done := m.MovePort(to)
						took := 0
						for ; !isClosed(done); took++ {
							st.slots(1)
						}
						if took > 2*SlotsPerFrame+1 {
							t.Fatalf("from %d/%d to %d/%d took %d slots, want at most 40 ms", fromWorker, fromSlot, toWorker, toSlot, took)
						}
						if m.port != nil || to.port != p {
							t.Fatal("the port is not where it belongs")
						}
						st.slots(9)
						consecutive(t, "received", p.received)
						consecutive(t, "sent", p.sent)
						if !slices.Equal(p.received, p.sent) || len(p.sent) < 4 {
							t.Fatalf("received %v, sent %v", p.received, p.sent)
						}
					}
				}
			}
		}
	}
}

// TestMoveBetweenWorkersOfDifferentLateness: workers that lag behind each
// other by up to 60 ms lose and double nothing.
func TestMoveBetweenWorkersOfDifferentLateness(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		e := newTestEngine(t, Config{Workers: 2})
		var rooms []*Room
		for range 2 * SlotsPerFrame {
			rooms = append(rooms, e.NewRoom("r"))
		}
		p := &memPort{keep: true}
		at := rooms[rnd.IntN(len(rooms))].Add(MemberOptions{Port: p})
		var done <-chan struct{}
		next := []int64{0, 0}
		for range 600 {
			w := rnd.IntN(2)
			if ahead := next[w] - next[1-w]; ahead >= 2*SlotsPerFrame {
				w = 1 - w
			}
			e.slot(w, next[w], epoch)
			next[w]++
			if (done == nil || isClosed(done)) && rnd.IntN(4) == 0 {
				to := rooms[rnd.IntN(len(rooms))].Add(MemberOptions{})
				done = at.MovePort(to)
				at = to
			}
		}
		consecutive(t, "received", p.received)
		consecutive(t, "sent", p.sent)
		if n := len(p.sent); n < 60 {
			t.Fatalf("only %d frames sent", n)
		}
	}
}

// TestMovesGivenWithoutWaitingAreFollowed: the port goes on to the last place,
// also through members that are removed meanwhile.
func TestMovesGivenWithoutWaitingAreFollowed(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		e := newTestEngine(t, Config{Workers: 3})
		var rooms []*Room
		for range 3 * SlotsPerFrame {
			rooms = append(rooms, e.NewRoom("r"))
		}
		p := &memPort{keep: true}
		at := rooms[rnd.IntN(len(rooms))].Add(MemberOptions{Port: p})
		st := stepper{e: e}
		st.slots(rnd.IntN(9))
		var waits []<-chan struct{}
		for range 1 + rnd.IntN(6) {
			to := rooms[rnd.IntN(len(rooms))].Add(MemberOptions{})
			waits = append(waits, at.MovePort(to))
			if rnd.IntN(2) == 0 {
				waits = append(waits, at.Remove())
			}
			at = to
			st.slots(rnd.IntN(3))
		}
		st.slots(100)
		for i, w := range waits {
			if !isClosed(w) {
				t.Fatalf("channel %d of %d was not closed", i, len(waits))
			}
		}
		if at.port != p {
			t.Fatal("the port is not with the last member")
		}
		consecutive(t, "sent", p.sent)
		consecutive(t, "received", p.received)
	}
}

func TestMoveToARemovedMemberLetsThePortGo(t *testing.T) {
	for toSlot := range SlotsPerFrame {
		e := newTestEngine(t, Config{Workers: 1})
		a, b := roomAt(t, e, 0, 2), roomAt(t, e, 0, toSlot)
		p := &memPort{keep: true}
		m, to := a.Add(MemberOptions{Port: p}), b.Add(MemberOptions{})
		st := stepper{e: e}
		st.frames(2)
		moved := m.MovePort(to)
		gone := to.Remove()
		for range 20 {
			before := len(p.sent)
			st.slots(1)
			if isClosed(gone) && len(p.sent) != before {
				t.Fatal("the port was used after its member was told to be gone")
			}
			if isClosed(gone) && !isClosed(moved) {
				t.Fatal("gone before the port has arrived")
			}
		}
		if !isClosed(gone) || !isClosed(moved) || m.port != nil || to.port != nil {
			t.Fatal("the port was not let go")
		}
	}
}

func TestMoveOfNothingIsDoneAtOnce(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2})
	a, b := e.NewRoom("a"), e.NewRoom("b")
	x, y := a.Add(MemberOptions{}), b.Add(MemberOptions{})
	p := &memPort{keep: true}
	z := a.Add(MemberOptions{Port: p})
	// Both ways at once: neither must wait for the other.
	waits := []<-chan struct{}{x.MovePort(y), y.MovePort(x), x.MovePort(x), z.MovePort(z)}
	st := stepper{e: e}
	st.frames(4)
	for i, w := range waits {
		if !isClosed(w) {
			t.Errorf("channel %d was not closed", i)
		}
	}
	if z.port != p || x.port != nil || y.port != nil {
		t.Error("ports are in the wrong places")
	}
	consecutive(t, "sent", p.sent)
}

func TestMoveReplacesAPort(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2})
	a, b := e.NewRoom("a"), e.NewRoom("b")
	p, old := &memPort{keep: true}, &memPort{keep: true}
	x, y := a.Add(MemberOptions{Port: p}), b.Add(MemberOptions{Port: old})
	st := stepper{e: e}
	st.frames(2)
	done := x.MovePort(y)
	st.frames(3)
	if !isClosed(done) || y.port != p {
		t.Fatal("the port was not moved")
	}
	n := len(old.sent)
	st.frames(2)
	if len(old.sent) != n {
		t.Error("the replaced port is still served")
	}
}

// TestMovedPortHearsItsNewRoom without a stop, and its old room no more.
func TestMovedPortHearsItsNewRoom(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2})
	a, b := e.NewRoom("a"), e.NewRoom("b")
	a.Add(MemberOptions{Port: &memPort{input: constant(100)}, Talk: true})
	b.Add(MemberOptions{Port: &memPort{input: constant(200)}, Talk: true})
	heard := &memPort{keep: true}
	b.Add(MemberOptions{Port: heard, Hear: true})
	p := &memPort{keep: true, input: constant(1000)}
	m := a.Add(MemberOptions{Port: p, Talk: true, Hear: true})
	to := b.Add(MemberOptions{Talk: true, Hear: true})
	st := stepper{e: e}
	st.frames(5)
	m.MovePort(to)
	st.frames(10)
	got := runs(p.heard)
	if got[0][0] != 100 || got[len(got)-1][0] != 200 {
		t.Errorf("heard %v", got)
	}
	if got := runs(heard.heard); got[len(got)-1][0] != 1200 {
		t.Errorf("the new room hears %v", got)
	}
	if to.Level() < -40 || m.Level() > -100 {
		t.Errorf("levels %v and %v", m.Level(), to.Level())
	}
}

// TestFramesOfALateWorkerAreSkippedForMovedPortsToo: a port that comes more
// than 60 ms late is not sent a burst.
func TestLateArrivalIsNoBurst(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2})
	a, b := roomAt(t, e, 0, 0), roomAt(t, e, 1, 0)
	p := &memPort{keep: true}
	m, to := a.Add(MemberOptions{Port: p}), b.Add(MemberOptions{})
	e.slot(0, 0, epoch)
	e.slot(1, 0, epoch)
	m.MovePort(to)
	e.slot(0, 4, epoch)
	e.slot(1, 4*50, epoch.Add(time.Second))
	if want := []int64{0, 1, 47, 48, 49, 50}; !slices.Equal(p.sent, want) {
		t.Errorf("sent %v, want %v", p.sent, want)
	}
}

func TestAMemberWhosePortHasMovedHearsNothing(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	r, other := e.NewRoom("r"), e.NewRoom("other")
	r.Add(MemberOptions{Port: &memPort{input: tone(8000, 400, 8000)}, Talk: true})
	listener := r.Add(MemberOptions{Port: &memPort{}, Hear: true})
	talker := r.Add(MemberOptions{Port: &memPort{input: tone(8000, 500, 8000)}, Talk: true, Hear: true})
	seats := []*Member{other.Add(MemberOptions{}), other.Add(MemberOptions{})}
	st := stepper{e: e}
	st.frames(20)
	for i, m := range []*Member{listener, talker} {
		if l := m.HeardLevel(); l < -30 {
			t.Fatalf("member %d hears %v dBov before", i, l)
		}
		m.MovePort(seats[i])
	}
	st.frames(20)
	for i, m := range []*Member{listener, talker} {
		if l := m.HeardLevel(); l != audio.MinDBov {
			t.Errorf("member %d hears %v dBov without a port", i, l)
		}
	}
}
