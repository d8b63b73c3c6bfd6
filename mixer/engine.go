package mixer

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"mediaserver/audio"
)

const (
	// healthyFor is how long a worker may be without a slot and still count as
	// alive.
	healthyFor = time.Second
	// reportEvery is how often skipped frames are logged.
	reportEvery = 10 * time.Second
)

// Engine mixes rooms. Make it with New and start it with Run.
type Engine struct {
	cfg      Config
	clock    Clock
	made     time.Time // by the clock
	lookout  lookout
	precise  bool // each worker has a system clock of its own, which agrees with clock
	parks    bool // workers without rooms wait by package time
	samples  int  // of a frame
	gate     uint64
	hang     int32 // frames of GateHangover
	patience int64 // frames for which a section that is late is waited for

	workers []*worker

	mu       sync.Mutex // guards placement: slot.placed, slot.capacity, and Room.Close
	nextID   atomic.Uint64
	rooms    atomic.Int64 // not closed
	started  atomic.Bool
	stopped  atomic.Bool // workers have ended: commands are carried out by who gives them
	finishMu sync.Mutex  // held while carrying out commands of a stopped engine
}

// New makes an engine. It starts nothing. The error wraps ErrConfig.
func New(cfg Config) (*Engine, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, clock: cfg.Clock, lookout: newLookout(), precise: cfg.Clock == nil, samples: cfg.Format.Samples()}
	if e.precise {
		e.clock = TimeClock{}
	}
	e.made = e.clock.Now()
	_, e.parks = e.clock.(TimeClock)
	e.gate = audio.EnergyAt(GateLevel, e.samples)
	e.hang = int32((GateHangover + cfg.Format.Ptime - 1) / cfg.Format.Ptime)
	e.patience = max(1, int64(MaxLateness/cfg.Format.Ptime))
	for i := range cfg.Workers {
		e.workers = append(e.workers, newWorker(e, i))
	}
	return e, nil
}

// Format is the format of all ports and sources.
func (e *Engine) Format() audio.Format { return e.cfg.Format }

// Run runs the workers until ctx ends, and returns when all have stopped:
// context.Cause(ctx), or ErrStarted for a second call. All rooms are closed
// then, every channel the engine has handed out is closed, and no port is in
// use any more.
func (e *Engine) Run(ctx context.Context) error {
	if !e.started.CompareAndSwap(false, true) {
		return ErrStarted
	}
	start := e.clock.Now()
	var running, looking sync.WaitGroup
	looking.Go(e.lookout.run)
	for _, w := range e.workers {
		w.served(start)
		running.Go(func() { w.run(ctx, start.Add(w.offset())) })
	}
	e.reportUntilDone(ctx)
	running.Wait()
	e.lookout.close()
	looking.Wait()
	e.stopped.Store(true)
	e.finish()
	return context.Cause(ctx)
}

// reportUntilDone logs frames that were skipped, now and then.
func (e *Engine) reportUntilDone(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	var reported int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n := e.Skipped(); n != reported {
			e.cfg.Logger.Warn("media workers were too late and skipped frames",
				slog.Int64("frames", n-reported), slog.Int64("frames_total", n))
			reported = n
		}
	}
}

// Skipped is the number of whole frames that workers have left out because
// they were later than MaxLateness.
func (e *Engine) Skipped() int64 {
	var n int64
	for _, w := range e.workers {
		n += w.skipped.Load()
	}
	return n
}

// LastSlot is the time when the worker that is furthest behind last finished a
// slot; the zero time before Run.
func (e *Engine) LastSlot() time.Time {
	least := int64(math.MaxInt64)
	for _, w := range e.workers {
		least = min(least, w.last.Load())
	}
	if least == 0 {
		return time.Time{}
	}
	return e.made.Add(time.Duration(least))
}

// Healthy reports whether the media clock runs at the time now: all workers
// have finished a slot within the last second.
func (e *Engine) Healthy(now time.Time) bool {
	last := e.LastSlot()
	return !last.IsZero() && !e.stopped.Load() && now.Sub(last) < healthyFor
}

// NewRoom makes an empty room on the least loaded (worker, slot). The name is
// for logs only. The room lives until Close.
func (e *Engine) NewRoom(name string) *Room {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := newRoom(e, e.leastLoaded(anywhere), name)
	e.cfg.Metrics.rooms.Inc()
	if e.rooms.Add(1) == 1 && e.cfg.Transport != nil {
		for _, w := range e.workers {
			w.unpark()
		}
	}
	e.place(r.home)
	return r
}

// post queues a command for a slot. Once the workers have ended it is carried
// out at once.
func (e *Engine) post(s *slot, n *node) {
	s.queue.push(n)
	s.worker.unpark()
	if e.stopped.Load() {
		e.finish()
	}
}

// finish carries out all queued commands after the workers have ended, and
// closes all rooms.
func (e *Engine) finish() {
	e.finishMu.Lock()
	defer e.finishMu.Unlock()
	for again := true; again; {
		again = false
		for _, w := range e.workers {
			for _, s := range w.slots {
				again = s.finish() || again
			}
		}
	}
}
