package restapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mediaserver/call"
)

// conferenceAction is the name under which faults before the connection are
// reported.
const conferenceAction = "connect_to_conference"

// run is the course of the action:
//
//	dial ──► answered: in the room ──► first page and its list ──► connected ──► end
//	  │                                        │                                  │
//	  └─► error page                           ├─► hang_up: final page            └─► final page, next page
//	                                           └─► error page, its list, final page
//
// An error of the secondary call is none of the primary: its next action runs.
func (a *connectToConference) run(ctx context.Context, s *step) (turn, error) {
	primary := s.course
	if primary.verbs.life.Info().State == call.Inbound { // early media: no automatic answer
		return turn{}, failure(CodeActionNotAllowed, nil, "%s: the call is not answered", s.action.path)
	}
	s.in.secondaries++
	v, err := primary.verbs.conference.DialConference(ctx, a.options(s))
	c := &course{verbs: v, secondary: true, errorPage: a.secondary.errorPage, errorBase: s.base}
	if err != nil {
		c.verbs = verbs{life: a.neverAnswered(s)}
		return turn{}, a.unanswered(ctx, s, c, err)
	}
	v.life.SetLogger(s.in.log.With("conference", a.name))
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
func (a *connectToConference) attend(ctx context.Context, s *step, c *course) (call.Connection, error) {
	if a.secondary.firstPage.isSet() {
		if err := s.in.begin(ctx, c, a.secondary.firstPage, s.base); err != nil {
			return call.Connection{}, err
		}
	}
	path := s.action.path + ".secondary_call: "
	if err := s.in.record(ctx, c, a.secondary.recording, c.cipher, s.in.secondaries+1, conferenceAction, path); err != nil {
		return call.Connection{}, err
	}
	return s.course.verbs.conference.Connect(ctx, c.verbs)
}

// broken makes the end of a secondary call before the connection the failure
// that it is for the application; the primary lives.
func (a *connectToConference) broken(ctx context.Context, c *course, err error) error {
	if err == nil || errors.Is(err, errHangUp) || isFailure(err) || ctx.Err() != nil {
		return err
	}
	fault := failure(CodeInternal, err, "%s", plain(err))
	if errors.Is(err, call.ErrEnded) || errors.Is(err, call.ErrConnectFailed) {
		fault = failure(CodeConnectFailed, err, "the secondary call ended before the connection (%v)", c.verbs.life.Info().Cause)
	}
	fault.Action = conferenceAction
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
func (a *connectToConference) unanswered(ctx context.Context, s *step, c *course, err error) error {
	code := connectCode(err)
	switch {
	case s.course.over(), errors.Is(err, call.ErrEnded):
		return call.ErrEnded
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	fault := failure(code, err, "%s: %s", s.action.path, plain(err))
	fault.Action = conferenceAction
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

// connectCode is the code for a secondary call that was not answered.
func connectCode(err error) Code {
	switch {
	case errors.Is(err, call.ErrConferenceFull):
		return CodeConferenceFull
	case errors.Is(err, call.ErrConferenceBusy):
		return CodeConferenceBusy
	case errors.Is(err, call.ErrAnswerTimeout):
		return CodeConnectTimeout
	case errors.Is(err, call.ErrConnectFailed):
		return CodeConnectFailed
	}
	return CodeInternal
}

// result is what the next page is told.
func (a *connectToConference) result(s *step, connection call.Connection) *actionResult {
	return &actionResult{Action: conferenceAction, Result: map[string]any{
		"seconds_connected_duration": seconds{connection.Duration, s.in.service.version()},
	}}
}

// neverAnswered is a secondary call that came to nothing. Its caller is the
// far end of the primary.
func (a *connectToConference) neverAnswered(s *step) lifecycle {
	primary := s.course.verbs.life.Info()
	from := primary.From
	if primary.Direction == call.Out {
		from = primary.To
	}
	return attempt{call.Info{
		ID:        fmt.Sprintf("%s-%d", primary.ID, s.in.secondaries),
		Direction: call.Out, From: from, To: a.name, Target: a.name,
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
