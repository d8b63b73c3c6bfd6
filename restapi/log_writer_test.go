package restapi

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func contentOf(t *testing.T, f *logFile) string {
	t.Helper()
	b, err := os.ReadFile(f.path)
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	return string(b)
}

func put(t *testing.T, f *logFile, line string) {
	t.Helper()
	if n, err := f.Write([]byte(line)); n != len(line) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestLogWriterWritesLinesTogether(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newLogWriter(NewMetrics(nil))
		a, b := &logFile{path: filepath.Join(dir, "a"), writer: w}, &logFile{path: filepath.Join(dir, "b"), writer: w}
		put(t, a, "before\n")
		if got := contentOf(t, a); got != "before\n" {
			t.Errorf("while nobody writes behind its back: %q", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.run(ctx) })
		synctest.Wait()
		put(t, a, "1\n")
		put(t, b, "x\n")
		put(t, a, "2\n")
		synctest.Wait()
		if got := contentOf(t, a); got != "before\n" {
			t.Errorf("at once: %q", got)
		}
		time.Sleep(logLinger)
		synctest.Wait()
		if got := contentOf(t, a) + contentOf(t, b); got != "before\n1\n2\nx\n" {
			t.Errorf("after a while: %q", got)
		}
		put(t, a, "last\n")
		cancel()
		running.Wait()
		put(t, a, "after\n")
		if got := contentOf(t, a); got != "before\n1\n2\nlast\nafter\n" {
			t.Errorf("at the end: %q", got)
		}
	})
}

func TestLogWriterBoundsWhatWaits(t *testing.T) {
	m := NewMetrics(nil)
	w := newLogWriter(m)
	w.setRunning(true)
	f := &logFile{path: filepath.Join(t.TempDir(), "a"), writer: w}
	line := bytes.Repeat([]byte("x"), 1<<20)
	for range maxWaitingLogs>>20 + 3 {
		w.write(f, line)
	}
	if n := metricValue(t, m.logErrors); n != 3 || w.waiting != maxWaitingLogs {
		t.Errorf("%v lines lost, %d bytes wait", n, w.waiting)
	}
}
