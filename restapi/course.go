package restapi

import (
	"context"
	"errors"
	"net/url"
	"time"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// course is what an instance does with one call, its primary or a secondary.
type course struct {
	verbs      verbs
	secondary  bool
	errorPage  Page        // the zero Page is none
	errorBase  *url.URL    // what errorPage is relative to
	errorAsked bool        // it is asked once
	cipher     *cipher     // from the first page of a secondary call
	dropped    []call.Info // attempts given up for this one; nil unless it is one of connect

	typed dtmf.Digit // stopped the play that has just run; for the next action only
}

// over says whether the call has ended.
func (c *course) over() bool {
	select {
	case <-c.verbs.life.Done():
		return true
	default:
		return false
	}
}

// step is an action in the course that runs it.
type step struct {
	in     *instance
	course *course
	base   *url.URL // what addresses in the list are relative to
	action *listedAction
	typed  dtmf.Digit // stopped the play before, 0 = none
}

// follow runs a list, and every list that replaces it, to the end. It returns
// nil at the end of a list, errHangUp, call.ErrEnded when the call has ended
// otherwise, *ActionError, or why ctx ended.
func (in *instance) follow(ctx context.Context, c *course, list *answer) error {
	for {
		next, err := in.runList(ctx, c, list)
		if err != nil || !next.page.isSet() {
			return err
		}
		q := question{kind: nextPage, page: next.page, base: list.base, result: next.result}
		if list, err = in.ask(ctx, c, q); err != nil {
			return err
		}
	}
}

// runList runs the actions of a list up to the one that replaces it.
func (in *instance) runList(ctx context.Context, c *course, list *answer) (turn, error) {
	for i := range list.actions {
		if halt := in.halted(ctx, c); halt != nil {
			return turn{}, halt
		}
		a := &list.actions[i]
		in.log.Debug("action", "action", a.name, "path", a.path, "secondary", c.secondary)
		if _, again := a.action.(*redirect); !again {
			in.redirects = 0
		}
		s := &step{in: in, course: c, base: list.base, action: a}
		start := time.Now()
		next, err := s.run(ctx)
		if err != nil {
			err = s.blame(ctx, err)
		}
		s.emitAction(err, time.Since(start))
		in.log.Debug("action ended", "action", a.name, "path", a.path, "outcome", endOf(err), "took_ms", time.Since(start).Milliseconds())
		if err != nil {
			return turn{}, err
		}
		if next.page.isSet() {
			return next, nil
		}
	}
	return turn{}, nil
}

// run does the action, after answering the call where that is automatic.
func (s *step) run(ctx context.Context) (turn, error) {
	s.typed, s.course.typed = s.course.typed, 0
	if !s.course.secondary {
		s.in.dossier.helm.running(s.action.name)
		defer s.in.dossier.helm.running("")
	}
	unanswered := s.course.verbs.life.Info().State == call.Inbound
	if s.action.answers && unanswered && !s.in.service.EarlyMedia {
		if err := s.course.verbs.answer.Answer(ctx); err != nil {
			return turn{}, err
		}
	}
	return s.action.run(ctx, s)
}

// blame makes the error of an action one that names the action.
func (s *step) blame(ctx context.Context, err error) error {
	fault, isFault := errors.AsType[*ActionError](err)
	switch {
	case isFault:
		if fault.Action == "" {
			fault.Action = s.action.name
		}
		return fault
	case errors.Is(err, errHangUp), errors.Is(err, call.ErrEnded), ctx.Err() != nil:
		return err
	}
	fault = failure(CodeInternal, err, "%s: %s", s.action.path, plain(err))
	fault.Action = s.action.name
	return fault
}

// rescue deals with what a course ended with. If it is a failure the error
// page is asked about it, once, and its list is run. It returns err, or
// call.ErrEnded if the call ended meanwhile.
func (in *instance) rescue(ctx context.Context, c *course, err error) error {
	fault, isFault := errors.AsType[*ActionError](err)
	if !isFault {
		return err
	}
	in.warnOf(c, fault)
	if !c.errorPage.isSet() || c.errorAsked {
		return fault
	}
	second := in.askErrorPage(ctx, c, c.verbs.life.Info(), fault)
	if errors.Is(second, call.ErrEnded) {
		return second
	}
	if again, ok := errors.AsType[*ActionError](second); ok {
		in.warnOf(c, again)
	}
	return fault
}

// warnOf logs an error of an application.
func (in *instance) warnOf(c *course, fault *ActionError) {
	in.dossier.fault(fault)
	in.log.Warn("error of the application", "code", fault.Code, "action", fault.Action, "error", fault.Text, "secondary", c.secondary)
}

// askErrorPage asks the error page of c about a fault and runs its list, as
// far as the call still lives. of is what the page is told of the call.
func (in *instance) askErrorPage(ctx context.Context, c *course, of call.Info, fault *ActionError) error {
	c.errorAsked = true
	list, err := in.request(ctx, c, of, question{kind: errorPage, page: c.errorPage, base: c.errorBase, fault: fault})
	if err == nil && list.hasToken {
		in.token = list.token
	}
	switch {
	case err != nil:
		return err
	case c.over():
		in.skip(list, errorPage.of(c.secondary))
		return call.ErrEnded
	}
	return in.follow(ctx, c, list)
}
