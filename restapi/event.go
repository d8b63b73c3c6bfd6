package restapi

import (
	"errors"
	"strings"
	"time"

	"mediaserver/call"
)

// noEvents is the Sink of a Server that was given none.
type noEvents struct{}

// Emit forgets e.
func (noEvents) Emit(call.Event) {}

// emit tells of something that happened in the instance to a call.
func (in *instance) emit(of string, e call.Event) {
	e.Time, e.Instance, e.Call = time.Now(), in.id, of
	in.browser.cfg.Events.Emit(e)
}

// emitStarted tells that the instance runs.
func (in *instance) emitStarted(of call.Info) {
	in.emit(of.ID, call.Event{Type: call.InstanceStarted, Service: in.service.Name})
}

// emitEnded tells that the instance has ended, with the cause of its call.
func (in *instance) emitEnded() {
	of := in.primary.verbs.life.Info()
	in.emit(of.ID, call.Event{Type: call.InstanceEnded, Cause: of.Cause, RawCause: of.RawCause})
}

// emitPage tells of a page request, at its beginning with no outcome.
func (in *instance) emitPage(of string, kind pageKind, q question, outcome string, took time.Duration) {
	address := redact(q.page.URL)
	if u, err := resolve(q.base, q.page); err == nil {
		address = redactURL(u)
	}
	t := call.PageRequested
	switch outcome {
	case "":
	case outcomeOK:
		t = call.PageAnswered
	default:
		t = call.PageFailed
	}
	in.emit(of, call.Event{Type: t, Page: &call.PageExchange{
		Page: kind.String(), Method: q.page.method(), URL: address, Outcome: outcome, TookMS: took.Milliseconds(),
	}})
}

// emitAction tells that an action has come to its end.
func (s *step) emitAction(err error, took time.Duration) {
	if err == nil && s.course.over() {
		err = call.ErrEnded // the action need not have noticed
	}
	s.in.emit(s.course.verbs.life.Info().ID, call.Event{Type: call.ActionEnded, Action: &call.ActionRun{
		Name: s.action.name, Path: s.action.path, Outcome: endOf(err), TookMS: took.Milliseconds(),
	}})
}

// outcomeOK is the outcome of what went well, of pages and actions.
const outcomeOK = "ok"

// endOf is the end of an action in one word.
func endOf(err error) string {
	fault, isFault := errors.AsType[*ActionError](err)
	switch {
	case err == nil:
		return outcomeOK
	case isFault:
		return strings.ToLower(string(fault.Code))
	case errors.Is(err, call.ErrEnded):
		return "ended"
	case errors.Is(err, errHangUp):
		return "hang_up"
	default:
		return "interrupted"
	}
}
