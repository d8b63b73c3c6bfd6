package restapi

import (
	"context"
	"errors"
	"fmt"

	"mediaserver/call"
)

// play plays media to the call.
type play struct {
	list    []media
	bargeIn bool // a digit stops it
}

var playProperties = properties[play]{
	property[play]{name: "play_list", read: func(r *reader, n *node, p *play) { p.list = r.playList(n) }}.must(both),
	boolProperty("barge_in", func(p *play) *bool { return &p.bargeIn }).in(v1),
	boolProperty("barge_in_on_digit", func(p *play) *bool { return &p.bargeIn }).in(v2),
	property[play]{name: "barge_in_on_speech", versions: v2, read: func(r *reader, n *node, _ *play) {
		if on, ok := r.bool(n); ok && on && !r.nested {
			r.fault(n.pos, CodeInvalidValue, "there is no speech engine that could barge in")
		}
	}},
	ignoredObject[play]("barge_in_on_speech_options").in(v2),
}

func readPlay(r *reader, n *node) action {
	p := &play{bargeIn: true}
	readObject(r, n, playProperties, p)
	return p
}

// nestedPlay reads a play action as the value of a property: the complete
// action object.
func (r *reader) nestedPlay(n *node) *play {
	if n.kind != object || len(n.children) != 1 || n.children[0].key != "play" {
		r.fault(n.pos, CodeInvalidValue, `is not a play action, {"play": {…}}`)
		return nil
	}
	p := &play{}
	r.nested = true
	r.enter(segment{key: "play"})
	readObject(r, &n.children[0].value, playProperties, p)
	r.leave()
	r.nested = false
	return p
}

// playProperty is a play action or none.
func playProperty[T any](name string, field func(*T) **play) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		*field(v) = r.nestedPlay(n)
	}}
}

// run plays to the call; a digit that stops it is no error.
func (p *play) run(ctx context.Context, s *step) (turn, error) {
	if s.course.verbs.life.Info().State == call.Inbound { // no automatic answer
		if err := s.course.verbs.answer.EarlyMedia(ctx); err != nil && !errors.Is(err, call.ErrNotInbound) {
			return turn{}, err
		}
	}
	list, refused := s.playlist(p)
	err := s.course.verbs.media.Play(ctx, list, call.PlayOptions{BargeIn: p.bargeIn})
	if broken, ok := errors.AsType[*call.MediaError](err); ok {
		return turn{}, s.mediaFailure(p, broken, refused)
	}
	return turn{}, err
}

// forbiddenMedia is the address of media that a service may not use. Nothing
// can be fetched from it, so that a play fails when it comes to it and not
// before.
const forbiddenMedia = "about:forbidden"

// playlist is p for a call: relative addresses resolved, and what cannot be
// played by order of the service replaced. refused says why, by index.
func (s *step) playlist(p *play) (list call.Playlist, refused map[int]*ActionError) {
	if p == nil {
		return nil, nil
	}
	refuse := func(i int, code Code, format string, args ...any) {
		if refused == nil {
			refused = make(map[int]*ActionError)
		}
		refused[i] = failure(code, nil, format, args...)
		list[i] = call.MediaItem{URL: forbiddenMedia}
	}
	list = make(call.Playlist, len(p.list))
	for i := range p.list {
		m := &p.list[i]
		list[i] = call.MediaItem{File: m.file, Text: m.text, Voice: m.voice, Private: m.private, Digits: m.digits}
		if m.text != "" && m.voice == "" {
			list[i].Voice = s.in.service.Voice
		}
		if m.address.isSet() {
			address, err := resolve(s.base, m.address)
			switch {
			case err != nil:
				refuse(i, CodeMediaNotFound, "%v", err)
			case !hostAllowed(s.in.service.PageHosts, address):
				refuse(i, CodeMediaNotFound, "the host %s is not allowed", address.Host)
			default:
				list[i].URL = address.String()
			}
		}
		if m.cipher != nil {
			refuse(i, CodeMediaInvalid, "encrypted media are not supported")
		}
	}
	return list, refused
}

// nestedPlaylist is playlist for media whose failure is no error. What cannot
// be played is warned of.
func (s *step) nestedPlaylist(property string, p *play) call.Playlist {
	list, refused := s.playlist(p)
	for i, why := range refused {
		s.in.log.Warn("media cannot be played", "property", fmt.Sprintf("%s.%s.play.play_list[%d]", s.action.path, property, i), "error", why)
	}
	return list
}

// mediaFailure is the error of a play whose element could not be played.
func (s *step) mediaFailure(p *play, broken *call.MediaError, refused map[int]*ActionError) error {
	place := fmt.Sprintf("%s.play_list[%d]", s.action.path, broken.Index)
	if why := refused[broken.Index]; why != nil {
		return failure(why.Code, broken, "%s: %s", place, why.Text)
	}
	if broken.Index < 0 || broken.Index >= len(p.list) {
		return failure(CodeInternal, broken, "%s: no such element", place)
	}
	m := &p.list[broken.Index]
	if m.private { // the reason may repeat the text
		return failure(mediaCode(broken), nil, "%s: a private text cannot be spoken", place)
	}
	return failure(mediaCode(broken), broken, "%s: %s: %s", place, m.describe(), plain(broken.Err))
}

// mediaCode is the code for media that cannot be played.
func mediaCode(err error) Code {
	switch {
	case errors.Is(err, call.ErrMediaNotFound):
		return CodeMediaNotFound
	case errors.Is(err, call.ErrSpeech):
		return CodeTTSFailed
	case errors.Is(err, call.ErrMediaInvalid):
		return CodeMediaInvalid
	}
	return CodeInternal
}

// describe names the media without passwords.
func (m *media) describe() string {
	switch {
	case m.text != "":
		return fmt.Sprintf("the text %q", clip(m.text))
	case m.file != "":
		return m.file
	case m.address.isSet():
		return redact(m.address.URL)
	default:
		return "the digits " + m.digits
	}
}
