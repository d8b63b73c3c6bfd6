package leaktest

import (
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// recorder is a test that notes failures and runs its clean-ups on demand.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Error(args ...any) {
	for _, a := range args {
		if err, ok := a.(error); ok {
			r.failures = append(r.failures, err.Error())
		}
	}
}

func (r *recorder) finish() {
	for _, f := range r.cleanups {
		f()
	}
}

func TestCheckPassesWhenAllHasEnded(t *testing.T) {
	r := &recorder{TB: t}
	Check(r)
	done := make(chan struct{})
	go close(done)
	<-done
	r.finish()
	if len(r.failures) > 0 {
		t.Errorf("failed: %v", r.failures)
	}
}

func TestCheckNamesAGoroutineLeftBehind(t *testing.T) {
	stop, ended := make(chan struct{}), make(chan struct{})
	r := &recorder{TB: t}
	check(r, 0)
	go leftBehind(stop, ended)
	r.finish()
	close(stop)
	<-ended
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], "leftBehind") {
		t.Errorf("failures: %v", r.failures)
	}
}

func TestCheckWaitsForAGoroutineThatIsAboutToEnd(t *testing.T) {
	stop, ended := make(chan struct{}), make(chan struct{})
	r := &recorder{TB: t}
	Check(r)
	go leftBehind(stop, ended)
	time.AfterFunc(time.Second, func() { close(stop) }) // longer than goleak waits
	r.finish()
	<-ended
	if len(r.failures) > 0 {
		t.Errorf("failed: %v", r.failures)
	}
}

func leftBehind(stop, ended chan struct{}) {
	defer close(ended)
	<-stop
}
