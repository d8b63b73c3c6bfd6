package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// ends is how long goroutines that are about to end may need for it: on a busy
// machine much longer than the half second that goleak gives them.
const ends = 10 * time.Second

// Main runs the tests of a package and exits with 1 if one of them fails or
// if a goroutine that they started still runs afterwards. It waits for
// goroutines that are about to end.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Tests are the tests of a package: *testing.M, or what cleans up after it.
type Tests interface{ Run() int }

// Run is Main without the exit: it returns the exit code.
func Run(m Tests) int {
	if code := m.Run(); code != 0 {
		return code
	}
	if err := find(ends); err != nil {
		fmt.Fprintln(os.Stderr, "leaktest:", err)
		return 1
	}
	return 0
}

// find gives the error of goleak once it has given it for so long.
func find(limit time.Duration, options ...goleak.Option) error {
	for begin := time.Now(); ; {
		err := goleak.Find(options...)
		if err == nil || time.Since(begin) >= limit {
			return err
		}
	}
}

// Check fails t if a goroutine that was started after the call still runs
// when t and its other clean-ups are done. Call it first. It cannot be used in
// parallel tests.
func Check(t testing.TB) {
	t.Helper()
	check(t, ends)
}

func check(t testing.TB, limit time.Duration) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if err := find(limit, before); err != nil {
			t.Error(err)
		}
	})
}
