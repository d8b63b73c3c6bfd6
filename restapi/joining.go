package restapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mediaserver/call"
)

// joining is the course that the actions have in common that join a secondary
// call to the primary one.
type joining struct {
	action    string // name under which faults before the connection are reported
	to        string // whom the secondary call is for
	secondary *secondaryCall
	nextPage  Page
	log       *slog.Logger // of the secondary call
	several   bool         // destinations may have been dropped for the one that answered
	// dial places the secondary call.
	dial func(ctx context.Context) (v verbs, dropped []call.Info, err error)
	code func(err error) Code // of an error of dial
}

// run is the course:
//
//	dial ──► answered ──► first page and its list ──► connected ──► end
//	  │                           │                                  │
//	  └─► error page              ├─► hang_up: final page            └─► final page, next page
//	                              └─► error page, its list, final page
//
// An error of the secondary call is none of the primary: its next action runs.
func (a *joining) run(ctx context.Context, s *step) (turn, error) {
	primary := s.course
	if primary.verbs.life.Info().State == call.Inbound { // early media: no automatic answer
		return turn{}, failure(CodeActionNotAllowed, nil, "%s: the call is not answered", s.action.path)
	}
	s.in.secondaries++
	v, dropped, err := a.dial(ctx)
	c := &course{verbs: v, secondary: true, errorPage: a.secondary.errorPage, errorBase: s.base}
	if a.several {
		c.dropped = append([]call.Info{}, dropped...)
	}
	if err != nil {
		c.verbs = verbs{life: a.neverAnswered(s, err)}
		return turn{}, a.unanswered(ctx, s, c, err)
	}
	v.life.SetLogger(a.log)
	s.in.know(c)
	connection, err := a.attend(ctx, s, c)
	if c.over() && errors.Is(err, call.ErrEnded) && !primary.over() {
		// Why did it end? Connect waits for the end of a primary that is ending.
		_, err = primary.verbs.conference.Connect(ctx, c.verbs)
	}
	if primary.over() {
		err = call.ErrEnded
	} else {
		err = s.in.rescue(ctx, c, a.broken(ctx, c, err))
	}
	c.verbs.life.HangUp(secondaryCauseOf(err, primary.over()))
	s.in.finalPage(ctx, c, a.secondary.finalPage, s.base)
	switch {
	case primary.over():
		return turn{}, call.ErrEnded
	case err == nil && a.nextPage.isSet():
		return turn{page: a.nextPage, result: a.result(s, connection)}, nil
	case err == nil, isFailure(err), errors.Is(err, errHangUp), errors.Is(err, call.ErrEnded):
		return turn{}, nil
	}
	return turn{}, err // ctx has ended
}

// attend is the secondary call from its answer to the end of the connection:
// its first page, then both calls are joined.
func (a *joining) attend(ctx context.Context, s *step, c *course) (call.Connection, error) {
	if a.secondary.firstPage.isSet() {
		if err := s.in.begin(ctx, c, a.secondary.firstPage, s.base); err != nil {
			return call.Connection{}, err
		}
	}
	path := s.action.path + ".secondary_call: "
	if err := s.in.record(ctx, c, a.secondary.recording, c.cipher, s.in.secondaries+1, a.action, path); err != nil {
		return call.Connection{}, err
	}
	return s.course.verbs.conference.Connect(ctx, c.verbs)
}

// broken makes the end of a secondary call before the connection the failure
// that it is for the application; the primary lives.
func (a *joining) broken(ctx context.Context, c *course, err error) error {
	if err == nil || errors.Is(err, errHangUp) || isFailure(err) || ctx.Err() != nil {
		return err
	}
	fault := failure(CodeInternal, err, "%s", plain(err))
	if errors.Is(err, call.ErrEnded) || errors.Is(err, call.ErrConnectFailed) {
		fault = failure(CodeConnectFailed, err, "the secondary call ended before the connection (%v)", c.verbs.life.Info().Cause)
	}
	fault.Action = a.action
	return fault
}

// secondaryCauseOf is why a secondary call ends if it has not ended yet.
func secondaryCauseOf(err error, primaryGone bool) call.Cause {
	if primaryGone {
		return call.Dropped
	}
	return causeOf(err)
}

// unanswered deals with a secondary call that was not answered: the error
// page is asked, nothing of its list can be done, and the primary goes on.
func (a *joining) unanswered(ctx context.Context, s *step, c *course, err error) error {
	code := a.code(err)
	switch {
	case s.course.over(), errors.Is(err, call.ErrEnded):
		return call.ErrEnded
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	fault := failure(code, err, "%s: %s", s.action.path, plain(err))
	fault.Action = a.action
	s.in.warnOf(c, fault)
	if !c.errorPage.isSet() {
		return nil
	}
	second := s.in.askErrorPage(ctx, c, c.verbs.life.Info(), fault)
	switch again, isFault := errors.AsType[*ActionError](second); {
	case isFault:
		s.in.warnOf(c, again)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if s.course.over() {
		return call.ErrEnded
	}
	return nil
}

// result is what the next page is told.
func (a *joining) result(s *step, connection call.Connection) *actionResult {
	return &actionResult{Action: a.action, Result: map[string]any{
		"seconds_connected_duration": seconds{connection.Duration, s.in.service.version()},
	}}
}

// neverAnswered is a secondary call that came to nothing. Its caller is the
// far end of the primary, unless the call itself says more.
func (a *joining) neverAnswered(s *step, err error) lifecycle {
	if fault, ok := errors.AsType[*call.DialError](err); ok {
		return attempt{fault.Info}
	}
	primary := s.course.verbs.life.Info()
	from := primary.From
	if primary.Direction == call.Out {
		from = primary.To
	}
	return attempt{call.Info{
		ID:        fmt.Sprintf("%s-%d", primary.ID, s.in.secondaries),
		Direction: call.Out, From: from, To: a.to, Target: a.to,
	}}
}

// attempt is the life of a call that was never answered: it has ended.
type attempt struct{ info call.Info }

func (a attempt) Info() call.Info { return a.info }

// Done is closed.
func (a attempt) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (a attempt) HangUp(call.Cause)              {}
func (a attempt) SetLogger(*slog.Logger)         {}
func (a attempt) SetMaxDuration(d time.Duration) {}
