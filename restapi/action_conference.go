package restapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// conferenceAction is the name of the action.
const conferenceAction = "connect_to_conference"

// Limits and defaults of connect_to_conference.
const (
	maxConferenceName    = 128
	defaultAnswerSeconds = 30
	maxAnswerSeconds     = 600
)

// connectToConference joins the primary call to a room by a secondary call.
type connectToConference struct {
	name          string
	holdMedia     *play
	answerSeconds int
	participant   participant
	secondary     secondaryCall
	nextPage      Page
}

// participant is the property conference_participant.
type participant struct {
	talker        bool
	startOnEntry  bool
	destroyOnExit bool
	beepOnEntry   bool
	exit          dtmf.Digit // 0 = none, as the two below
	mute          dtmf.Digit
	unmute        dtmf.Digit
	whileStopped  *play
	name          *play
	hasJoined     *play
	hasLeft       *play
}

func defaultParticipant() participant {
	return participant{talker: true, startOnEntry: true, beepOnEntry: true}
}

var connectToConferenceProperties = properties[connectToConference]{
	property[connectToConference]{name: "name", read: func(r *reader, n *node, a *connectToConference) {
		s, ok := r.string(n)
		switch {
		case !ok:
		case !isConferenceName(s):
			r.fault(n.pos, CodeInvalidValue, "%q is not 1 to %d of A–Z a–z 0–9 . _ - @", clip(s), maxConferenceName)
		default:
			a.name = s
		}
	}}.must(both),
	playProperty("hold_media", func(a *connectToConference) **play { return &a.holdMedia }),
	intProperty("seconds_answer_timeout", 1, maxAnswerSeconds, func(a *connectToConference) *int { return &a.answerSeconds }),
	property[connectToConference]{name: "conference_participant", read: func(r *reader, n *node, a *connectToConference) {
		readObject(r, n, participantProperties, &a.participant)
		r.distinctDigits(n, &a.participant)
	}},
	property[connectToConference]{name: "secondary_call", read: func(r *reader, n *node, a *connectToConference) {
		readObject(r, n, secondaryCallProperties, &a.secondary)
	}},
	pageProperty("next_page", func(a *connectToConference) *Page { return &a.nextPage }),
}

var participantProperties = properties[participant]{
	boolProperty("talker", func(p *participant) *bool { return &p.talker }),
	boolProperty("start_on_entry", func(p *participant) *bool { return &p.startOnEntry }),
	boolProperty("destroy_on_exit", func(p *participant) *bool { return &p.destroyOnExit }),
	boolProperty("beep_on_entry", func(p *participant) *bool { return &p.beepOnEntry }),
	digitProperty("exit_digit", func(p *participant) *dtmf.Digit { return &p.exit }),
	digitProperty("mute_digit", func(p *participant) *dtmf.Digit { return &p.mute }),
	digitProperty("unmute_digit", func(p *participant) *dtmf.Digit { return &p.unmute }),
	playProperty("while_stopped_media", func(p *participant) **play { return &p.whileStopped }),
	playProperty("name", func(p *participant) **play { return &p.name }),
	playProperty("has_joined_message", func(p *participant) **play { return &p.hasJoined }),
	playProperty("has_left_message", func(p *participant) **play { return &p.hasLeft }),
}

func readConnectToConference(r *reader, n *node) action {
	r.needExtraCalls(n, 1)
	a := &connectToConference{
		answerSeconds: defaultAnswerSeconds,
		participant:   defaultParticipant(),
		secondary:     defaultSecondaryCall(),
	}
	readObject(r, n, connectToConferenceProperties, a)
	return a
}

// isConferenceName says whether s can be the name of a room.
func isConferenceName(s string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@"
	return s != "" && len(s) <= maxConferenceName && strings.Trim(s, allowed) == ""
}

// distinctDigits checks that the exit digit does nothing else. At fault is the
// later of the two properties.
func (r *reader) distinctDigits(n *node, p *participant) {
	if p.exit == 0 {
		return
	}
	clash := func(name string, d dtmf.Digit) {
		if d != p.exit {
			return
		}
		a, b := n.child("exit_digit"), n.child(name)
		if b.value.pos < a.value.pos {
			a, b = b, a
		}
		r.enter(segment{key: b.key})
		r.fault(b.value.pos, CodeInvalidValue, "%q is the %s too", string(p.exit), a.key)
		r.leave()
	}
	clash("mute_digit", p.mute)
	clash("unmute_digit", p.unmute)
}

func (a *connectToConference) run(ctx context.Context, s *step) (turn, error) {
	j := joining{
		action: conferenceAction, to: a.name, secondary: &a.secondary, nextPage: a.nextPage,
		log: s.in.log.With("conference", a.name), code: conferenceCode,
		dial: func(ctx context.Context) (verbs, []call.Info, error) {
			v, err := s.course.verbs.conference.DialConference(ctx, a.options(s))
			return v, nil, err
		},
	}
	return j.run(ctx, s)
}

// conferenceCode is the code for a room that did not answer.
func conferenceCode(err error) Code {
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

// options are the action as the verb of a call wants it.
func (a *connectToConference) options(s *step) call.ConferenceOptions {
	p := &a.participant
	return call.ConferenceOptions{
		Name:          a.name,
		InstanceID:    s.in.id,
		HoldMedia:     s.playlist(a.holdMedia),
		AnswerTimeout: time.Duration(a.answerSeconds) * time.Second,
		Ringing:       s.in.service.Ringing,
		MaxDuration:   time.Duration(a.secondary.minutes) * time.Minute,
		Participant: call.ParticipantOptions{
			Talker: p.talker, StartOnEntry: p.startOnEntry, DestroyOnExit: p.destroyOnExit, BeepOnEntry: p.beepOnEntry,
			ExitDigit: p.exit, MuteDigit: p.mute, UnmuteDigit: p.unmute,
			WhileStopped: s.playlist(p.whileStopped),
			Name:         s.playlist(p.name),
			HasJoined:    s.playlist(p.hasJoined),
			HasLeft:      s.playlist(p.hasLeft),
		},
	}
}
