package trunk

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mediaserver/sip"
)

// codeBusy is what a trunk at its limit answers.
const codeBusy = 503

// ErrLimit: a trunk has as many calls, or as many new ones, as it may. An
// error that wraps it is a 503 of sip too.
var ErrLimit = errors.New("trunk: limit reached")

// usage counts the calls of a trunk. It outlives changes of its configuration.
type usage struct {
	mu     sync.Mutex
	active int
	tokens float64 // calls that may begin now
	since  time.Time
}

// take books a call. out says that it is ours, which CallsPerSecond limits.
func (u *usage) take(name string, l Limits, out bool, now time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if l.MaxCalls > 0 && u.active >= l.MaxCalls {
		return limited(name, "calls at a time", l.MaxCalls)
	}
	if out && l.CallsPerSecond > 0 {
		rate := float64(l.CallsPerSecond)
		u.tokens = min(rate, u.tokens+rate*now.Sub(u.since).Seconds())
		u.since = now
		if u.tokens < 1 {
			return limited(name, "calls a second", l.CallsPerSecond)
		}
		u.tokens--
	}
	u.active++
	return nil
}

func limited(name, what string, limit int) error {
	return fmt.Errorf("%w: %s has %d %s: %w", ErrLimit, name, limit, what, &sip.StatusError{Code: codeBusy, Reason: "Trunk Busy"})
}

// release ends a booked call.
func (u *usage) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.active--
}

// calls is how many there are.
func (u *usage) calls() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.active
}
