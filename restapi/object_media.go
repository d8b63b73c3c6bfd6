package restapi

import (
	"strings"
	"unicode/utf8"
)

// Limits of media.
const (
	maxPlayList     = 100  // media in one play_list
	maxText         = 5000 // of text_to_say [characters]
	maxDigitsToPlay = 64
	maxMediaName    = 255 // [characters]
)

// media is one element of a play_list: exactly one of text, file, address and
// digits is set.
type media struct {
	text    string // to be spoken
	voice   string
	private bool // text stays out of logs

	file    string // name in the media store
	address Page   // of an audio file
	cipher  *cipher

	digits string
}

var mediaProperties = properties[media]{
	property[media]{name: "text_to_say", read: func(r *reader, n *node, m *media) {
		s, ok := r.string(n)
		switch length := utf8.RuneCountInString(s); {
		case !ok:
		case length == 0 || length > maxText:
			r.fault(n.pos, CodeInvalidValue, "has %d characters, not 1 to %d", length, maxText)
		default:
			m.text = s
		}
	}},
	stringProperty("tts_voice", func(m *media) *string { return &m.voice }),
	boolProperty("text_is_private", func(m *media) *bool { return &m.private }).in(v2),
	property[media]{name: "file_to_play", read: readFileToPlay},
	cipherProperty("decryption_cipher", false, func(m *media) **cipher { return &m.cipher }),
	property[media]{name: "digits_to_play", read: func(r *reader, n *node, m *media) {
		s, ok := r.string(n)
		switch {
		case !ok:
		case len(s) == 0 || len(s) > maxDigitsToPlay || !allDigits(s):
			r.fault(n.pos, CodeInvalidValue, "%q is not 1 to %d digits", clip(s), maxDigitsToPlay)
		default:
			m.digits = s
		}
	}},
}

// allDigits says whether s consists of digits of the telephone.
func allDigits(s string) bool {
	for i := range len(s) {
		if _, ok := capitalDigit(s[i]); !ok {
			return false
		}
	}
	return true
}

// readFileToPlay reads a name in the media store, an address, or a page that
// is fetched with GET.
func readFileToPlay(r *reader, n *node, m *media) {
	if n.kind == object {
		m.address = r.page(n, "GET")
		if m.address.Method == "POST" {
			r.enter(segment{key: "method"})
			r.fault(n.child("method").value.pos, CodeInvalidValue, "media are fetched with GET only")
			r.leave()
		}
		return
	}
	s, ok := r.string(n)
	switch {
	case !ok:
	case strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://"):
		if r.address(n, s) {
			m.address = Page{URL: s, Method: "GET"}
		}
	default:
		if fault := mediaNameFault(s); fault != "" {
			r.fault(n.pos, CodeInvalidValue, "%q %s", clip(s), fault)
			return
		}
		m.file = s
	}
}

// mediaNameFault says what is wrong with a name in the media store, "" if it
// is right.
func mediaNameFault(s string) string {
	name := strings.TrimPrefix(s, "/")
	switch {
	case name == "" || len(name) > maxMediaName:
		return "does not have 1 to 255 characters"
	case strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/@-:") != "":
		return "holds a character that names of media do not have"
	case strings.Contains(s, "..") || strings.Contains(s, "//") || strings.Contains(s, "/./"):
		return "holds .., // or /./"
	}
	for _, ending := range []string{".wav", ".wave", ".tif", ".tiff"} {
		if strings.HasSuffix(name, ending) {
			return ""
		}
	}
	return "does not end in .wav, .wave, .tif or .tiff"
}

// mediaKindOf is the property that a kind of media cannot be without, by any
// of its properties.
func mediaKindOf(property string) string {
	switch property {
	case "text_to_say", "tts_voice", "text_is_private":
		return "text_to_say"
	case "file_to_play", "decryption_cipher":
		return "file_to_play"
	case "digits_to_play":
		return "digits_to_play"
	}
	return ""
}

// media reads one element of a play_list.
func (r *reader) media(n *node) media {
	var m media
	if !readObject(r, n, mediaProperties, &m) {
		return m
	}
	r.oneKind(n)
	if file := n.child("file_to_play"); m.cipher != nil && file != nil && file.value.kind == object {
		at := n.child("decryption_cipher")
		r.enter(segment{key: at.key})
		r.fault(max(at.keyPos, file.keyPos), CodeInvalidValue, "does not go with a page")
		r.leave()
	}
	return m
}

// oneKind checks that the properties of media are all of one kind and that
// the one which the kind cannot be without is there. Properties that are null
// only count when there is nothing else.
func (r *reader) oneKind(n *node) {
	kind, nullKind := "", ""
	for i := range n.children {
		c := &n.children[i]
		k := mediaKindOf(c.key)
		switch {
		case k == "":
		case c.value.kind == null:
			nullKind = k
		case kind == "" || k == kind:
			kind = k
		default:
			r.enter(segment{key: c.key})
			r.fault(c.keyPos, CodeInvalidValue, "does not go with %s", kind)
			r.leave()
			return
		}
	}
	if kind == "" {
		kind = nullKind
	}
	if kind == "" {
		r.fault(n.pos, CodeInvalidValue, "is no media: it has neither text_to_say, file_to_play nor digits_to_play")
		return
	}
	if c := n.child(kind); c == nil || c.value.kind == null {
		r.enter(segment{key: kind})
		r.fault(n.pos, CodeMissingProperty, "is required")
		r.leave()
	}
}

// playList reads a play_list.
func (r *reader) playList(n *node) []media {
	switch {
	case n.kind != array:
		r.wrongType(n, array)
		return nil
	case len(n.children) == 0:
		r.fault(n.pos, CodeInvalidValue, "is empty")
		return nil
	}
	list := make([]media, 0, min(len(n.children), maxPlayList))
	for i := range n.children {
		r.enter(segment{index: i})
		if i == maxPlayList {
			r.fault(n.children[i].keyPos, CodeLimitExceeded, "more than %d media in a play_list", maxPlayList)
			r.leave()
			break
		}
		list = append(list, r.media(&n.children[i].value))
		r.leave()
	}
	return list
}

// ValidMediaName says whether s may be the name of a file in the media store.
func ValidMediaName(s string) bool { return mediaNameFault(s) == "" }
