package speech

import "errors"

// Limits of what is asked of an engine.
const (
	MinRate = 0.5 // a Request's Rate is brought to between these
	MaxRate = 2.0
)

// ErrFailed is wrapped by the errors of an engine that could not speak.
var ErrFailed = errors.New("speech: synthesis failed")

// Request is one utterance that an engine is to speak.
type Request struct {
	Text  string  // plain, no markup, no control characters, not blank
	Voice Voice   // one of the engine's; the zero Voice is the engine's default
	Rate  float64 // speed, 1 is normal; 0 means 1
}

// Speed is the Rate within its limits.
func (r Request) Speed() float64 {
	if r.Rate <= 0 {
		return 1
	}
	return min(max(r.Rate, MinRate), MaxRate)
}
