package mixer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"mediaserver/audio"
	"mediaserver/internal/leaktest"

	"github.com/prometheus/client_golang/prometheus"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg Config
		ok  bool
	}{
		"zero is the default":  {Config{}, true},
		"wideband":             {Config{Format: audio.Format{Rate: 48000, Ptime: 10 * time.Millisecond}}, true},
		"negative workers":     {Config{Workers: -1}, false},
		"too many workers":     {Config{Workers: 5000}, false},
		"negative talkers":     {Config{MixedTalkers: -1}, false},
		"talkers beyond int32": {Config{MixedTalkers: 1 << 17}, false},
		"no rate":              {Config{Format: audio.Format{Ptime: time.Second}}, false},
		"frames too short":     {Config{Format: audio.Format{Rate: 8000, Ptime: time.Millisecond}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := New(tc.cfg)
			if tc.ok != (err == nil) || err != nil && !errors.Is(err, ErrConfig) {
				t.Fatalf("New gave %v", err)
			}
			if tc.ok && (len(e.workers) == 0 || e.Format().Samples() == 0 || e.cfg.MixedTalkers != DefaultMixedTalkers) {
				t.Errorf("defaults: %d workers, %v", len(e.workers), e.Format())
			}
		})
	}
}

func TestRoomsGoWhereLoadIsLeast(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 2})
	big := e.NewRoom("big")
	for range 20 {
		big.Add(MemberOptions{})
	}
	where := map[*slot]int{}
	for range 7 * 3 {
		where[e.NewRoom("r").home.slot]++
	}
	for s, n := range where {
		if s == big.home.slot || n != 3 {
			t.Errorf("%d rooms at one place, the big room's: %v", n, s == big.home.slot)
		}
	}
	if len(where) != 7 {
		t.Errorf("rooms at %d places, want 7", len(where))
	}
	big.Close()
	if r := e.NewRoom("r"); r.home.slot != big.home.slot || big.Name() != "big" {
		t.Error("the place of the closed room is not used")
	}
}

// lateClock is a clock of its own time whose sleeps can be made too long.
type lateClock struct {
	mu   sync.Mutex
	now  time.Time
	late map[time.Duration]time.Duration // due time → how late
	end  time.Time
	stop context.CancelFunc
}

func (c *lateClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *lateClock) SleepUntil(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now) {
		c.now = t
	}
	c.now = c.now.Add(c.late[t.Sub(epoch)])
	if !c.now.Before(c.end) {
		c.stop()
	}
}

// TestLateWorkerSkipsWholeFrames but catches up when it is less late.
func TestLateWorkerSkipsWholeFrames(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	clock := &lateClock{
		now: epoch, end: epoch.Add(2 * time.Second), stop: cancel,
		late: map[time.Duration]time.Duration{
			200 * time.Millisecond: 55 * time.Millisecond,
			600 * time.Millisecond: 61 * time.Millisecond,
			805 * time.Millisecond: 500 * time.Millisecond,
		},
	}
	reg := prometheus.NewRegistry()
	e := newTestEngine(t, Config{Workers: 1, Clock: clock, Metrics: NewMetrics(reg)})
	p := &memPort{keep: true}
	var times []time.Time
	p.input = func(int64, []int16) Status { times = append(times, clock.now); return 0 }
	e.NewRoom("r").Add(MemberOptions{Port: p})
	if err := e.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Run gave %v", err)
	}
	if e.Skipped() != 3+25 {
		t.Errorf("skipped %d frames, want 3 of 61 ms and 25 of 500 ms", e.Skipped())
	}
	if !slices.Equal(p.sent, p.received) {
		t.Error("sent other frames than received")
	}
	var gaps []int64
	for i := 1; i < len(p.sent); i++ {
		if d := p.sent[i] - p.sent[i-1]; d != 1 {
			gaps = append(gaps, d-1)
		}
		if times[i].Equal(times[i-1]) && p.sent[i]-p.sent[i-1] > 1 {
			t.Error("frames in a burst after a skip")
		}
	}
	if want := []int64{3, 25}; !slices.Equal(gaps, want) {
		t.Errorf("gaps of %v frames, want %v", gaps, want)
	}
	for i, f := range p.sent {
		if late := times[i].Sub(epoch) - e.due(f*SlotsPerFrame); late > MaxLateness {
			t.Errorf("frame %d was served %v late", f, late)
		}
	}
	checkMetrics(t, reg)
}

func checkMetrics(t *testing.T, reg *prometheus.Registry) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			found[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	if found["mediaserver_frames_skipped_total"] != 28 || found["mediaserver_slot_lateness_seconds"] < 200 ||
		found["mediaserver_slot_duration_seconds"] < 60 || found["mediaserver_mixer_members"] != 1 || found["mediaserver_mixer_rooms"] != 1 {
		t.Errorf("metrics: %v", found)
	}
}

// afterSetting is a time as it is read after the wall clock of the machine was set
// forward by whole seconds, or back. Package time cannot say that: the seconds of the
// wall clock are the bits from 30 on of the first word of a time.
func afterSetting(t time.Time, seconds int64) time.Time {
	*(*int64)(unsafe.Pointer(&t)) += seconds << 30
	return t
}

func TestSettingTheClockDoesNotChangeTheHealth(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1}) // in real time: that of a bubble has one clock only
	stop := runEngine(t, e)
	defer stop()
	<-e.NewRoom("r").Add(MemberOptions{Port: &memPort{}}).Play(clip(0, 160)).Done()
	for _, seconds := range []int64{-3600, 3600} {
		now := time.Now()
		if last := e.LastSlot(); !e.Healthy(afterSetting(now, seconds)) && now.Sub(last) < healthyFor {
			t.Errorf("clock set by %d s: unhealthy, though the last slot was %v ago", seconds, now.Sub(last))
		}
		if e.Healthy(afterSetting(now.Add(time.Minute), seconds)) {
			t.Errorf("clock set by %d s: healthy without a slot for a minute", seconds)
		}
	}
}

func TestEngineLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newTestEngine(t, Config{Workers: 2, Clock: TimeClock{}})
		if e.Healthy(time.Now()) || !e.LastSlot().IsZero() {
			t.Error("healthy before Run")
		}
		r := e.NewRoom("r")
		p := &memPort{keep: true}
		m := r.Add(MemberOptions{Port: p, Hear: true})
		play := m.Play(clip(1, 1<<20))
		stop := runEngine(t, e)
		time.Sleep(3 * time.Second)
		if !e.Healthy(time.Now()) || time.Since(e.LastSlot()) > 300*time.Millisecond || e.Healthy(time.Now().Add(2*time.Second)) {
			t.Errorf("health: last slot %v ago", time.Since(e.LastSlot()))
		}
		if err := e.Run(t.Context()); !errors.Is(err, ErrStarted) {
			t.Errorf("second Run gave %v", err)
		}
		stop()
		if e.Healthy(time.Now()) {
			t.Error("healthy after Run")
		}
		if n := len(p.sent); n < 149 || n > 151 {
			t.Errorf("sent %d frames in 3 s", n)
		}
		if !isClosed(play.Done()) || play.Ended() || !isClosed(m.Remove()) || !isClosed(r.Close()) {
			t.Error("the end of Run has left something open")
		}
		// Commands to a stopped engine are carried out at once.
		r2 := e.NewRoom("late")
		m2 := r2.Add(MemberOptions{Port: p, Prompt: clip(1, 1)})
		if !isClosed(m2.Prompt().Done()) || !isClosed(r2.Announce(clip(1, 1)).Done()) ||
			!isClosed(m2.Play(nil).Done()) || !isClosed(m2.MovePort(m)) || !isClosed(m2.Remove()) || !isClosed(r2.Close()) {
			t.Error("a stopped engine keeps somebody waiting")
		}
		if n := len(p.sent); n > 151 {
			t.Error("a stopped engine uses ports")
		}
	})
}

// TestStopWhileCommandsComeIn: whoever waits for a channel gets it closed.
func TestStopWhileCommandsComeIn(t *testing.T) {
	for round := range 20 {
		synctest.Test(t, func(t *testing.T) {
			e := newTestEngine(t, Config{Workers: 2, Clock: TimeClock{}})
			stop := runEngine(t, e)
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(uint64(round), uint64(g)))
					for range 30 {
						a, b := e.NewRoom("a"), e.NewRoom("b")
						m := a.Add(MemberOptions{Port: &memPort{}, Talk: true, Hear: true, Prompt: clip(1, 100)})
						to := b.Add(MemberOptions{})
						moved := m.MovePort(to)
						time.Sleep(time.Duration(rnd.IntN(30)) * time.Millisecond)
						gone := to.Remove()
						<-moved
						<-m.Prompt().Done()
						<-gone
						<-a.Close()
						<-b.Close()
					}
				})
			}
			time.Sleep(time.Duration(round) * 17 * time.Millisecond)
			stop()
			wg.Wait()
		})
	}
}

// TestAnHourOfConference through real workers in virtual time.
func TestAnHourOfConference(t *testing.T) {
	length := time.Hour
	if testing.Short() || raceEnabled {
		length = 3 * time.Minute
	}
	synctest.Test(t, func(t *testing.T) {
		e := newTestEngine(t, Config{Workers: 2, Clock: TimeClock{}})
		r := e.NewRoom("r")
		stop := runEngine(t, e)
		last := [3]*lastPort{}
		for i := range last {
			last[i] = &lastPort{value: int16(100 * (i + 1))}
			r.Add(MemberOptions{Port: last[i], Talk: true, Hear: true})
		}
		second := audio.Clip{Rate: 8000, Samples: make([]int16, 8000)}
		p := r.Announce(audio.Sequence(slices.Repeat([]audio.Clip{second}, int(length.Seconds())), false))
		<-p.Done()
		stop()
		want := int64(length / (20 * time.Millisecond))
		for i, l := range last {
			if l.frames < want-2 || l.frames > want+2 || l.gaps != 0 {
				t.Errorf("port %d: %d frames with %d gaps, want %d", i, l.frames, l.gaps, want)
			}
			if heard := int16(600 - 100*(i+1)); l.wrong > 3 || l.heard != heard {
				t.Errorf("port %d: hears %d, want %d; %d frames were wrong", i, l.heard, heard, l.wrong)
			}
		}
		if e.Skipped() != 0 || !p.Ended() {
			t.Errorf("skipped %d frames, ended %v", e.Skipped(), p.Ended())
		}
	})
}

// lastPort is a port for long runs.
type lastPort struct {
	value  int16
	heard  int16
	next   int64
	frames int64
	gaps   int
	wrong  int // frames in which not all samples were the same
}

func (p *lastPort) Codec() audio.Codec { return nil }

func (p *lastPort) Receive(frame int64, _ time.Time, pcm []int16) Status {
	return constant(p.value)(frame, pcm)
}

func (p *lastPort) Send(frame int64, _ time.Time, out Output) {
	if p.frames > 0 && frame != p.next {
		p.gaps++
	}
	p.next = frame + 1
	p.frames++
	p.heard = out.PCM[len(out.PCM)-1]
	if out.PCM[0] != p.heard {
		p.wrong++
	}
}

// TestMovesBetweenRunningWorkers: ports wander between rooms of workers that
// run, each used by one worker at a time and once per frame.
func TestMovesBetweenRunningWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newTestEngine(t, Config{Workers: 3, Clock: TimeClock{}})
		var rooms []*Room
		for range 20 {
			rooms = append(rooms, e.NewRoom("r"))
		}
		stop := runEngine(t, e)
		var ports []*memPort
		var wg sync.WaitGroup
		for g := range 16 {
			p := &memPort{keep: true, input: tone(8000, float64(300+50*g), 1000)}
			ports = append(ports, p)
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(9, uint64(g)))
				at := rooms[rnd.IntN(len(rooms))].Add(MemberOptions{Port: p, Talk: true, Hear: true})
				for range 150 {
					time.Sleep(time.Duration(rnd.IntN(90)) * time.Millisecond)
					to := rooms[rnd.IntN(len(rooms))].Add(MemberOptions{Talk: rnd.IntN(2) == 0, Hear: true})
					moved := at.MovePort(to)
					if rnd.IntN(3) > 0 {
						<-moved
					}
					at.Remove()
					if rnd.IntN(4) == 0 {
						at.Room().Announce(clip(50, rnd.IntN(500)))
						to.Play(clip(70, rnd.IntN(500)))
					}
					at = to
				}
				<-at.Remove()
			})
		}
		wg.Wait()
		for i, p := range ports {
			consecutive(t, "received", p.received)
			if len(p.sent) < 100 || !slices.Equal(p.received, p.sent) {
				t.Errorf("port %d: %d frames received, %d sent", i, len(p.received), len(p.sent))
			}
		}
		stop()
		if e.Skipped() != 0 {
			t.Errorf("skipped %d frames", e.Skipped())
		}
	})
}

// TestSystemClock: the engine on the real clock plays at the real pace.
func TestSystemClock(t *testing.T) {
	leaktest.Check(t)
	e := newTestEngine(t, Config{Workers: 2})
	stop := runEngine(t, e)
	defer stop()
	m := e.NewRoom("r").Add(MemberOptions{Port: &memPort{}})
	start := time.Now()
	<-m.Play(clip(0, 2400)).Done()
	took := time.Since(start)
	if took < 280*time.Millisecond || took > time.Minute {
		t.Errorf("300 ms took %v", took)
	}
	for range 2 {
		clock, err := newSystemClock()
		if err != nil {
			t.Fatal(err)
		}
		due := clock.Now().Add(3 * time.Millisecond)
		clock.SleepUntil(due)
		if now := clock.Now(); now.Before(due) {
			t.Errorf("woken %v early", due.Sub(now))
		}
		clock.SleepUntil(due.Add(-time.Hour)) // at once
		if c, ok := clock.(io.Closer); ok {
			c.Close() //nolint:errcheck // a timer
		}
	}
}

func TestSkippedFramesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		e := newTestEngine(t, Config{Workers: 1, Clock: TimeClock{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		stop := runEngine(t, e)
		time.Sleep(time.Second)
		e.workers[0].skipped.Add(5)
		time.Sleep(40 * time.Second)
		stop()
		if n := strings.Count(log.String(), "frames=5"); n != 1 {
			t.Errorf("logged %d times: %s", n, log.String())
		}
	})
}

// noticePort asks for a notice in some frames.
type noticePort struct {
	memPort
	slotRuns *bool
	inside   int
}

func (p *noticePort) Receive(frame int64, _ time.Time, _ []int16) Status {
	*p.slotRuns = true
	if frame%3 == 0 {
		return Notice
	}
	return 0
}

func (p *noticePort) Send(int64, time.Time, Output) { *p.slotRuns = false }

func (p *noticePort) Notify() {
	p.notices.Add(1)
	if *p.slotRuns {
		p.inside++
	}
}

// TestNoticesComeAfterTheSends, once each, also for a port that leaves.
func TestNoticesComeAfterTheSends(t *testing.T) {
	e := newTestEngine(t, Config{Workers: 1})
	a, b := roomAt(t, e, 0, 2), roomAt(t, e, 0, 1)
	runs := false
	p := &noticePort{slotRuns: &runs}
	m, to := a.Add(MemberOptions{Port: p}), b.Add(MemberOptions{})
	st := stepper{e: e}
	st.frames(9)
	m.MovePort(to)
	st.frames(9)
	if n := p.notices.Load(); n != 6 || p.inside != 0 {
		t.Errorf("%d notices, %d before the sends; want 6, 0", n, p.inside)
	}
}

// TestSlotsDoNotAllocate, with commands of all kinds waiting.
func TestSlotsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	e := newTestEngine(t, Config{Workers: 2})
	var rooms []*Room
	for range 16 {
		rooms = append(rooms, e.NewRoom("r"))
	}
	st := stepper{e: e}
	rnd := rand.New(rand.NewPCG(4, 4))
	var members []*Member
	ports := make([]*lastPort, 4000)
	for i := range ports {
		ports[i] = &lastPort{value: int16(i)}
	}
	for round := range 40 {
		for range 50 {
			r := rooms[rnd.IntN(len(rooms))]
			m := r.Add(MemberOptions{Port: ports[len(members)], Talk: true, Hear: rnd.IntN(3) > 0, Prompt: clip(1, rnd.IntN(400))})
			members = append(members, m)
			other := members[rnd.IntN(len(members))]
			switch rnd.IntN(8) {
			case 0:
				other.Remove()
			case 1:
				other.MovePort(m)
			case 2:
				other.Inject(clip(5, rnd.IntN(400)))
			case 3:
				r.Announce(clip(5, rnd.IntN(400))).Stop()
			case 4:
				other.Set(rnd.IntN(2) == 0, rnd.IntN(2) == 0)
			case 5:
				e.NewRoom("x").Close()
			}
		}
		runs := 0
		if n := testing.AllocsPerRun(1, func() {
			if runs++; runs == 2 { // the first run is not counted: keep the commands for the second
				st.frames(2)
			}
		}); n > 0 {
			t.Fatalf("round %d: %v allocations in two frames with 50 commands", round, n)
		}
	}
}

// TestParkedWorkersWakeForCommands: a room on an idle worker is served from the
// next slot of its place on, and a port that moves there loses no frame.
func TestParkedWorkersWakeForCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newTestEngine(t, Config{Workers: 4, Clock: TimeClock{}})
		defer runEngine(t, e)()
		rnd := rand.New(rand.NewPCG(2, 2))
		for range 100 {
			time.Sleep(time.Second + time.Duration(rnd.IntN(20_000))*time.Microsecond)
			first := &memPort{}
			var waited atomic.Int64
			made := time.Now()
			first.input = func(int64, []int16) Status {
				waited.CompareAndSwap(0, int64(time.Since(made)))
				return 0
			}
			home := e.NewRoom("home")
			home.Add(MemberOptions{Port: first})
			p := &memPort{keep: true}
			m := home.Add(MemberOptions{Port: p})
			time.Sleep(time.Duration(100_000+rnd.IntN(20_000)) * time.Microsecond)
			if d := time.Duration(waited.Load()); d == 0 || d > 20*time.Millisecond {
				t.Fatalf("first served after %v", d)
			}
			away := e.NewRoom("away")
			to := away.Add(MemberOptions{})
			asked := time.Now()
			<-m.MovePort(to)
			// To the end of a frame and that of another, by workers that take turns.
			if d := time.Since(asked); d > 45*time.Millisecond {
				t.Fatalf("the move took %v", d)
			}
			time.Sleep(100 * time.Millisecond)
			<-home.Close()
			lost := e.NewRoom("lost")
			nobody := lost.Add(MemberOptions{})
			<-lost.Close()
			time.Sleep(time.Second) // its worker is parked again
			asked = time.Now()
			<-to.MovePort(nobody)
			if d := time.Since(asked); d > 60*time.Millisecond {
				t.Fatalf("the move to a closed room took %v", d)
			}
			consecutive(t, "sent", p.sent)
			if late := time.Duration(p.sent[len(p.sent)-1]-p.sent[0]) * 20 * time.Millisecond; late < 1100*time.Millisecond {
				t.Fatalf("served for %v only", late)
			}
			<-away.Close()
		}
		if e.Skipped() != 0 {
			t.Errorf("skipped %d frames", e.Skipped())
		}
	})
}
