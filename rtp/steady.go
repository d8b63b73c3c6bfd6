package rtp

import "time"

// When the process began: on both clocks that time.Now reads, and [ns since 1970].
var (
	started   = time.Now()
	startedAt = started.UnixNano()
)

// steady is a time in [ns since 1970] on a clock that runs evenly: the wall clock
// when the process began, and since then the monotonic one. The wall clock may be set
// at any time, also back. Sums and differences of times are made of these only; a
// time without a monotonic reading is taken as it is.
func steady(t time.Time) int64 { return startedAt + int64(t.Sub(started)) }

// steadyTime is the time of which ns is steady.
func steadyTime(ns int64) time.Time { return started.Add(time.Duration(ns - startedAt)) }

// setLeast is by how much the wall clock must have been set to be followed [ns]. A
// time reads both clocks one after the other, and its thread may have to wait
// between the two.
const setLeast = int64(100 * time.Millisecond)

// wallAhead is how much further the wall clock is than the steady one [ns], at the time
// t, ns on the steady one: by so much later are the system's times of arrival.
func wallAhead(t time.Time, ns int64) int64 {
	if d := t.UnixNano() - ns; d > setLeast || d < -setLeast {
		return d
	}
	return 0
}
