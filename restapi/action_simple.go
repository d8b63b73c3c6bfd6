package restapi

import (
	"context"
	"errors"
	"strconv"
	"time"

	"mediaserver/call"
)

// empty is what has no properties.
type empty struct{}

// hangUp ends the call.
type hangUp struct{}

func readHangUp(r *reader, n *node) action {
	readObject(r, n, properties[empty]{}, &empty{})
	return hangUp{}
}

// errHangUp: an action wants the call to be hung up.
var errHangUp = errors.New("restapi: hang up")

func (hangUp) run(context.Context, *step) (turn, error) { return turn{}, errHangUp }

// maxSleep is the longest sleep [s].
const maxSleep = 3600

// sleep waits; digits meanwhile are discarded.
type sleep struct{ seconds int }

var sleepProperties = properties[sleep]{
	intProperty("seconds", 0, maxSleep, func(s *sleep) *int { return &s.seconds }).must(both),
}

func readSleep(r *reader, n *node) action {
	s := &sleep{}
	readObject(r, n, sleepProperties, s)
	return s
}

func (a *sleep) run(ctx context.Context, s *step) (turn, error) {
	return turn{}, s.course.verbs.media.Sleep(ctx, time.Duration(a.seconds)*time.Second)
}

// maxRedirects is how many redirect actions may follow each other without
// another action between them.
const maxRedirects = 100

// redirect replaces the list by that of another page.
type redirect struct{ nextPage Page }

var redirectProperties = properties[redirect]{
	pageProperty("next_page", func(a *redirect) *Page { return &a.nextPage }).must(both),
}

func readRedirect(r *reader, n *node) action {
	a := &redirect{}
	readObject(r, n, redirectProperties, a)
	return a
}

func (a *redirect) run(_ context.Context, s *step) (turn, error) {
	if s.in.redirects++; s.in.redirects > maxRedirects {
		return turn{}, failure(CodeLimitExceeded, nil, "%s: more than %d redirects in a row", s.action.path, maxRedirects)
	}
	return turn{page: a.nextPage}, nil
}

// answerCall answers an unanswered inbound call.
type answerCall struct{ headers []sipHeader }

var answerCallProperties = properties[answerCall]{
	property[answerCall]{name: "extra_sip_headers", versions: v2, read: func(r *reader, n *node, a *answerCall) {
		a.headers = r.sipHeaders(n)
	}},
}

func readAnswer(r *reader, n *node) action {
	a := &answerCall{}
	readObject(r, n, answerCallProperties, a)
	return a
}

func (a *answerCall) run(ctx context.Context, s *step) (turn, error) {
	if s.course.verbs.life.Info().State != call.Inbound {
		return turn{}, nil
	}
	headers := make([]call.Header, len(a.headers))
	for i, h := range a.headers {
		headers[i] = call.Header{Name: h.name, Value: h.value}
	}
	return turn{}, s.course.verbs.answer.Answer(ctx, headers...)
}

// The codes of SIP that reject may use.
const (
	lowestRawCause  = 400
	highestRawCause = 699
)

// reject refuses an unanswered inbound call.
type reject struct {
	cause string
	raw   int // SIP code, 0 = by cause
}

var rejectProperties = properties[reject]{
	choiceProperty("cause", func(a *reject) *string { return &a.cause }, "rejected", "busy", "no_answer", "unobtainable"),
	property[reject]{name: "raw_cause", read: func(r *reader, n *node, a *reject) {
		s, ok := r.string(n)
		if !ok {
			return
		}
		code, err := strconv.Atoi(s)
		if err != nil || len(s) != 3 || code < lowestRawCause || code > highestRawCause {
			r.fault(n.pos, CodeInvalidValue, "%q is not from %d to %d", clip(s), lowestRawCause, highestRawCause)
			return
		}
		a.raw = code
	}},
}

func readReject(r *reader, n *node) action {
	a := &reject{cause: "rejected"}
	readObject(r, n, rejectProperties, a)
	return a
}

// code is the answer to the INVITE.
func (a *reject) code() int {
	if a.raw != 0 {
		return a.raw
	}
	switch a.cause {
	case "busy":
		return 486
	case "no_answer":
		return 480
	case "unobtainable":
		return 404
	default:
		return 603
	}
}

func (a *reject) run(ctx context.Context, s *step) (turn, error) {
	err := s.course.verbs.answer.Reject(ctx, a.code())
	switch {
	case errors.Is(err, call.ErrNotInbound):
		return turn{}, failure(CodeActionNotAllowed, err, "%s: the call is not an unanswered inbound call", s.action.path)
	case err != nil:
		return turn{}, err
	}
	return turn{}, errHangUp
}
