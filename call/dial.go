package call

import (
	"context"
	"fmt"
	"time"

	"mediaserver/audio"
)

// DialOptions describe a primary call that this server places.
type DialOptions struct {
	Destination   Destination
	From          string        // caller's number or SIP address; "" is the user agent's
	AnswerTimeout time.Duration // longest wait for the answer; 0: 30 s
	MaxDuration   time.Duration // from the answer; 0: 240 min, see also SetMaxDuration
}

// DialOutOptions describe the secondary call of connect.
type DialOutOptions struct {
	Destinations  []Destination // all dialled at once, the first answer wins; at least one
	From          string        // caller's number or SIP address; "" is the far end of the primary
	HoldMedia     Playlist      // looped to the primary until connected; nil: the ringing tone
	AnswerTimeout time.Duration // longest wait for an answer; 0: 30 s
	MaxDuration   time.Duration // of the secondary call, from its answer; 0: 240 min
	EarlyMedia    bool          // the primary hears what the callee plays before the answer
	Ringing       audio.RingingPattern
}

// DialError says what became of a call that was not answered. It is an
// ErrAnswerTimeout or an ErrConnectFailed. Info has the same causes.
type DialError struct {
	Cause    Cause // NoAnswer, Busy, Unobtainable, Dropped (given up by its maker) or Failed
	RawCause int   // SIP code, that of the far end if it gave one
	Info     Info  // of the call that came to nothing
	Err      error // the reason
}

// Error names cause, code and reason.
func (e *DialError) Error() string {
	return fmt.Sprintf("call: %v (%d): %v", e.Cause, e.RawCause, e.Err)
}

// Unwrap is the reason.
func (e *DialError) Unwrap() error { return e.Err }

// Dial places a primary call and blocks until it is answered. It is then the
// caller's: it lives until it ends or is hung up. Everything else is a
// *DialError; the end of ctx withdraws the call with its cause.
func (m *Manager) Dial(ctx context.Context, o DialOptions) (*Call, error) {
	return nil, &DialError{Cause: Failed, Err: ErrConnectFailed}
}

// DialOut places the secondary call that is to join c to the first of several
// destinations that answers, and blocks until it does. From now on c hears
// hold media until Connect, or until the secondary call or the attempt has
// ended. dropped are the attempts that were given up because another
// destination had answered. The error is ErrNotAnswered, ErrEnded, why ctx
// ended, or a *DialError.
func (c *Call) DialOut(ctx context.Context, o DialOutOptions) (secondary *Call, dropped []Info, err error) {
	return nil, nil, &DialError{Cause: Failed, Err: ErrConnectFailed}
}
