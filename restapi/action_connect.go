package restapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"mediaserver/call"
)

// connectAction is the name of the action.
const connectAction = "connect"

// Limits of connect.
const (
	maxDestinations = 10
	maxCallFrom     = 256
)

// connect joins the primary call to the first of its destinations that
// answers.
type connect struct {
	destinations  []call.Destination
	from          string // "" = the far end of the primary
	holdMedia     *play
	earlyMedia    bool
	answerSeconds int
	secondary     secondaryCall
	nextPage      Page
}

var connectProperties = properties[connect]{
	property[connect]{name: "destinations", read: func(r *reader, n *node, a *connect) {
		a.destinations = r.destinations(n)
	}}.must(both),
	property[connect]{name: "call_from", read: func(r *reader, n *node, a *connect) {
		s, ok := r.string(n)
		if !ok {
			return
		}
		if a.from, ok = callerOf(s); !ok {
			r.fault(n.pos, CodeInvalidValue, "%q is neither a telephone number nor a SIP address", clip(s))
		}
	}},
	playProperty("hold_media", func(a *connect) **play { return &a.holdMedia }),
	boolProperty("pass_early_media", func(a *connect) *bool { return &a.earlyMedia }).in(v2),
	intProperty("seconds_answer_timeout", 1, maxAnswerSeconds, func(a *connect) *int { return &a.answerSeconds }),
	property[connect]{name: "classify_callee", read: func(r *reader, n *node, _ *connect) { r.classification(n) }},
	property[connect]{name: "secondary_call", read: func(r *reader, n *node, a *connect) {
		readObject(r, n, secondaryCallProperties, &a.secondary)
	}},
	pageProperty("next_page", func(a *connect) *Page { return &a.nextPage }),
}

func readConnect(r *reader, n *node) action {
	a := &connect{answerSeconds: defaultAnswerSeconds, secondary: defaultSecondaryCall()}
	if readObject(r, n, connectProperties, a) {
		r.needExtraCalls(n, max(1, len(a.destinations)))
		r.earlyMedia(n, a)
	}
	return a
}

// destinations reads whom to call.
func (r *reader) destinations(n *node) []call.Destination {
	switch {
	case n.kind != array:
		r.wrongType(n, array)
		return nil
	case len(n.children) == 0 || len(n.children) > maxDestinations:
		r.fault(n.pos, CodeInvalidValue, "holds %d destinations, not 1 to %d", len(n.children), maxDestinations)
		return nil
	}
	list := make([]call.Destination, len(n.children))
	for i := range n.children {
		r.enter(segment{index: i})
		v := &n.children[i].value
		if s, ok := r.string(v); ok {
			var err error
			if list[i], err = call.ParseDestination(s, r.version == v2); err != nil {
				reason := strings.TrimPrefix(err.Error(), call.ErrDestination.Error()+": ")
				r.fault(v.pos, CodeInvalidValue, "%q: %s", shown(s), reason)
			}
		}
		r.leave()
	}
	return list
}

// shown is a destination in a text: the address of a WebSocket may hold
// secrets.
func shown(destination string) string {
	if scheme, _, ok := strings.Cut(destination, "://"); ok {
		return clip(scheme) + "://…"
	}
	return clip(destination)
}

// callerOf is who can be shown to the callee as the caller: a telephone number
// without separators or a SIP address without its scheme.
func callerOf(s string) (string, bool) {
	if len(s) > maxCallFrom {
		return "", false
	}
	d, err := call.ParseDestination(strings.TrimPrefix(s, "sip:"), false)
	return strings.TrimPrefix(d.Value, "sip:"), err == nil
}

// classification reads classify_callee: nothing in it has an effect as long
// as there is no classifier.
func (r *reader) classification(n *node) {
	if n.kind != object {
		r.wrongType(n, object)
		return
	}
	if enable := n.child("enable"); enable != nil && enable.value.kind != null {
		r.enter(segment{key: enable.key})
		r.bool(&enable.value)
		r.leave()
	}
}

// earlyMedia checks that early media can be passed on: there is one callee,
// and nothing is done before the connection.
func (r *reader) earlyMedia(n *node, a *connect) {
	if !a.earlyMedia {
		return
	}
	given := n.child("pass_early_media")
	r.enter(segment{key: given.key})
	switch {
	case len(a.destinations) > 1:
		r.fault(given.value.pos, CodeInvalidValue, "needs exactly one destination")
	case a.secondary.firstPage.isSet():
		r.fault(given.value.pos, CodeInvalidValue, "cannot be used together with a first_page")
	}
	r.leave()
}

func (a *connect) run(ctx context.Context, s *step) (turn, error) {
	j := joining{
		action: connectAction, to: a.destinations[0].Text, secondary: &a.secondary, nextPage: a.nextPage,
		log: s.in.log, code: connectCode, several: true,
		dial: func(ctx context.Context) (verbs, []call.Info, error) {
			return s.course.verbs.conference.DialOut(ctx, a.options(s))
		},
	}
	return j.run(ctx, s)
}

// options are the action as the verb of a call wants it.
func (a *connect) options(s *step) call.DialOutOptions {
	return call.DialOutOptions{
		Destinations:  a.destinations,
		From:          a.from,
		InstanceID:    s.in.id,
		HoldMedia:     s.playlist(a.holdMedia),
		AnswerTimeout: time.Duration(a.answerSeconds) * time.Second,
		MaxDuration:   time.Duration(a.secondary.minutes) * time.Minute,
		EarlyMedia:    a.earlyMedia,
		Ringing:       s.in.service.Ringing,
	}
}

// connectCode is the code for a callee that did not answer.
func connectCode(err error) Code {
	_, refused := errors.AsType[*call.DialError](err)
	switch {
	case errors.Is(err, call.ErrAnswerTimeout):
		return CodeConnectTimeout
	case refused, errors.Is(err, call.ErrConnectFailed), errors.Is(err, call.ErrConferenceFull),
		errors.Is(err, call.ErrConferenceBusy):
		return CodeConnectFailed
	}
	return CodeInternal
}
