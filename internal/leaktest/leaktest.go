package leaktest

import (
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests of a package and exits with 1 if one of them fails or
// if a goroutine that they started still runs afterwards. It waits a moment
// for goroutines that are about to end.
func Main(m *testing.M) { goleak.VerifyTestMain(m) }

// Check fails t if a goroutine that was started after the call still runs
// when t and its other clean-ups are done. Call it first. It cannot be used in
// parallel tests.
func Check(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}
