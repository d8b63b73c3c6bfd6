package mixer

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// worker serves its slots, one after the other, for ever.
type worker struct {
	engine  *Engine
	index   int
	slots   [SlotsPerFrame]*slot
	last    atomic.Int64 // when the last slot was finished [ns since 1970]; 0: never
	skipped atomic.Int64 // frames
}

func newWorker(e *Engine, index int) *worker {
	w := &worker{engine: e, index: index}
	for i := range w.slots {
		w.slots[i] = newSlot(e, i)
	}
	return w
}

// run serves slots until ctx ends. Slot n is due at start + n·(a quarter of a
// frame). A worker that is late serves slot after slot without a pause; one
// that is more than MaxLateness late leaves out whole frames first.
func (w *worker) run(ctx context.Context, start time.Time) {
	e := w.engine
	if e.locked {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	m := e.cfg.Metrics
	for n := int64(0); ctx.Err() == nil; n = w.after(n) {
		due := start.Add(e.due(n))
		e.clock.SleepUntil(due)
		now := e.clock.Now()
		if frames := e.skip(now.Sub(due)); frames > 0 {
			w.skipped.Add(frames)
			m.skipped.Add(float64(frames))
			n += frames * SlotsPerFrame
			due = start.Add(e.due(n))
		}
		busy := len(w.slots[n%SlotsPerFrame].rooms) > 0
		e.slot(w.index, n, now)
		end := e.clock.Now()
		w.last.Store(end.UnixNano())
		m.lateness.Observe(now.Sub(due).Seconds())
		if busy {
			m.duration.Observe(end.Sub(now).Seconds())
		}
	}
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

// after is the slot to be served after slot n: the next one, or that of the
// next frame when there is nothing to do.
func (w *worker) after(n int64) int64 {
	for _, s := range w.slots {
		if !s.idle() {
			return n + 1
		}
	}
	return n - n%SlotsPerFrame + SlotsPerFrame
}

// slot serves slot n of a worker: all rooms placed on (worker, n mod 4) get
// frame n / 4. It needs no clock and no goroutine.
func (e *Engine) slot(worker int, n int64, now time.Time) {
	s := e.workers[worker].slots[n%SlotsPerFrame]
	s.serve(n/SlotsPerFrame, now)
	s.told.deliver()
}
