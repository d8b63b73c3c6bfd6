package mixer

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// recorder is a tap that keeps everything.
type recorder struct {
	frames           []int64
	said, heard      []int16
	saidNil, hearNil int
}

func (r *recorder) Frame(frame int64, said, heard []int16) {
	r.frames = append(r.frames, frame)
	r.said = keep(r.said, said, &r.saidNil)
	r.heard = keep(r.heard, heard, &r.hearNil)
}

func keep(all, frame []int16, silent *int) []int16 {
	if frame == nil {
		*silent++
		return append(all, make([]int16, 160)...)
	}
	return append(all, frame...)
}

// saidBy is n frames of what an input delivers.
func saidBy(input func(int64, []int16) Status, first int64, n int) []int16 {
	all := make([]int16, 0, 160*n)
	frame := make([]int16, 160)
	for i := range n {
		input(first+int64(i), frame)
		all = append(all, frame...)
	}
	return all
}

// TestTapTellsWhatIsSaidAndHeard: for talkers, listeners, the muted and the
// deaf, with a private play and an announcement on top.
func TestTapTellsWhatIsSaidAndHeard(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2})
	r := e.NewRoom("r")
	type one struct {
		port *memPort
		tap  recorder
	}
	var all []*one
	var members []*Member
	for i, tc := range []struct {
		input      func(int64, []int16) Status
		talk, hear bool
	}{
		{tone(8000, 300, 5000), true, true},
		{tone(8000, 500, 9000), true, true},
		{tone(8000, 700, 4000), false, true}, // muted
		{tone(8000, 900, 3000), true, false}, // deaf
		{nil, true, true},
		{nil, false, true},
	} {
		o := &one{port: &memPort{keep: true, input: tc.input, codec: g711.PCMU()}}
		m := r.Add(MemberOptions{Port: o.port, Talk: tc.talk, Hear: tc.hear})
		if i != 5 { // has no tap
			m.Tap(&o.tap)
		}
		all, members = append(all, o), append(members, m)
	}
	st := stepper{e: e}
	st.frames(20)
	members[2].Play(clip(1000, 1600))
	st.frames(20)
	r.Announce(clip(700, 1600))
	st.frames(20)
	for i, o := range all[:5] {
		if !slices.Equal(o.tap.frames, o.port.sent) || len(o.tap.frames) != 60 {
			t.Errorf("%d: frames %v, sent %v", i, o.tap.frames, o.port.sent)
		}
		if !slices.Equal(o.tap.heard, o.port.heard) {
			t.Errorf("%d: heard is not what was sent", i)
		}
		if o.tap.hearNil != o.port.silent {
			t.Errorf("%d: %d frames without sound, sent %d", i, o.tap.hearNil, o.port.silent)
		}
		want := make([]int16, 60*160)
		if o.port.input != nil {
			want = saidBy(o.port.input, o.tap.frames[0], 60)
		} else if o.tap.saidNil != 60 {
			t.Errorf("%d: %d of 60 frames without sound", i, o.tap.saidNil)
		}
		if !slices.Equal(o.tap.said, want) {
			t.Errorf("%d: said is not what the port delivered", i)
		}
	}
	if all[3].tap.hearNil != 60 {
		t.Errorf("the deaf heard something in %d frames", 60-all[3].tap.hearNil)
	}
	if len(all[5].tap.frames) != 0 {
		t.Error("a tap that nobody set was called")
	}
}

// TestTapStaysWhenThePortMoves: each frame of the port is told by the one tap
// or the other, but for those it was late for.
func TestTapStaysWhenThePortMoves(t *testing.T) {
	for _, rooms := range []int{1, 2, 3, 4, 5} {
		t.Run(fmt.Sprintf("to room %d", rooms), func(t *testing.T) {
			e := newTestEngine(t, Config{Workers: 1})
			port := &memPort{keep: true, input: constant(1000)}
			home := e.NewRoom("home").Add(MemberOptions{Port: port, Talk: true, Hear: true})
			var away *Member
			for range rooms {
				away = e.NewRoom("away").Add(MemberOptions{Talk: true, Hear: true})
			}
			var at, there recorder
			home.Tap(&at)
			away.Tap(&there)
			st := stepper{e: e}
			st.frames(10)
			home.MovePort(away)
			st.frames(10)
			moved := away.MovePort(home)
			st.frames(10)
			all := slices.Concat(at.frames, there.frames)
			slices.Sort(all)
			if !isClosed(moved) || !slices.Equal(all, port.sent) {
				t.Errorf("told %v\nand %v\n of %v", at.frames, there.frames, port.sent)
			}
			if n := len(there.frames); n < 9 || n > 11 {
				t.Errorf("%d frames away", n)
			}
			if at.saidNil+there.saidNil > 0 {
				t.Errorf("nothing said in %d and %d frames", at.saidNil, there.saidNil)
			}
		})
	}
}

func TestTapEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(m *Member) <-chan struct{}
	}{
		{"with nil", func(m *Member) <-chan struct{} { return m.Tap(nil) }},
		{"with another", func(m *Member) <-chan struct{} { return m.Tap(&recorder{}) }},
		{"with its member", func(m *Member) <-chan struct{} { return m.Remove() }},
		{"with its room", func(m *Member) <-chan struct{} { return m.Room().Close() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := newTestEngine(t, Config{Workers: 1})
			m := e.NewRoom("r").Add(MemberOptions{Port: &memPort{}, Talk: true, Hear: true})
			var r recorder
			began := m.Tap(&r)
			st := stepper{e: e}
			st.frames(5)
			if !isClosed(began) || len(r.frames) != 5 {
				t.Errorf("%d frames, closed %v", len(r.frames), isClosed(began))
			}
			ended := tc.end(m)
			if isClosed(ended) {
				t.Error("closed before the worker knows")
			}
			st.frames(5)
			if !isClosed(ended) || len(r.frames) != 5 {
				t.Errorf("%d frames, closed %v", len(r.frames), isClosed(ended))
			}
			late := m.Tap(&r)
			st.frames(1)
			if !isClosed(late) {
				t.Error("a late tap is never told of")
			}
		})
	}
}

func TestTapAfterTheEngine(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	m := e.NewRoom("r").Add(MemberOptions{})
	runEngine(t, e)()
	select {
	case <-m.Tap(&recorder{}):
	case <-time.After(5 * time.Second):
		t.Error("not closed")
	}
}

// silentTap does nothing.
type silentTap struct{}

func (silentTap) Frame(int64, []int16, []int16) {}

func TestTapsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	e := newTestEngine(t, Config{Workers: 1})
	r := e.NewRoom("r")
	for i := range 10 {
		p := &packetPort{codec: g711.PCMA(), in: noise(g711.PCMA(), uint64(i), 4000)}
		r.Add(MemberOptions{Port: p, Talk: i%2 == 0, Hear: true}).Tap(silentTap{})
	}
	st := stepper{e: e}
	st.frames(5)
	if n := testing.AllocsPerRun(100, func() { st.frames(1) }); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

// BenchmarkSlotTaps is a room in which everybody talks and is recorded by a tap
// that does nothing.
func BenchmarkSlotTaps(b *testing.B) {
	for _, taps := range []bool{false, true} {
		b.Run(fmt.Sprintf("n=10/taps=%v", taps), func(b *testing.B) {
			e := newTestEngine(b, Config{Workers: 1})
			r := e.NewRoom("bench")
			var codec audio.Codec = g711.PCMU()
			for i := range 10 {
				m := r.Add(MemberOptions{Port: &packetPort{codec: codec, in: noise(codec, uint64(i), quiet)}, Talk: true, Hear: true})
				if taps {
					m.Tap(silentTap{})
				}
			}
			frame := int64(0)
			step := func() { e.slot(0, frame*SlotsPerFrame, epoch); frame++ }
			for range 20 {
				step()
			}
			c := chunks{each: 100, took: make([]float64, 0, 1<<20)}
			b.ReportAllocs()
			for b.Loop() {
				c.tick()
				step()
			}
			c.report(b, 10)
		})
	}
}
