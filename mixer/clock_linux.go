package mixer

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonicClock sleeps until absolute times of CLOCK_MONOTONIC, which is what
// package time reads too. It is meant for goroutines locked to their thread.
type monotonicClock struct {
	base  time.Time
	since time.Duration // CLOCK_MONOTONIC at base
}

// systemClock is the most precise clock there is, and whether its users should
// lock themselves to a thread.
func systemClock() (Clock, bool) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return TimeClock{}, false
	}
	return &monotonicClock{base: time.Now(), since: time.Duration(ts.Nano())}, true
}

// Now is time.Now.
func (c *monotonicClock) Now() time.Time { return time.Now() }

// SleepUntil sleeps until t. The runtime's preemption signals end the sleep
// early with EINTR: it is taken up again until t is there.
func (c *monotonicClock) SleepUntil(t time.Time) {
	ts := unix.NsecToTimespec(int64(c.since + t.Sub(c.base)))
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR { //nolint:revive // the loop is the work
	}
}
