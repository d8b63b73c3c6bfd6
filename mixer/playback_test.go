package mixer

import (
	"math"
	"slices"
	"testing"

	"mediaserver/audio"
)

// scene is a room of one engine stepped by hand, with a deaf-free listener.
type scene struct {
	stepper
	room   *Room
	port   *memPort
	member *Member // may talk and hears
	other  *memPort
	second *Member // likewise
}

func newScene(t *testing.T) *scene {
	t.Helper()
	e := newTestEngine(t, Config{Workers: 1})
	s := &scene{stepper: stepper{e: e}, room: e.NewRoom("r"), port: &memPort{keep: true}, other: &memPort{keep: true}}
	s.member = s.room.Add(MemberOptions{Port: s.port, Talk: true, Hear: true})
	s.second = s.room.Add(MemberOptions{Port: s.other, Talk: true, Hear: true})
	return s
}

// runs gives the values heard and how often each in a row, without zeros at
// the ends.
func runs(pcm []int16) [][2]int {
	var out [][2]int
	for _, v := range pcm {
		if n := len(out); n > 0 && out[n-1][0] == int(v) {
			out[n-1][1]++
		} else if n > 0 || v != 0 {
			out = append(out, [2]int{int(v), 1})
		}
	}
	if n := len(out); n > 0 && out[n-1][0] == 0 {
		out = out[:n-1]
	}
	return out
}

func wantRuns(t *testing.T, who string, p *memPort, want ...[2]int) {
	t.Helper()
	if got := runs(p.heard); !slices.Equal(got, want) {
		t.Errorf("%s heard (value, samples) %v, want %v", who, got, want)
	}
}

func TestPlayIsPrivate(t *testing.T) {
	s := newScene(t)
	p := s.member.Play(clip(100, 400))
	s.frames(2)
	if isClosed(p.Done()) || p.Samples() != 320 {
		t.Fatalf("after two frames: done %v, %d samples", isClosed(p.Done()), p.Samples())
	}
	s.frames(1)
	if !isClosed(p.Done()) || !p.Ended() || p.Samples() != 400 {
		t.Errorf("in the frame of its last sample: done %v, ended %v, %d samples", isClosed(p.Done()), p.Ended(), p.Samples())
	}
	s.frames(2)
	wantRuns(t, "member", s.port, [2]int{100, 400})
	wantRuns(t, "other", s.other)
}

func TestPlayIsHeardOverTheRoom(t *testing.T) {
	s := newScene(t)
	s.other.input = constant(1000)
	s.frames(1)
	s.member.Play(clip(100, 200))
	s.frames(4)
	wantRuns(t, "member", s.port, [2]int{1000, 160}, [2]int{1100, 200}, [2]int{1000, 440 - 20})
}

func TestPlayOfADeafMemberIsHeard(t *testing.T) {
	s := newScene(t)
	s.other.input = constant(1000)
	s.member.Set(true, false)
	s.member.Play(clip(100, 200))
	s.frames(4)
	wantRuns(t, "member", s.port, [2]int{100, 200})
}

func TestShortSourceEndsInItsFrameAndTheNextFollowsInTheNext(t *testing.T) {
	s := newScene(t)
	p := s.member.Play(clip(100, 10))
	s.frames(1)
	if !isClosed(p.Done()) {
		t.Fatal("not done in the frame of its last sample")
	}
	s.member.Play(clip(200, 10))
	s.frames(2)
	wantRuns(t, "member", s.port, [2]int{100, 10}, [2]int{0, 150}, [2]int{200, 10})
}

func TestSequenceHasNoGaps(t *testing.T) {
	s := newScene(t)
	var clips []audio.Clip
	for i := range 5 {
		clips = append(clips, audio.Clip{Rate: 8000, Samples: slices.Repeat([]int16{int16(i + 1)}, 33)})
	}
	p := s.room.Announce(audio.Sequence(clips, false))
	s.frames(3)
	wantRuns(t, "member", s.port, [2]int{1, 33}, [2]int{2, 33}, [2]int{3, 33}, [2]int{4, 33}, [2]int{5, 33})
	if p.Samples() != 165 || !p.Ended() {
		t.Errorf("%d samples, ended %v", p.Samples(), p.Ended())
	}
}

func TestStopEndsAtTheNextFrame(t *testing.T) {
	s := newScene(t)
	ps := []*Playback{
		s.member.Play(clip(100, 8000)), s.second.Inject(clip(30, 8000)), s.room.Announce(clip(7, 8000)),
	}
	s.frames(2)
	for _, p := range ps {
		p.Stop()
		p.Stop()
		if isClosed(p.Done()) {
			t.Error("done before the worker has let go")
		}
	}
	s.frames(3)
	for i, p := range ps {
		if !isClosed(p.Done()) || p.Ended() || p.Samples() != 320 {
			t.Errorf("playback %d: done %v, ended %v, %d samples; want stopped after 320", i, isClosed(p.Done()), p.Ended(), p.Samples())
		}
	}
	wantRuns(t, "member", s.port, [2]int{137, 320})
	wantRuns(t, "second", s.other, [2]int{7, 320})
}

func TestANewPlayReplacesTheOneBefore(t *testing.T) {
	s := newScene(t)
	type starter func(audio.Source) *Playback
	for name, start := range map[string]starter{"Play": s.member.Play, "Inject": s.member.Inject, "Announce": s.room.Announce} {
		first := start(clip(100, 8000))
		s.frames(1)
		second := start(clip(200, 8000))
		s.frames(1)
		if !isClosed(first.Done()) || first.Ended() || isClosed(second.Done()) {
			t.Errorf("%s: first done %v ended %v, second done %v", name, isClosed(first.Done()), first.Ended(), isClosed(second.Done()))
		}
		none := start(nil)
		s.frames(1)
		if !isClosed(second.Done()) || second.Ended() || !isClosed(none.Done()) {
			t.Errorf("%s: nil did not end the one before", name)
		}
	}
}

func TestInjectedSoundIsHeardByTheOthersOnly(t *testing.T) {
	s := newScene(t)
	s.port.input = constant(1000)
	s.other.input = constant(50)
	p := s.member.Inject(clip(300, 320))
	s.frames(4)
	if !p.Ended() {
		t.Error("not ended")
	}
	wantRuns(t, "member", s.port, [2]int{50, 640 - 20})
	wantRuns(t, "second", s.other, [2]int{1300, 320}, [2]int{1000, 320 - 20})
}

func TestInjectionOfAMemberThatMayNotTalkTakesItsTimeUnheard(t *testing.T) {
	s := newScene(t)
	s.member.Set(false, true)
	p := s.member.Inject(clip(300, 480))
	s.frames(1)
	s.member.Set(true, true)
	s.frames(1)
	s.member.Set(false, true)
	s.frames(2)
	if !p.Ended() || p.Samples() != 480 {
		t.Errorf("ended %v, %d samples", p.Ended(), p.Samples())
	}
	wantRuns(t, "second", s.other, [2]int{300, 160})
}

func TestInjectionWithoutAPort(t *testing.T) {
	s := newScene(t)
	m := s.room.Add(MemberOptions{Talk: true, Hear: true})
	m.Inject(clip(300, 200))
	s.frames(3)
	wantRuns(t, "member", s.port, [2]int{300, 200})
	wantRuns(t, "second", s.other, [2]int{300, 200})
}

func TestAnnouncementIsHeardByAllWhoHear(t *testing.T) {
	s := newScene(t)
	s.other.input = constant(1000)
	third := &memPort{keep: true}
	s.room.Add(MemberOptions{Port: third, Talk: true})
	s.frames(1)
	s.room.Announce(clip(70, 320))
	late := &memPort{keep: true}
	s.room.Add(MemberOptions{Port: late, Hear: true})
	s.frames(3)
	wantRuns(t, "member", s.port, [2]int{1000, 160}, [2]int{1070, 320}, [2]int{1000, 160 - 20})
	wantRuns(t, "talker", s.other, [2]int{70, 320})
	wantRuns(t, "deaf", third)
	if got := runs(late.heard); got[len(got)-2] != [2]int{1070, 320} {
		t.Errorf("newcomer heard %v", got)
	}
}

func TestPromptBeginsWithTheMember(t *testing.T) {
	s := newScene(t)
	p := &memPort{keep: true}
	m := s.room.Add(MemberOptions{Port: p, Prompt: clip(9, 500)})
	if s.member.Prompt() != nil || m.Prompt() == nil || m.Room() != s.room {
		t.Fatal("Prompt or Room is wrong")
	}
	s.frames(5)
	wantRuns(t, "member", p, [2]int{9, 500})
	if p.heard[20] != 9 || !isClosed(m.Prompt().Done()) {
		t.Error("not from the first frame on, or not done")
	}
}

func TestPlayGoesOnWithoutAPort(t *testing.T) {
	s := newScene(t)
	m := s.room.Add(MemberOptions{Hear: true, Prompt: clip(9, 500)})
	s.frames(4)
	if !m.Prompt().Ended() || m.Prompt().Samples() != 500 {
		t.Errorf("ended %v, %d samples", m.Prompt().Ended(), m.Prompt().Samples())
	}
}

func TestRemovalEndsPlaybacks(t *testing.T) {
	s := newScene(t)
	a, b := s.member.Play(clip(1, 8000)), s.member.Inject(clip(1, 8000))
	c := s.room.Announce(clip(1, 8000))
	s.frames(1)
	gone := s.member.Remove()
	if isClosed(gone) {
		t.Fatal("removed before the worker has let go")
	}
	after := s.member.Play(clip(1, 8000))
	s.frames(1)
	for i, p := range []*Playback{a, b, after} {
		if !isClosed(p.Done()) || p.Ended() {
			t.Errorf("playback %d of the removed member: done %v, ended %v", i, isClosed(p.Done()), p.Ended())
		}
	}
	if !isClosed(gone) || s.member.Remove() != gone || isClosed(c.Done()) {
		t.Error("removal or the room's announcement is wrong")
	}
	closed := s.room.Close()
	again := s.room.Announce(clip(1, 8000))
	s.frames(1)
	if !isClosed(closed) || !isClosed(c.Done()) || !isClosed(again.Done()) || !isClosed(s.second.Remove()) || s.room.Close() != closed {
		t.Error("Close has left something")
	}
	m := s.room.Add(MemberOptions{Port: &memPort{}, Prompt: clip(1, 1)})
	m.Prompt().Stop()
	m.Set(true, true)
	s.frames(1)
	if !isClosed(m.Remove()) || !isClosed(m.Prompt().Done()) {
		t.Error("a member of a closed room is not removed")
	}
}

// TestPrivatePlayKeepsToneContinuity: a play over a loud room is limited, not
// clipped.
func TestLoudPlayIsLimited(t *testing.T) {
	s := newScene(t)
	s.other.input = tone(8000, 300, 30000)
	s.frames(10)
	s.member.Play(audio.PlayClip(audio.Clip{Rate: 8000, Samples: slices.Repeat([]int16{20000}, 1600)}))
	s.frames(20)
	for i := 1; i < len(s.port.heard); i++ {
		if d := math.Abs(float64(s.port.heard[i]) - float64(s.port.heard[i-1])); d > 21000 {
			t.Fatalf("step of %v at %d", d, i)
		}
	}
}
