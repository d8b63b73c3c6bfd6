package sip

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// message is what requests and responses share of sipgo's interface and what
// this package asks of it.
type message interface {
	ContentType() *sipgo.ContentTypeHeader
	Body() []byte
}

// mediaType is the type of the body in lower case, without parameters.
func mediaType(m message) string {
	h := m.ContentType()
	if h == nil {
		return ""
	}
	t, _, _ := strings.Cut(h.Value(), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// maxParts is how many parts of a multipart body are looked through.
const maxParts = 8

// sdpOf is the session description in a message: its body or, as gateways
// send it beside other things, a part of that. nil if there is none.
func sdpOf(m message) []byte {
	if len(m.Body()) == 0 {
		return nil
	}
	t := mediaType(m)
	if t == typeSDP {
		return m.Body()
	}
	if !strings.HasPrefix(t, "multipart/") {
		return nil
	}
	_, params, err := mime.ParseMediaType(m.ContentType().Value())
	if err != nil || params["boundary"] == "" {
		return nil
	}
	r := multipart.NewReader(bytes.NewReader(m.Body()), params["boundary"])
	for range maxParts {
		p, err := r.NextRawPart()
		if err != nil {
			return nil
		}
		if pt, _, _ := strings.Cut(p.Header.Get("Content-Type"), ";"); !equalFold(strings.TrimSpace(pt), typeSDP) {
			continue
		}
		sdp, err := io.ReadAll(p)
		if err != nil || len(sdp) == 0 {
			return nil
		}
		return sdp
	}
	return nil
}
