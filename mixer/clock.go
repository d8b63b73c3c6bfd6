package mixer

import "time"

// Clock is the time a worker lives in.
type Clock interface {
	// Now must carry a monotonic reading, as time.Now does.
	Now() time.Time
	// SleepUntil returns at t, or at once when t is past.
	SleepUntil(t time.Time)
}

// TimeClock is the clock of package time: for systems without an absolute
// sleep, and for tests in a bubble of testing/synctest.
type TimeClock struct{}

// Now is time.Now.
func (TimeClock) Now() time.Time { return time.Now() }

// SleepUntil sleeps with time.Sleep, typically some 0.2 ms too long.
func (TimeClock) SleepUntil(t time.Time) { time.Sleep(time.Until(t)) }
