//go:build !linux

package mixer

// systemClock is the most precise clock there is, and whether its users should
// lock themselves to a thread.
func systemClock() (Clock, bool) { return TimeClock{}, false }
