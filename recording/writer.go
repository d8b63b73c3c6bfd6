package recording

import (
	"sync"
	"sync/atomic"
	"time"
)

// writer brings what is queued in its recordings to the disk.
type writer struct {
	store *Store
	wake  chan struct{} // a recording has come or ended
	load  atomic.Int64  // recordings

	mu       sync.Mutex
	incoming []*Recording

	// The goroutine's.
	recordings []*Recording
	scratch    []byte
	waiting    int64 // frames found in the queues, in the metric
}

func (w *writer) add(r *Recording) {
	w.load.Add(1)
	w.mu.Lock()
	w.incoming = append(w.incoming, r)
	w.mu.Unlock()
	w.wakeUp()
}

func (w *writer) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// admit takes over what has come in.
func (w *writer) admit() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recordings = append(w.recordings, w.incoming...)
	clear(w.incoming)
	w.incoming = w.incoming[:0]
}

// run serves the recordings every flushEvery, those that end at once. When the
// store stops it ends all and returns.
func (w *writer) run() {
	w.scratch = make([]byte, 0, pieceSize+4096)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for ticking := true; ; {
		if busy := len(w.recordings) > 0; busy != ticking { // nothing to do costs nothing
			ticking = busy
			if busy {
				tick.Reset(flushEvery)
			} else {
				tick.Stop()
			}
		}
		select {
		case <-w.wake:
			w.admit()
			w.pass(false)
		case <-tick.C:
			w.admit()
			w.pass(true)
		case <-w.store.stopping:
			w.admit()
			for _, r := range w.recordings {
				r.ended.Store(true)
			}
			w.pass(true)
			return
		}
	}
}

// pass serves all recordings, or those that have ended.
func (w *writer) pass(all bool) {
	waiting := int64(0)
	left := w.recordings[:0]
	for _, r := range w.recordings {
		if !all && !r.ended.Load() {
			left = append(left, r)
			continue
		}
		waiting += r.queue.waiting()
		memory, last := r.serve(w.scratch)
		w.scratch = memory[:0]
		if last {
			w.load.Add(-1)
			w.store.ends <- r // has room for all
			continue
		}
		left = append(left, r)
	}
	clear(w.recordings[len(left):])
	w.recordings = left
	if all {
		w.store.cfg.Metrics.queued.Add(float64(waiting - w.waiting))
		w.waiting = waiting
	}
}
