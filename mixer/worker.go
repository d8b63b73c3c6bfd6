package mixer

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"mediaserver/internal/realtime"
)

// worker serves its slots, one after the other, for ever.
type worker struct {
	engine  *Engine
	index   int
	slots   [SlotsPerFrame]*slot
	told    events       // see slot.told
	last    atomic.Int64 // when the last slot was finished [ns since Engine.made]; 0: never
	skipped atomic.Int64 // frames
	late    atomic.Int64 // share of slots that began late, of lateOne
	parked  atomic.Bool  // waits on wake
	wake    chan struct{}
}

// parkedFor is how long a worker without rooms sleeps when nobody wakes it.
const parkedFor = healthyFor / 4

func newWorker(e *Engine, index int) *worker {
	w := &worker{engine: e, index: index, wake: make(chan struct{}, 1)}
	for i := range w.slots {
		w.slots[i] = newSlot(e, w, i)
	}
	return w
}

// run serves slots until ctx ends. Slot n is due at start + n·(a quarter of a
// frame). A worker that is late serves slot after slot without a pause; one
// that is more than MaxLateness late leaves out whole frames first.
func (w *worker) run(ctx context.Context, start time.Time) {
	e := w.engine
	clock := e.workerClock()
	if c, ok := clock.(io.Closer); ok {
		defer c.Close() //nolint:errcheck // a timer: nothing can be lost
	}
	watch := newStopwatch(w, clock)
	for n := int64(0); ctx.Err() == nil; n++ {
		if w.idle() {
			w.rest()
			n = w.park(ctx, start, n)
		}
		due := start.Add(e.due(n))
		clock.SleepUntil(due)
		if e.cfg.Realtime {
			realtime.Thread()
		}
		now := clock.Now()
		if frames := e.skip(now.Sub(due)); frames > 0 {
			w.skipped.Add(frames)
			e.cfg.Metrics.skipped.Add(float64(frames))
			n += frames * SlotsPerFrame
			due = start.Add(e.due(n))
		}
		if w.overlaps(now.Sub(due) + watch.took) {
			e.lookout.call()
		}
		busy := watch.busy()
		e.slot(w.index, n, now)
		watch.done(w.slots[n%SlotsPerFrame], due, now, busy)
	}
}

// served notes when a slot was finished. The wall clock, which may be set at any time,
// does not count.
func (w *worker) served(at time.Time) { w.last.Store(max(1, int64(at.Sub(w.engine.made)))) }

// offset is how much later than those of the first worker its slots begin: the
// workers take turns, so that not all processors are busy at the same time.
func (w *worker) offset() time.Duration {
	e := w.engine
	return time.Duration(w.index) * e.turnTime()
}

// overlaps tells whether a slot that ends so long after it was due may go on when
// the next worker's turn comes.
func (w *worker) overlaps(end time.Duration) bool {
	return end > w.engine.turnTime()*3/4 && len(w.engine.workers) > 1
}

// turnTime is the time between the turns of two workers.
func (e *Engine) turnTime() time.Duration {
	return e.cfg.Format.Ptime / SlotsPerFrame / time.Duration(e.cfg.Workers)
}

// workerClock is what a worker sleeps by. Without a system clock package time
// has to do.
func (e *Engine) workerClock() Clock {
	if !e.precise {
		return e.clock
	}
	clock, err := newSystemClock()
	if err != nil {
		e.cfg.Logger.Warn("no precise clock, media will be up to 1 ms late", "error", err)
		return e.clock
	}
	return clock
}

// due is the time of slot n after that of slot 0.
func (e *Engine) due(n int64) time.Duration {
	frame := e.cfg.Format.Ptime
	return time.Duration(n/SlotsPerFrame)*frame + time.Duration(n%SlotsPerFrame)*frame/SlotsPerFrame
}

// skip says how many whole frames a worker leaves out that is so late.
func (e *Engine) skip(late time.Duration) (frames int64) {
	if late <= MaxLateness {
		return 0
	}
	return int64(late / e.cfg.Format.Ptime)
}

// idle reports whether the worker has nothing to do.
func (w *worker) idle() bool {
	if w.engine.cfg.Transport != nil && w.engine.rooms.Load() > 0 {
		return false // it may take in what is for a port of another worker
	}
	for _, s := range w.slots {
		if !s.idle() {
			return false
		}
	}
	return true
}

// park waits for a command, for a while, and returns the slot to go on with:
// n or, when that is past, the next one that is not. With a clock from outside
// it does not wait but goes on with the next frame.
func (w *worker) park(ctx context.Context, start time.Time, n int64) int64 {
	e := w.engine
	if !e.parks {
		return (n + SlotsPerFrame - 1) / SlotsPerFrame * SlotsPerFrame
	}
	w.parked.Store(true)
	if w.idle() { // nothing has come in before somebody could see it parked
		timer := time.NewTimer(parkedFor)
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	w.parked.Store(false)
	past := e.clock.Now().Sub(start)
	for n = max(n, int64(past/e.cfg.Format.Ptime)*SlotsPerFrame); e.due(n) < past; n++ {
	}
	return n
}

// unpark wakes the worker if it is parked.
func (w *worker) unpark() {
	if w.parked.Load() {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// slot serves slot n of a worker: all rooms placed on (worker, n mod 4) get
// frame n / 4. It needs no clock and no goroutine.
func (e *Engine) slot(worker int, n int64, now time.Time) {
	s := e.workers[worker].slots[n%SlotsPerFrame]
	s.serve(n/SlotsPerFrame, now)
	s.told.deliver()
	if s.handed {
		s.handed = false
		for _, w := range e.workers {
			w.unpark()
		}
	}
}
