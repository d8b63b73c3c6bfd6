package restapi

import (
	"cmp"
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
	if !r.isPlayAction(n) {
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

// isPlayAction checks that n is an object with play as its one member.
func (r *reader) isPlayAction(n *node) bool {
	if n.kind == object && len(n.children) == 1 && n.children[0].key == "play" {
		return true
	}
	r.fault(n.pos, CodeInvalidValue, `is not a play action, {"play": {…}}`)
	return false
}

// playProperty is a play action or none.
func playProperty[T any](name string, field func(*T) **play) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		*field(v) = r.nestedPlay(n)
	}}
}

// run plays to the call. A digit that stops it may be the first of the
// following action.
func (p *play) run(ctx context.Context, s *step) (turn, error) {
	if err := s.openAudio(ctx); err != nil {
		return turn{}, err
	}
	by, err := s.course.verbs.media.Play(ctx, s.playlist(p), call.PlayOptions{BargeIn: p.bargeIn})
	s.course.typed = by
	return turn{}, playFailure(p, s.action.path, err)
}

// openAudio has an unanswered call hear and be heard: early media, where there
// is no automatic answer.
func (s *step) openAudio(ctx context.Context) error {
	if s.course.verbs.life.Info().State != call.Inbound {
		return nil
	}
	if err := s.course.verbs.answer.EarlyMedia(ctx); err != nil && !errors.Is(err, call.ErrNotInbound) {
		return err
	}
	return nil
}

// playFailure is what err, of the play at path, is for the application.
func playFailure(p *play, path string, err error) error {
	if broken, ok := errors.AsType[*call.MediaError](err); ok {
		return mediaFailure(p, path, broken)
	}
	return err
}

// playlist is p for a call, with absolute addresses; nil for no play.
func (s *step) playlist(p *play) call.Playlist {
	if p == nil {
		return nil
	}
	list := make(call.Playlist, len(p.list))
	for i := range p.list {
		list[i] = s.mediaItem(&p.list[i])
	}
	return list
}

// mediaItem is one element of a play_list for a call.
func (s *step) mediaItem(m *media) call.MediaItem {
	item := call.MediaItem{File: m.file, Digits: m.digits}
	if m.text != "" {
		item.Text, item.Private = m.text, m.private
		item.Voice = cmp.Or(m.voice, s.in.service.Voice)
	}
	if m.address.isSet() {
		item.URL, item.Hosts = m.address.URL, s.in.service.PageHosts
		if address, err := resolve(s.base, m.address); err == nil { // else the loader says what is wrong
			item.URL = address.String()
		}
	}
	if m.cipher != nil {
		item.Cipher = &call.Cipher{Key: m.cipher.key, IV: m.cipher.vector}
	}
	return item
}

// mediaFailure is the error of the play at path whose element could not be
// played.
func mediaFailure(p *play, path string, broken *call.MediaError) error {
	place := fmt.Sprintf("%s.play_list[%d]", path, broken.Index)
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
