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
	err := s.course.verbs.media.Play(ctx, s.playlist(p), call.PlayOptions{BargeIn: p.bargeIn})
	broken, ok := errors.AsType[*call.MediaError](err)
	switch {
	case ok && ctx.Err() != nil: // the server ends; that is not the fault of the media
		return turn{}, context.Cause(ctx)
	case ok:
		return turn{}, s.mediaFailure(p, broken)
	}
	return turn{}, err
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

// mediaFailure is the error of a play whose element could not be played.
func (s *step) mediaFailure(p *play, broken *call.MediaError) error {
	place := fmt.Sprintf("%s.play_list[%d]", s.action.path, broken.Index)
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
