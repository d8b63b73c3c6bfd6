package mixer

import (
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// Headroom says how much more an engine can do.
type Headroom struct {
	Fit   int     // ports that fit besides those there are
	Ports int     // that were served in the last frame
	Used  float64 // of the workers' time, the share that slots have taken lately
	Late  float64 // of the slots, the share that began more than a slot too late lately
}

const (
	// priorPorts, each at a cost of priorCost, are imagined besides the real
	// ports, so that a few of them do not tell what a thousand will cost.
	priorPorts = 64
	priorCost  = 8 * time.Microsecond
	// usedShift: what a slot costs is averaged over some 2^5 frames.
	usedShift = 5
	// lateShift: lateness is averaged over some 2^9 slots, two and a half seconds.
	lateShift = 9
	lateOne   = 1 << 30 // all slots are late
	// lateAllowed is the share of late slots above which nothing fits, if the
	// slots have also used lateUsed of what they may: else others are to blame,
	// and it would not help to refuse anybody.
	lateAllowed = 0.2
	lateUsed    = 0.5
)

// meter measures what a slot costs.
type meter struct {
	used   atomic.Int64 // ns per frame
	ports  atomic.Int64 // to which that belongs, of portOne
	served atomic.Int64 // ports in the last frame
}

const portOne = 1 << 10

func (m *meter) add(spent time.Duration, served int) {
	used, ports := m.used.Load(), m.ports.Load()
	m.used.Store(used + (int64(spent)-used)>>usedShift)
	m.ports.Store(ports + (int64(served)*portOne-ports)>>usedShift)
	m.served.Store(int64(served))
}

// Headroom is measured: what slots have cost over the last second or so, in
// processor time where the system tells it, and how late they began. A port is
// taken to cost what those that there are cost on average.
func (e *Engine) Headroom() Headroom {
	var used, left, ports, served int64
	var late float64
	length := int64(e.cfg.Format.Ptime / SlotsPerFrame)
	allowed := int64(float64(length) * e.cfg.MaxLoad)
	for _, w := range e.workers {
		late = max(late, float64(w.late.Load())/lateOne)
		for _, s := range w.slots {
			u := s.meter.used.Load()
			used += u
			ports += s.meter.ports.Load()
			served += s.meter.served.Load()
			left += max(0, allowed-u)
		}
	}
	ports /= portOne
	cost := float64(used+priorPorts*int64(priorCost)) / float64(ports+priorPorts)
	fit := int(float64(left)/cost) - int(served-ports) // some have come meanwhile
	share := float64(used) / float64(length*int64(len(e.workers))*SlotsPerFrame)
	h := Headroom{Fit: max(0, fit), Ports: int(served), Used: share, Late: late}
	if late > lateAllowed && share > lateUsed*e.cfg.MaxLoad {
		h.Fit = 0
	}
	return h
}

// rest forgets what was measured: the worker has nothing to do.
func (w *worker) rest() {
	w.late.Store(0)
	for _, s := range w.slots {
		s.meter.used.Store(0)
		s.meter.ports.Store(0)
		s.meter.served.Store(0)
	}
}

// processorClock is implemented by clocks that know how much processor time
// the caller's thread has used.
type processorClock interface{ Processor() time.Duration }

// stopwatch measures the slots of one worker.
type stopwatch struct {
	worker    *worker
	clock     Clock
	processor processorClock // nil: time is what counts

	pauses []metrics.Sample // of the garbage collector
	paused uint64           // how many there were at the end of the last slot
	ended  time.Time        // the last slot
	hard   bool             // the last slot was at work for long, and for most of its time
	took   time.Duration    // the last slot
	last   *lateCause       // why the last slot began late; nil: it did not
}

// pausesMetric counts the pauses of the garbage collector, two in each cycle.
const pausesMetric = "/sched/pauses/total/gc:seconds"

func newStopwatch(w *worker, clock Clock) *stopwatch {
	t := &stopwatch{worker: w, clock: clock, pauses: []metrics.Sample{{Name: pausesMetric}}}
	t.processor, _ = clock.(processorClock)
	t.paused = t.countPauses()
	return t
}

// countPauses is the number of the collector's pauses so far.
func (t *stopwatch) countPauses() (n uint64) {
	metrics.Read(t.pauses)
	if t.pauses[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0
	}
	for _, count := range t.pauses[0].Value.Float64Histogram().Counts {
		n += count
	}
	return n
}

// busy is the processor time used so far, where it is known.
func (t *stopwatch) busy() time.Duration {
	if t.processor == nil {
		return 0
	}
	return t.processor.Processor()
}

// lateFrom is how late a slot must begin for its cause to be counted.
const lateFrom = time.Millisecond

// done takes note of a slot that was due, begun and has now ended; busy is the
// processor time before it.
func (t *stopwatch) done(s *slot, due, begun time.Time, busy time.Duration) {
	w, m := t.worker, t.worker.engine.cfg.Metrics
	end := t.clock.Now()
	took := end.Sub(begun)
	spent := took
	if t.processor != nil {
		if spent = t.busy() - busy; spent < 0 || spent > took { // the thread has changed
			spent = min(took, time.Duration(s.meter.used.Load()))
		}
	}
	s.meter.add(spent, s.ports)
	m.spent.Add(spent.Seconds())
	if len(s.sections) > 0 {
		m.duration.Observe(took.Seconds())
	}
	late, length := begun.Sub(due), w.engine.cfg.Format.Ptime/SlotsPerFrame
	m.lateness.Observe(late.Seconds())
	pauses := t.countPauses()
	share := w.late.Load()
	var now int64
	if late > length {
		now = lateOne
	}
	w.late.Store(share + (now-share)>>lateShift)
	if late > lateFrom {
		t.last = t.cause(due, pauses, m)
		t.last.add(late)
	} else {
		t.last = nil
	}
	t.paused, t.ended, t.took, t.hard = pauses, end, took, spent > took/2 && spent > length/2
	w.served(end)
}

// cause tells why a slot began late.
func (t *stopwatch) cause(due time.Time, pauses uint64, m *Metrics) *lateCause {
	switch {
	case pauses != t.paused || pauses%2 == 1: // there was a pause, or the collector is at work
		return &m.lateByGC
	case t.ended.After(due) && t.hard:
		return &m.lateByWork
	case t.ended.After(due) && t.last != nil: // it has not been made up for yet
		return t.last
	default:
		return &m.lateByScheduling
	}
}
