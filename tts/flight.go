package tts

import (
	"context"
	"sync"

	"mediaserver/audio"
)

// flights lets all who want the same at the same time share one synthesis. The
// zero value is ready.
type flights struct {
	mu      sync.Mutex
	current map[string]*flight
	stopped bool
	wg      sync.WaitGroup // goroutines that synthesise
}

// flight is a synthesis in progress. It ends early when no one waits for it.
type flight struct {
	done   chan struct{} // closed when clip and err are there
	clip   audio.Clip
	err    error
	cancel context.CancelCauseFunc

	waiting int // protected by flights.mu
}

// do waits for the synthesis of a key and starts it if there is none. shared
// says that there was one.
func (f *flights) do(ctx context.Context, key string, work func(context.Context) (audio.Clip, error)) (c audio.Clip, shared bool, err error) {
	t, shared, err := f.join(ctx, key, work)
	if err != nil {
		return audio.Clip{}, false, err
	}
	select {
	case <-t.done:
		f.leave(key, t)
		return t.clip, shared, t.err
	case <-ctx.Done():
		f.leave(key, t)
		return audio.Clip{}, shared, context.Cause(ctx)
	}
}

// join adds a waiting caller.
func (f *flights) join(ctx context.Context, key string, work func(context.Context) (audio.Clip, error)) (*flight, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return nil, false, ErrClosed
	}
	if t, ok := f.current[key]; ok {
		t.waiting++
		return t, true, nil
	}
	// The work is not that of its first caller alone.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	t := &flight{done: make(chan struct{}), cancel: cancel, waiting: 1}
	if f.current == nil {
		f.current = map[string]*flight{}
	}
	f.current[key] = t
	f.wg.Add(1)
	go func() {
		defer f.wg.Done()
		t.clip, t.err = work(ctx)
		f.forget(key, t)
		close(t.done)
		cancel(nil)
	}()
	return t, false, nil
}

// leave takes a caller away; with the last one the work ends.
func (f *flights) leave(key string, t *flight) {
	f.mu.Lock()
	t.waiting--
	last := t.waiting == 0
	if last && f.current[key] == t {
		delete(f.current, key) // who comes now starts anew
	}
	f.mu.Unlock()
	if last {
		t.cancel(context.Canceled)
	}
}

// forget lets the next caller start anew.
func (f *flights) forget(key string, t *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current[key] == t {
		delete(f.current, key)
	}
}

// stop ends all and waits for it.
func (f *flights) stop() {
	f.mu.Lock()
	f.stopped = true
	for _, t := range f.current {
		t.cancel(ErrClosed)
	}
	f.mu.Unlock()
	f.wg.Wait()
}
