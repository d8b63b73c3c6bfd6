package cputime

import (
	"runtime"
	"testing"
	"time"
)

// TestThreadCountsWorkOnly: it goes on while the thread works and stands still
// while it sleeps, and taking it allocates nothing.
func TestThreadCountsWorkOnly(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := Thread()
	for began := time.Now(); Thread() == begin; {
		if time.Since(began) > time.Minute {
			t.Fatal("it stands still")
		}
	}
	before, began := Thread(), time.Now()
	<-time.After(50 * time.Millisecond)
	if used, passed := Thread()-before, time.Since(began); used > passed/2 {
		t.Errorf("%v of %v asleep", used, passed)
	}
	if n := testing.AllocsPerRun(100, func() { Thread() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
