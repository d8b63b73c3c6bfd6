package restapi

import (
	"context"
	"sync"
	"time"
)

const (
	// logLinger is how long a line waits for others of its log: opening the
	// file costs more than writing it.
	logLinger = 250 * time.Millisecond
	// maxWaitingLogs bounds what waits to be written, all logs together
	// [bytes]: a disk that does not answer stops no call.
	maxWaitingLogs = 64 << 20
)

// logWriter writes the logs of instances behind their backs while run runs,
// and on the spot otherwise. Safe for concurrent use; a log is written to by
// one goroutine at a time.
type logWriter struct {
	metrics *Metrics
	wake    chan struct{} // one wish to write

	mu      sync.Mutex
	running bool
	waiting int                 // bytes
	lines   map[*logFile][]byte // what waits
}

func newLogWriter(m *Metrics) *logWriter {
	return &logWriter{metrics: m, wake: make(chan struct{}, 1), lines: map[*logFile][]byte{}}
}

// write appends a line to a log.
func (w *logWriter) write(f *logFile, line []byte) {
	if !w.queue(f, line) {
		f.append(line)
		return
	}
	select {
	case w.wake <- struct{}{}:
	default: // it is awake
	}
}

// queue puts a line into the queue, or counts it as lost when that is full;
// false says that nobody writes the queue.
func (w *logWriter) queue(f *logFile, line []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.running {
		return false
	}
	if w.waiting+len(line) > maxWaitingLogs {
		w.metrics.logErrors.Inc()
		return true
	}
	w.waiting += len(line)
	w.lines[f] = append(w.lines[f], line...)
	return true
}

// run writes until ctx ends, and then what has come by then.
func (w *logWriter) run(ctx context.Context) {
	w.setRunning(true)
	linger := time.NewTimer(0)
	defer linger.Stop()
	for ctx.Err() == nil {
		select {
		case <-w.wake:
		case <-ctx.Done():
		}
		linger.Reset(logLinger)
		select {
		case <-linger.C:
		case <-ctx.Done():
		}
		w.flush()
	}
	w.setRunning(false)
	w.flush()
}

func (w *logWriter) setRunning(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = is
}

// flush writes what waits, each log with one call to the operating system.
func (w *logWriter) flush() {
	w.mu.Lock()
	lines := w.lines
	w.lines, w.waiting = make(map[*logFile][]byte, len(lines)), 0
	w.mu.Unlock()
	for f, text := range lines {
		f.append(text)
	}
}
