package restapi

import (
	"context"
	"errors"
	"fmt"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// DefaultMessages are the sentences spoken to a caller who enters nothing or
// the wrong thing, where an action has no messages of its own. Empty is the
// wording that is built in.
type DefaultMessages struct {
	DigitTimeout []string // the n-th is for the n-th time
	InvalidDigit []string
}

// withDefaults is m with the wording that is built in.
func (m DefaultMessages) withDefaults() DefaultMessages {
	if len(m.DigitTimeout) == 0 {
		m.DigitTimeout = []string{
			"You have not entered anything. Please try again.",
			"You have still not entered anything. Please try once more.",
		}
	}
	if len(m.InvalidDigit) == 0 {
		m.InvalidDigit = []string{
			"That is not a valid entry. Please try again.",
			"That is still not a valid entry. Please try once more.",
		}
	}
	return m
}

// dialogue is how an action asks for digits: what it says first, and what it
// says when something is wrong.
type dialogue struct {
	prompt  *play     // nil = none
	timeout *messages // nil = the default ones of the service
	invalid *messages
}

// messages are plays; the n-th is for the n-th time.
type messages []*play

// noMessages are none at all.
func noMessages() dialogue { return dialogue{timeout: &messages{}, invalid: &messages{}} }

// The properties of a dialogue. A prompt is required in version 1.
var (
	promptProperty = property[dialogue]{name: "prompt", read: func(r *reader, n *node, d *dialogue) {
		d.prompt = r.spokenPlay(n)
	}}.must(v1)
	dialogueProperties = properties[dialogue]{
		promptProperty,
		messagesProperty("on_digit_timeout_messages", func(d *dialogue) **messages { return &d.timeout }),
		messagesProperty("on_invalid_digit_messages", func(d *dialogue) **messages { return &d.invalid }),
	}
)

// messagesProperty is an array of play actions.
func messagesProperty(name string, field func(*dialogue) **messages) property[dialogue] {
	return property[dialogue]{name: name, read: func(r *reader, n *node, d *dialogue) {
		if n.kind != array {
			r.wrongType(n, array)
			return
		}
		list := make(messages, 0, len(n.children))
		for i := range n.children {
			r.enter(segment{index: i})
			list = append(list, r.spokenPlay(&n.children[i].value))
			r.leave()
		}
		*field(d) = &list
	}}
}

// spokenPlay reads a play action as the value of a property, of which barge-in
// counts.
func (r *reader) spokenPlay(n *node) *play {
	if !r.isPlayAction(n) {
		return nil
	}
	r.enter(segment{key: "play"})
	defer r.leave()
	return readPlay(r, &n.children[0].value).(*play)
}

// line is something to be said before digits are collected.
type line struct {
	list    call.Playlist
	bargeIn bool
	play    *play // nil = a default message
	path    string
}

// line is a play of the action of s.
func (s *step) line(p *play, format string, args ...any) line {
	if p == nil {
		return line{bargeIn: true}
	}
	path := s.action.path + "." + fmt.Sprintf(format, args...) + ".play"
	return line{list: s.playlist(p), bargeIn: p.bargeIn, play: p, path: path}
}

// message is what is said at the n-th mistake, from 0; false when nothing is
// left to be said.
func (s *step) message(own *messages, byDefault []string, name string, n int) (line, bool) {
	switch {
	case own != nil && n < len(*own):
		return s.line((*own)[n], "%s[%d]", name, n), true
	case own != nil || n >= len(byDefault):
		return line{}, false
	}
	item := call.MediaItem{Text: byDefault[n], Voice: s.in.service.Voice}
	return line{list: call.Playlist{item}, path: fmt.Sprintf("default_messages: %s[%d]", name, n)}, true
}

// run asks until an input is complete; false when the caller has failed too
// often.
func (d *dialogue) run(ctx context.Context, s *step, rules dtmf.Rules) (digits string, complete bool, err error) {
	if err := s.openAudio(ctx); err != nil {
		return "", false, err
	}
	first, next := s.typed, s.line(d.prompt, "prompt")
	defaults := s.in.service.Messages.withDefaults()
	timeouts, mistakes := 0, 0
	for more := true; more; {
		got, err := s.course.verbs.media.Collect(ctx, call.CollectOptions{
			Prompt: next.list, BargeIn: next.bargeIn, First: first, Rules: rules,
		})
		if err != nil {
			return "", false, lineFailure(next, err)
		}
		first = 0
		switch got.Outcome {
		case dtmf.Complete:
			return got.Digits, true, nil
		case dtmf.HelpAsked:
			next = s.line(d.prompt, "prompt")
		case dtmf.Invalid:
			next, more = s.message(d.invalid, defaults.InvalidDigit, "on_invalid_digit_messages", mistakes)
			mistakes++
		default:
			next, more = s.message(d.timeout, defaults.DigitTimeout, "on_digit_timeout_messages", timeouts)
			timeouts++
		}
	}
	s.in.log.Info("input given up", "action", s.action.name, "timeouts", timeouts, "invalid", mistakes)
	return "", false, nil
}

// lineFailure is the error of a line that could not be said.
func lineFailure(l line, err error) error {
	if l.play != nil {
		return playFailure(l.play, l.path, err)
	}
	if broken, ok := errors.AsType[*call.MediaError](err); ok {
		return failure(mediaCode(broken), broken, "%s: %s", l.path, plain(broken.Err))
	}
	return err
}
