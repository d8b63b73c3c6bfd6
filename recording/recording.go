package recording

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Errors of recordings.
var (
	// ErrOptions is matched by errors of bad Options.
	ErrOptions = errors.New("recording: bad options")
	// ErrOpen is matched when the file cannot be made.
	ErrOpen = errors.New("recording: cannot open")
	// ErrBusy: as many recordings are open as Config.MaxOpen allows.
	ErrBusy = errors.New("recording: too many at a time")
	// ErrSlow: the disk did not answer within Config.Timeout.
	ErrSlow = errors.New("recording: the disk takes too long")
	// ErrWrite is matched when a file could not be completed. Filename in the
	// Result may exist none the less, with a part of the recording.
	ErrWrite = errors.New("recording: cannot complete the file")
	// ErrClosed: the Store has ended.
	ErrClosed = errors.New("recording: store has ended")
	// ErrStarted: Run was called twice.
	ErrStarted = errors.New("recording: store has been started before")
)

// Result says what became of a recording.
type Result struct {
	Filename      string        // in the media store, "/rest_api/recordings/…"
	Duration      time.Duration // of the audio in the file
	ContainsSound bool          // some frame of some side was louder than -45 dBov
	Unnamed       bool          // the file could not be given that name: what is left of it has another one
	Lost          int64         // frames that are silence in the file because the disk was slow or refused, or that came out of order or too late
	Missing       time.Duration // the same as time
}

// Recording is a file being made. Make it with Store.Open.
type Recording struct {
	// The media worker's.
	began bool
	first int64 // number of the first frame
	limit int64 // frames
	keep  bool  // digits
	queue *queue

	ended   atomic.Bool
	refused atomic.Bool  // nothing is to be kept; set before ended
	reach   atomic.Int64 // frames from the first to the last, lost ones included
	dropped [numCauses]atomic.Int64

	// The writer's; then the finisher's.
	tape    *tape
	told    [numCauses]int64 // of dropped, to the metrics
	failing bool             // the last write

	store  *Store
	writer *writer
	done   chan struct{} // closed when result is valid
	result Result
	err    error
	missed atomic.Bool // nobody waits for the result

	path      string // Result.Filename as expected
	encrypted bool
}

// Write adds a frame: what the far end said and what it heard. A side that is
// nil is silence. Frames come in the order of their numbers; for numbers left
// out there is silence. Write never waits and does not allocate; it keeps
// nothing of its arguments. After Close it does nothing.
func (r *Recording) Write(frame int64, said, heard []int16, digits Digits) {
	if r.ended.Load() {
		return
	}
	if !r.began {
		r.began, r.first = true, frame
	}
	at := frame - r.first
	switch {
	case at < r.reach.Load():
		r.dropped[causeOrder].Add(1)
		return
	case at >= r.limit:
		r.dropped[causeLong].Add(1)
		return
	}
	if digits != 0 && !r.keep {
		if digits&DigitSaid != 0 {
			said = nil
		}
		if digits&DigitHeard != 0 {
			heard = nil
		}
	}
	if !r.queue.put(at, said, heard) {
		r.dropped[causeQueue].Add(1)
	}
	r.reach.Store(at + 1)
}

// Filename is the name that the file is going to have, as in Result.
func (r *Recording) Filename() string { return r.path }

// Duration is the time from the first frame to the last one so far.
func (r *Recording) Duration() time.Duration {
	return time.Duration(r.reach.Load()) * r.store.cfg.Format.Ptime
}

// Close ends the recording and waits until the file is complete on the disk.
// Errors: ErrWrite with the reason; ErrSlow when that takes longer than
// Config.Timeout, and a second more for each 200 s of an encrypted one, 15 at
// most, or the cause of ctx, with what is known by then: the Store goes on
// completing the file. It may be called more than once.
func (r *Recording) Close(ctx context.Context) (Result, error) {
	r.ended.Store(true)
	r.writer.wakeUp()
	ctx, cancel := context.WithTimeoutCause(ctx, r.patience(), ErrSlow)
	defer cancel()
	select {
	case <-r.done:
		return r.result, r.err
	case <-ctx.Done():
		r.missed.Store(true)
		return Result{Filename: r.path, Duration: r.Duration(), Lost: r.lost(), Missing: r.missing()},
			fmt.Errorf("close %s: %w", r.path, context.Cause(ctx))
	}
}

const (
	// encryptedAgain is how much of a recording the slowest disk that Close waits
	// for reads and writes in the same time.
	encryptedAgain = 200
	// longestAgain bounds it: a server that stops waits for its calls.
	longestAgain = 15 * time.Second
)

// patience is how long Close waits. At its end an encrypted file is read and
// written once more.
func (r *Recording) patience() time.Duration {
	d := r.store.cfg.Timeout
	if r.encrypted {
		d += min(r.Duration()/encryptedAgain, longestAgain)
	}
	return d
}

// Discard ends the recording, of which nothing is kept: instead of Close. It does
// not wait: the Store removes the file.
func (r *Recording) Discard() {
	r.refused.Store(true)
	r.ended.Store(true)
	r.writer.wakeUp()
}

// lost is the number of frames that were dropped.
func (r *Recording) lost() int64 {
	n := int64(0)
	for i := range r.dropped {
		n += r.dropped[i].Load()
	}
	return n
}

// missing is lost as time.
func (r *Recording) missing() time.Duration {
	return time.Duration(r.lost()) * r.store.cfg.Format.Ptime
}

// gaps are the numbers of frames that were dropped by cause, as attributes of a
// log.
func (r *Recording) gaps() []any {
	var attrs []any
	for c := range numCauses {
		if n := r.dropped[c].Load(); n > 0 {
			attrs = append(attrs, c.String(), n)
		}
	}
	return attrs
}

// serve brings what is queued to the disk. It reports whether that was the
// last, which it is when the recording had ended before.
func (r *Recording) serve(scratch []byte) (memory []byte, last bool) {
	last = r.ended.Load()
	until := r.reach.Load() // all frames before are in the queue, or lost
	size := r.tape.size
	memory, d := r.tape.drain(r.queue, until, last, scratch)
	if d.lost > 0 {
		r.dropped[causeWrite].Add(d.lost)
	}
	m := r.store.cfg.Metrics
	m.bytes.Add(float64(r.tape.size - size))
	for c := range numCauses {
		if n := r.dropped[c].Load(); n > r.told[c] {
			if c == causeLong && r.told[c] == 0 {
				r.store.cfg.Logger.Warn("recording has the longest duration there is, the rest is left out", "filename", r.path, "hours", maxDuration.Hours())
			}
			m.dropped.WithLabelValues(c.String()).Add(float64(n - r.told[c]))
			r.told[c] = n
		}
	}
	r.note(d.err)
	return memory, last
}

// note logs when writing begins to fail and when it works again.
func (r *Recording) note(err error) {
	log := r.store.cfg.Logger
	switch {
	case err != nil && !r.failing:
		log.Warn("recording cannot be written, silence stands in", "filename", r.path, "error", err)
	case err == nil && r.failing:
		log.Info("recording can be written again", "filename", r.path)
	}
	r.failing = err != nil
}

// finish completes or removes the file.
func (r *Recording) finish() {
	if r.refused.Load() {
		r.remove()
	} else {
		r.complete()
	}
	r.store.release()
	close(r.done)
}

// remove removes the file of a recording that was discarded.
func (r *Recording) remove() {
	r.result = Result{Filename: r.path, Unnamed: true}
	if err := r.tape.discard(); err != nil {
		r.store.cfg.Logger.Warn("recording could not be removed", "filename", r.path, "error", err)
	}
}

// complete completes the file and tells the result.
func (r *Recording) complete() {
	t, m := r.tape, r.store.cfg.Metrics
	audioSize := func() int64 { return t.size - int64(len(t.header)) }
	err := t.finish()
	instants := audioSize() / int64(t.layout.align)
	r.result = Result{
		Filename:      "/" + t.filename(),
		Duration:      time.Duration(instants) * time.Second / time.Duration(r.store.cfg.Format.Rate),
		ContainsSound: t.encode.sound,
		Unnamed:       !t.settled,
		Lost:          r.lost(),
		Missing:       r.missing(),
	}
	outcome := outcomeComplete
	switch {
	case err != nil:
		outcome = outcomeFailed
		r.err = fmt.Errorf("%w: %w", ErrWrite, err)
		if r.missed.Load() {
			r.store.cfg.Logger.Error("recording could not be completed", "filename", r.path, "error", err)
		}
	case r.result.Lost > 0:
		outcome = outcomeIncomplete
		r.store.cfg.Logger.Warn("recording has gaps: frames could not be stored", append([]any{"filename", r.path}, r.gaps()...)...)
	}
	m.recordings.WithLabelValues(outcome).Inc()
}
