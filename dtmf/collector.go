package dtmf

import (
	"strconv"
	"time"
)

// MaxInput is how many digits a Collector takes at most; then the input is
// complete, whatever its Rules say.
const MaxInput = 255

// Outcome is where an input stands.
type Outcome uint8

// The outcomes; all but Collecting are final.
const (
	Collecting Outcome = iota // more digits are awaited
	Complete                  // as many digits as wanted, or the end digit
	TimedOut                  // no digit, or not all, in time
	Invalid                   // a digit that is not accepted
	HelpAsked                 // the help digit
)

// String is the outcome in a word.
func (o Outcome) String() string {
	names := [...]string{"collecting", "complete", "timed_out", "invalid", "help"}
	if int(o) < len(names) {
		return names[o]
	}
	return "Outcome(" + strconv.Itoa(int(o)) + ")"
}

// Rules say which digits make an input. A digit counts as the first of these
// that fits: End, Help, one of Valid, invalid.
type Rules struct {
	Count int   // digits of a complete input; 0: until End
	End   Digit // completes the input and is no part of it; 0: none
	Help  Digit // asks for help; 0: none
	Valid Set   // accepted digits

	Initial    time.Duration // for the first digit; ≤ 0: no bound
	InterDigit time.Duration // for each further digit; ≤ 0: no bound
	Total      time.Duration // for the whole input; ≤ 0: no bound
	AtOnce     bool          // the input is complete at the deadline, which is its start
}

// Collector puts digits together to an input. Make it with NewCollector; one
// goroutine at a time. It reads no clock: every call says what time it is.
type Collector struct {
	rules   Rules
	started time.Time
	last    time.Time // start or last digit
	input   []byte
	outcome Outcome
}

// NewCollector begins an input; its time runs from now.
func NewCollector(r Rules, now time.Time) *Collector {
	return &Collector{rules: r, started: now, last: now}
}

// Press takes a digit pressed at now and returns the outcome. A digit after
// the deadline comes too late. A final outcome does not change any more.
func (c *Collector) Press(d Digit, now time.Time) Outcome {
	if !c.rules.AtOnce {
		c.Check(now)
	}
	if c.outcome != Collecting {
		return c.outcome
	}
	switch {
	case d == 0:
	case d == c.rules.End:
		c.outcome = Complete
	case d == c.rules.Help:
		c.outcome = HelpAsked
	case !c.rules.Valid.Has(d):
		c.outcome = Invalid
	default:
		c.input, c.last = append(c.input, byte(d)), now
		if n := len(c.input); n == c.rules.Count || n == MaxInput {
			c.outcome = Complete
		}
	}
	return c.outcome
}

// Check looks at the time and returns the outcome.
func (c *Collector) Check(now time.Time) Outcome {
	if at, ok := c.Deadline(); ok && c.outcome == Collecting && !now.Before(at) {
		c.outcome = TimedOut
		if c.rules.AtOnce {
			c.outcome = Complete
		}
	}
	return c.outcome
}

// Deadline is when the time for the next digit runs out; false if it never
// does.
func (c *Collector) Deadline() (time.Time, bool) {
	if c.rules.AtOnce {
		return c.started, true
	}
	var at time.Time
	wait := c.rules.Initial
	if len(c.input) > 0 {
		wait = c.rules.InterDigit
	}
	if wait > 0 {
		at = c.last.Add(wait)
	}
	if c.rules.Total > 0 {
		if end := c.started.Add(c.rules.Total); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	return at, !at.IsZero()
}

// Outcome is where the input stands, as of the last call with a time.
func (c *Collector) Outcome() Outcome { return c.outcome }

// Digits is the input so far, without end and help digit.
func (c *Collector) Digits() string { return string(c.input) }
