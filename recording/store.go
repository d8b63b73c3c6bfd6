package recording

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	openers   = 2 // goroutines that open files
	finishers = 2 // goroutines that complete them
)

// Store makes recordings in a media directory. Make it with NewStore.
type Store struct {
	cfg     Config
	disk    disk
	root    *os.Root // closed by Run
	writers []*writer
	opens   chan *opening
	ends    chan *Recording // has room for all
	stuck   atomic.Int32    // openers whom the disk has kept for longer than Config.Timeout

	mu       sync.Mutex // guards the next three
	open     int
	started  bool
	stopped  bool
	stopping chan struct{} // closed with stopped
}

// NewStore makes a store. It works while Run does. Errors: ErrConfig, and why
// no file can be made below the directory.
func NewStore(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m, err := openMedia(cfg.Directory)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	if err := m.tryOut(); err != nil {
		return nil, fmt.Errorf("recording: write to %s: %w", cfg.Directory, errors.Join(err, m.root.Close()))
	}
	s := newStore(cfg, m)
	s.root = m.root
	return s, nil
}

// newStore is NewStore with a disk.
func newStore(cfg Config, d disk) *Store {
	s := &Store{
		cfg: cfg, disk: d, writers: make([]*writer, cfg.Writers),
		opens: make(chan *opening), ends: make(chan *Recording, cfg.MaxOpen), stopping: make(chan struct{}),
	}
	for i := range s.writers {
		s.writers[i] = &writer{store: s, wake: make(chan struct{}, 1)}
	}
	return s
}

// Run writes recordings until ctx ends. It begins with Repair, beside the
// recordings, and deletes old ones if told to. At the end it closes what is
// open, for which it takes Config.Timeout at most, and returns the cause of
// ctx, or ErrSlow: then goroutines are left behind that wait for the disk. It
// can be called once: ErrStarted.
func (s *Store) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.started {
		s.mu.Unlock()
		return ErrStarted
	}
	s.started = true
	s.mu.Unlock()

	var writing, others sync.WaitGroup
	for _, w := range s.writers {
		writing.Go(w.run)
	}
	for range openers {
		others.Go(s.openFiles)
	}
	for range finishers {
		others.Go(s.finishFiles)
	}
	others.Go(func() { s.keep(ctx) })
	<-ctx.Done()

	s.mu.Lock()
	s.stopped = true
	close(s.stopping)
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() { // awaited below, unless the disk hangs
		defer close(ended)
		writing.Wait()
		close(s.ends)
		others.Wait()
		if s.root != nil {
			_ = s.root.Close()
		}
	}()
	late := time.NewTimer(s.cfg.Timeout)
	defer late.Stop()
	select {
	case <-ended:
		return context.Cause(ctx)
	case <-late.C:
		return ErrSlow
	}
}

// Open begins a recording: the file is there when it returns. Its first frame
// is the first one written. Errors: ErrOptions, ErrOpen with the reason,
// ErrBusy, ErrClosed; ErrSlow when the disk takes longer than Config.Timeout, or
// takes longer for others and nobody is left to open it; and the cause of ctx.
func (s *Store) Open(ctx context.Context, o Options) (*Recording, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	r, err := s.openInTime(ctx, o)
	if err != nil {
		s.cfg.Metrics.recordings.WithLabelValues(outcomeFailed).Inc()
		return nil, err
	}
	return r, nil
}

func (s *Store) openInTime(ctx context.Context, o Options) (*Recording, error) {
	if err := s.reserve(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Timeout, ErrSlow)
	defer cancel()
	op := &opening{options: o, done: make(chan struct{})}
	select {
	case s.opens <- op:
	case <-s.stopping:
		s.release()
		return nil, ErrClosed
	case <-ctx.Done():
		s.release()
		return nil, fmt.Errorf("open a recording: %w", context.Cause(ctx))
	}
	return s.await(ctx, op)
}

// reserve counts a recording that is to be opened.
func (s *Store) reserve() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return ErrClosed
	case s.open >= s.cfg.MaxOpen:
		return ErrBusy
	case s.stuck.Load() >= openers: // do not let every call wait for a disk that hangs
		return fmt.Errorf("open a recording: %w", ErrSlow)
	}
	s.open++
	s.cfg.Metrics.open.Inc()
	return nil
}

func (s *Store) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.cfg.Metrics.open.Dec()
}

// opening is a recording that is to be opened.
type opening struct {
	options Options
	settled atomic.Bool // by who opens, or by who does not wait any more
	slow    bool        // who did not wait had done so for Config.Timeout; set before settled

	recording *Recording // valid after done
	err       error
	done      chan struct{}
}

// await waits for the recording. Once ctx has ended there is none, even if it is
// open by then.
func (s *Store) await(ctx context.Context, op *opening) (*Recording, error) {
	select {
	case <-op.done:
	case <-ctx.Done():
		op.slow = errors.Is(context.Cause(ctx), ErrSlow)
		if op.settled.CompareAndSwap(false, true) {
			if op.slow {
				s.stuck.Add(1)
			}
			return nil, fmt.Errorf("open a recording: %w", context.Cause(ctx))
		}
		<-op.done
	}
	if ctx.Err() != nil && op.recording != nil {
		op.recording.Discard()
		return nil, fmt.Errorf("open a recording: %w", context.Cause(ctx))
	}
	return op.recording, op.err
}

func (s *Store) openFiles() {
	for {
		select {
		case op := <-s.opens:
			s.openFile(op)
		case <-s.stopping:
			return
		}
	}
}

// openFile opens a file, and drops it if nobody waits for it any more.
func (s *Store) openFile(op *opening) {
	defer close(op.done)
	o := op.options
	t, err := newTape(s.disk, o, s.cfg.Format, time.Now())
	if !op.settled.CompareAndSwap(false, true) {
		if t != nil {
			err = t.discard()
		}
		if err != nil {
			s.cfg.Logger.Warn("recording was opened too late", "error", err)
		}
		if op.slow {
			s.stuck.Add(-1)
		}
		s.release()
		return
	}
	if err != nil {
		op.err = fmt.Errorf("%w: %w", ErrOpen, err)
		s.release()
		return
	}
	r := &Recording{
		limit: int64(maxDuration / s.cfg.Format.Ptime), keep: o.KeepDigits,
		queue: newQueue(s.cfg.Queue, s.cfg.Format.Samples()),
		tape:  t, store: s, done: make(chan struct{}), path: "/" + t.filename(), encrypted: t.sealer != nil,
	}
	if !s.adopt(r) {
		_ = t.discard()
		op.err = ErrClosed
		s.release()
		return
	}
	op.recording = r
}

// adopt gives the recording to the writer with the fewest. It reports false
// when the store has ended.
func (s *Store) adopt(r *Recording) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	r.writer = s.writers[0]
	for _, w := range s.writers[1:] {
		if w.load.Load() < r.writer.load.Load() {
			r.writer = w
		}
	}
	r.writer.add(r)
	return true
}

func (s *Store) finishFiles() {
	for r := range s.ends {
		r.finish()
	}
}
