package call

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mediaserver/audio"
)

// DialOptions describe a primary call that this server places.
type DialOptions struct {
	Destination   Destination
	From          string        // caller's number or SIP address; "" is the user agent's
	InstanceID    string        // of the application, see ConferenceOptions
	AnswerTimeout time.Duration // longest wait for the answer; 0: 30 s
	MaxDuration   time.Duration // from the answer; 0: 240 min, see also SetMaxDuration
}

// DialOutOptions describe the secondary call of connect.
type DialOutOptions struct {
	Destinations  []Destination // all dialled at once, the first answer wins; at least one
	From          string        // caller's number or SIP address; "" is the far end of the primary
	InstanceID    string        // of the application, see ConferenceOptions
	HoldMedia     Playlist      // looped to the primary until connected; nil: the ringing tone
	AnswerTimeout time.Duration // longest wait for an answer; 0: 30 s
	MaxDuration   time.Duration // of the secondary call, from its answer; 0: 240 min
	EarlyMedia    bool          // the primary hears what the callee plays before the answer
	Ringing       audio.RingingPattern
}

// DialError says what became of a call that was not answered. Err wraps
// ErrAnswerTimeout, ErrConnectFailed, ErrEnded, or is why it was given up.
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

// errOtherAnswered is why the losers of DialOut are given up.
var errOtherAnswered = &DialError{
	Cause: Dropped, RawCause: codeCancelled, Err: errors.New("call: another destination answered first"),
}

// Dial places a primary call and blocks until it is answered. It is then the
// caller's: it lives until it ends or is hung up. Everything else is a
// *DialError; the end of ctx withdraws the call with Dropped, and its cause is
// what the error wraps.
func (m *Manager) Dial(ctx context.Context, o DialOptions) (*Call, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, orDefault(o.AnswerTimeout, defaultAnswerTimeout), ErrAnswerTimeout)
	defer cancel()
	a := m.newAttempt(o.Destination, o.From, nil)
	a.id = o.InstanceID
	if err := a.run(ctx, orDefault(o.MaxDuration, defaultMaxDuration)); err != nil {
		return nil, err
	}
	return a.call, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// DialOut places the secondary call that is to join c to the first of several
// destinations that answers, and blocks until it does. From now on c hears
// hold media until Connect, or until the secondary call or the attempt has
// ended. dropped are the attempts that were given up because another
// destination had answered. The error is ErrNotAnswered, ErrEnded, why ctx
// ended, or a *DialError.
func (c *Call) DialOut(ctx context.Context, o DialOutOptions) (secondary *Call, dropped []Info, err error) {
	if c.Info().State != Answered {
		return nil, nil, errors.Join(ErrNotAnswered, c.endedErr())
	}
	c.startHold(o.HoldMedia, o.Ringing)
	secondary, dropped, err = c.race(ctx, o)
	if err == nil && !c.adopt(secondary) {
		secondary.HangUp(Dropped)
		err = ErrEnded
	}
	switch {
	case err == nil:
		return secondary, dropped, nil
	case c.isEnding():
		err = ErrEnded
	}
	c.stopHold()
	return nil, nil, err
}

// race dials all destinations at once and gives up all but the first that
// answers.
func (c *Call) race(ctx context.Context, o DialOutOptions) (*Call, []Info, error) {
	outer := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, orDefault(o.AnswerTimeout, defaultAnswerTimeout), ErrAnswerTimeout)
	defer cancel()
	ctx, drop := c.lasting(ctx)
	defer drop(nil)
	var won atomic.Pointer[Call]
	all := make([]tried, len(o.Destinations))
	var dialling sync.WaitGroup
	for i, d := range o.Destinations {
		dial := c.secondaryDial(d, o)
		dialling.Go(func() {
			s, err := dial(ctx)
			switch {
			case err != nil:
			case won.CompareAndSwap(nil, s):
				drop(errOtherAnswered)
			default:
				s.HangUp(Dropped)
			}
			all[i] = tried{s, err}
		})
	}
	dialling.Wait()
	if winner := won.Load(); winner != nil {
		return winner, droppedBy(winner, all), nil
	}
	if outer.Err() != nil {
		return nil, nil, context.Cause(outer)
	}
	return nil, nil, worst(all)
}

// tried is what became of one destination: a call that was answered, or why
// not.
type tried struct {
	call *Call
	err  error
}

// secondaryDial is how one destination is reached on behalf of c.
func (c *Call) secondaryDial(d Destination, o DialOutOptions) func(context.Context) (*Call, error) {
	limit := orDefault(o.MaxDuration, defaultMaxDuration)
	from := o.From
	if from == "" {
		from = c.caller()
	}
	if d.Kind == ToRoom {
		return func(ctx context.Context) (*Call, error) {
			return c.enterOrDial(ctx, ConferenceOptions{
				Name: d.Value, From: from, InstanceID: o.InstanceID, AnswerTimeout: o.AnswerTimeout, MaxDuration: limit,
				Participant: DefaultParticipant(), Ringing: o.Ringing,
			}.withDefaults())
		}
	}
	a := c.manager.newAttempt(d, from, c)
	a.call.seat.(*farSeat).ringing = o.Ringing
	if o.EarlyMedia {
		a.early = func(s *Call) {
			if c.adopt(s) {
				c.stopHold()
				s.seat.(*farSeat).overhear(c.audio().home)
			}
		}
	}
	return func(ctx context.Context) (*Call, error) { return a.call, a.run(ctx, limit) }
}

// dialService places a secondary call to an inbound service of this server.
func (c *Call) dialService(ctx context.Context, name string, o ConferenceOptions) (*Call, error) {
	o = o.withDefaults()
	secondary, _, err := c.race(ctx, DialOutOptions{
		Destinations:  []Destination{{Kind: ToService, Text: name, Value: name}},
		From:          o.From,
		InstanceID:    o.InstanceID,
		AnswerTimeout: o.AnswerTimeout,
		MaxDuration:   o.MaxDuration,
		Ringing:       o.Ringing,
	})
	return secondary, err
}

// who is the far end of c.
func (c *Call) who() farEnd {
	c.mu.Lock()
	far := c.life.far
	c.mu.Unlock()
	if far.party == "" {
		far.party = c.base.farParty()
	}
	return far
}

// farParty is the far end of c for the pages.
func (c *Call) farParty() string { return c.who().party }

// caller is who calls where c calls somebody on behalf of its far end: that, and where
// a room has taken its place, who it was at first.
func (c *Call) caller() string {
	if far := c.who(); !far.room {
		return far.party
	}
	return c.base.farParty()
}

// farParty is the far end of a call at its beginning.
func (i *Info) farParty() string {
	if i.Direction == Out {
		return i.To
	}
	return i.From
}

// droppedBy are the calls that were given up because of the winner.
func droppedBy(winner *Call, all []tried) []Info {
	var dropped []Info
	for _, t := range all {
		if t.call == nil || t.call == winner {
			continue
		}
		if i := t.call.Info(); i.Cause == Dropped {
			dropped = append(dropped, i)
		}
	}
	return dropped
}

// worst is the fault that says most about destinations that all failed: a
// wait without answer, then a busy callee, then what was said first.
func worst(all []tried) error {
	var busy error
	for _, t := range all {
		fault, ok := errors.AsType[*DialError](t.err)
		switch {
		case errors.Is(t.err, ErrAnswerTimeout):
			return t.err
		case ok && fault.Cause == Busy && busy == nil:
			busy = t.err
		}
	}
	if busy != nil {
		return busy
	}
	return all[0].err
}
