package mixer

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// costly is a port whose Send takes time.
type costly struct {
	barePort
	clock *lateClock
	cost  time.Duration
}

func (p *costly) Send(int64, time.Time, Output) {
	p.clock.mu.Lock()
	p.clock.now = p.clock.now.Add(p.cost)
	p.clock.mu.Unlock()
}

// runFor runs an engine with ports of a cost for a while of its own time.
func runFor(t *testing.T, d time.Duration, workers, ports int, cost time.Duration, late map[time.Duration]time.Duration, reg prometheus.Registerer) *Engine {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	clock := &lateClock{now: epoch, end: epoch.Add(d), stop: cancel, late: late}
	e := newTestEngine(t, Config{Workers: workers, Clock: clock, Metrics: NewMetrics(reg)})
	for range ports {
		e.NewRoom("r").Add(MemberOptions{Port: &costly{clock: clock, cost: cost}, Hear: true})
	}
	if err := e.Run(ctx); err == nil {
		t.Fatal("Run gave no error")
	}
	return e
}

func TestHeadroomIsWhatTheSlotsLeave(t *testing.T) {
	// The prior of 64 ports at 8 µs is in the average cost.
	average := func(ports int, cost time.Duration) float64 {
		return (float64(ports)*float64(cost) + priorPorts*float64(priorCost)) / float64(ports+priorPorts)
	}
	for name, tc := range map[string]struct {
		ports int
		cost  time.Duration
	}{
		"nobody there":          {0, 0},
		"a few":                 {8, 100 * time.Microsecond},
		"half full":             {100, 50 * time.Microsecond},
		"more than is allowed":  {100, 110 * time.Microsecond},
		"far too many, so late": {100, 250 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			e := runFor(t, 10*time.Second, 1, tc.ports, tc.cost, nil, nil)
			h := e.Headroom()
			used := time.Duration(tc.ports) * tc.cost
			left := max(0, 10*time.Millisecond-used)
			want := float64(left) / average(tc.ports, tc.cost)
			if math.Abs(float64(h.Fit)-want) > 0.05*want+1 {
				t.Errorf("%d ports fit, want %.0f: %+v", h.Fit, want, h)
			}
			if share := float64(used) / float64(20*time.Millisecond); math.Abs(h.Used-share) > 0.02*share {
				t.Errorf("used %.3f of the time, want %.3f", h.Used, share)
			}
		})
	}
}

// TestTimeOfSlotsIsCounted: 100 ports of 50 µs in 10 s of 500 frames take 2.5 s.
func TestTimeOfSlotsIsCounted(t *testing.T) {
	e := runFor(t, 10*time.Second, 1, 100, 50*time.Microsecond, nil, nil)
	if spent := gathered(t, e.cfg.Metrics.spent); math.Abs(spent-2.5) > 0.01 {
		t.Errorf("%.3f s", spent)
	}
}

func TestLatenessTakesTheHeadroomOnlyFromABusyEngine(t *testing.T) {
	late := map[time.Duration]time.Duration{}
	for at := time.Duration(0); at < 10*time.Second; at += 40 * time.Millisecond {
		late[at] = 16 * time.Millisecond
	}
	if h := runFor(t, 10*time.Second, 1, 8, 10*time.Microsecond, late, nil).Headroom(); h.Fit < 500 || h.Late < lateAllowed {
		t.Errorf("an idle engine on a noisy machine: %+v", h)
	}
	if h := runFor(t, 10*time.Second, 1, 100, 60*time.Microsecond, late, nil).Headroom(); h.Fit != 0 || h.Late < lateAllowed {
		t.Errorf("an engine that has something to do: %+v", h)
	}
}

func TestHeadroomComesBackWhenAllHaveGone(t *testing.T) {
	e := runFor(t, 5*time.Second, 1, 100, 150*time.Microsecond, nil, nil)
	if h := e.Headroom(); h.Fit != 0 {
		t.Fatalf("a full engine: %+v", h)
	}
	e.workers[0].rest()
	if h := e.Headroom(); h.Fit < 1000 || h.Used != 0 {
		t.Errorf("an idle engine: %+v", h)
	}
}

// counters are the values of the counters with a cause.
func counters(t *testing.T, reg *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return got
}

func TestLateSlotsAreCountedByCause(t *testing.T) {
	reg := prometheus.NewRegistry()
	// 4 of 8 rooms are in the slots 0 and 1 of the worker, of 7 ms each: the
	// next slot begins 2 ms late.
	runFor(t, time.Second, 1, 4, 7*time.Millisecond, nil, reg)
	if got := counters(t, reg, "mediaserver_slots_late_total"); got["work"]+got["gc"] < 30 || got["scheduling"] > 1 {
		t.Errorf("slots that take too long: %v", got)
	}
	reg = prometheus.NewRegistry()
	runFor(t, time.Second, 1, 4, time.Microsecond, map[time.Duration]time.Duration{
		100 * time.Millisecond: 3 * time.Millisecond, 300 * time.Millisecond: 500 * time.Microsecond, 500 * time.Millisecond: 7 * time.Millisecond,
	}, reg)
	got := counters(t, reg, "mediaserver_slots_late_total")
	if got["scheduling"]+got["gc"] != 3 || got["work"] != 0 { // 3 ms; 7 ms and the 2 ms after it
		t.Errorf("slots that begin late: %v", got)
	}
	if s := counters(t, reg, "mediaserver_slots_late_seconds_total"); math.Abs(s["scheduling"]+s["gc"]-0.012) > 1e-4 {
		t.Errorf("late by %v", s)
	}
}

func TestCauseOfLateness(t *testing.T) {
	w := newTestEngine(t, Config{Workers: 1}).workers[0]
	m := w.engine.cfg.Metrics
	due := epoch
	for name, tc := range map[string]struct {
		before, now uint64
		ended       time.Duration // of the last slot after due
		hard        bool
		want        *lateCause
	}{
		"a pause":                      {4, 6, -time.Millisecond, true, &m.lateByGC},
		"the collector at work":        {5, 5, -time.Millisecond, true, &m.lateByGC},
		"the slot before took long":    {4, 4, time.Millisecond, true, &m.lateByWork},
		"the slot before was held up":  {4, 4, time.Millisecond, false, &m.lateByScheduling},
		"nothing but the system known": {4, 4, -time.Millisecond, true, &m.lateByScheduling},
	} {
		t.Run(name, func(t *testing.T) {
			watch := &stopwatch{worker: w, paused: tc.before, ended: due.Add(tc.ended), hard: tc.hard}
			if got := watch.cause(due, tc.now, m); got != tc.want {
				t.Error("counted as something else")
			}
		})
	}
}

// TestStallHealsAtOnce: 500 ms without the processor. The first slot after it
// is late by less than a frame, those after it are in time, nothing is sent twice.
func TestStallHealsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	clock := &lateClock{
		now: epoch, end: epoch.Add(2 * time.Second), stop: cancel,
		late: map[time.Duration]time.Duration{time.Second: 500 * time.Millisecond},
	}
	reg := prometheus.NewRegistry()
	e := newTestEngine(t, Config{Workers: 1, Clock: clock, Metrics: NewMetrics(reg)})
	p := &memPort{keep: true}
	var times []time.Duration
	p.input = func(int64, []int16) Status { times = append(times, clock.now.Sub(epoch)); return 0 }
	e.NewRoom("r").Add(MemberOptions{Port: p})
	if err := e.Run(ctx); err == nil {
		t.Fatal("Run gave no error")
	}
	healed := -1
	for i, f := range p.sent {
		if i > 0 && f <= p.sent[i-1] {
			t.Fatal("a frame was sent again")
		}
		due := e.due(f * SlotsPerFrame)
		if times[i] < 1500*time.Millisecond {
			continue
		}
		if late := times[i] - due; late > 20*time.Millisecond {
			t.Errorf("frame %d was %v late after the stall", f, late)
		}
		if healed < 0 && times[i] == due {
			healed = i
			if times[i] > 1600*time.Millisecond {
				t.Errorf("in time again after %v", times[i]-1500*time.Millisecond)
			}
		}
	}
	if healed < 0 || e.Skipped() != 25 {
		t.Errorf("skipped %d frames, want 25", e.Skipped())
	}
	if got := counters(t, reg, "mediaserver_slots_late_total"); got["scheduling"]+got["gc"] > 1 {
		t.Errorf("causes: %v", got)
	}
}

// threadClock is a clock whose goroutine's thread has used some time.
type threadClock struct {
	TimeClock
	now  time.Time
	used time.Duration
}

func (c *threadClock) Now() time.Time           { return c.now }
func (c *threadClock) Processor() time.Duration { return c.used }

// TestSlotOnAnotherThreadCountsAsUsual: slots take 2 ms, half of it on the
// processor; one ends on another thread than it began on, of which the clock says
// nothing about the slot.
func TestSlotOnAnotherThreadCountsAsUsual(t *testing.T) {
	for _, other := range []time.Duration{-5 * time.Second, time.Hour} {
		e := newTestEngine(t, Config{Workers: 1, Metrics: NewMetrics(nil)})
		clock := &threadClock{now: epoch, used: 10 * time.Second}
		w := e.workers[0]
		watch := newStopwatch(w, clock)
		slot := func(jump time.Duration) {
			begin, busy := clock.now, watch.busy()
			clock.now, clock.used = begin.Add(2*time.Millisecond), busy+time.Millisecond+jump
			watch.done(w.slots[0], begin, begin, busy)
		}
		for range 1000 {
			slot(0)
		}
		before := gathered(t, e.cfg.Metrics.spent)
		slot(other)
		if spent := gathered(t, e.cfg.Metrics.spent) - before; math.Abs(spent-0.001) > 1e-5 {
			t.Errorf("a clock %v off: %.6f s", other, spent)
		}
	}
}

// gathered is the value of a counter.
func gathered(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
