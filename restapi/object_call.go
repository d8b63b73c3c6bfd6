package restapi

import "strings"

// Limits and defaults of a secondary call.
const (
	defaultSecondaryMinutes = 240
	maxSecondaryMinutes     = 1440

	recordingMixed    = "mixed"
	recordingSeparate = "separate"
)

// secondaryCall is what an action says about the call it makes.
type secondaryCall struct {
	minutes   int // longest duration, from its answer
	firstPage Page
	finalPage Page
	errorPage Page
	recording recordingOptions
}

// recordingOptions say how a whole call is recorded.
type recordingOptions struct {
	on            bool
	encrypted     bool
	eliminateDTMF bool
	mode          string
	cipher        *cipher
}

func defaultSecondaryCall() secondaryCall {
	return secondaryCall{
		minutes:   defaultSecondaryMinutes,
		recording: recordingOptions{eliminateDTMF: true, mode: recordingMixed},
	}
}

var secondaryCallProperties = properties[secondaryCall]{
	boolProperty("call_recording", func(s *secondaryCall) *bool { return &s.recording.on }),
	boolProperty("call_recording_encryption", func(s *secondaryCall) *bool { return &s.recording.encrypted }),
	intProperty("minutes_max_call_duration", 1, maxSecondaryMinutes, func(s *secondaryCall) *int { return &s.minutes }),
	pageProperty("first_page", func(s *secondaryCall) *Page { return &s.firstPage }),
	pageProperty("final_page", func(s *secondaryCall) *Page { return &s.finalPage }),
	pageProperty("error_page", func(s *secondaryCall) *Page { return &s.errorPage }),
	boolProperty("call_recording_eliminate_dtmf", func(s *secondaryCall) *bool { return &s.recording.eliminateDTMF }).in(v2),
	choiceProperty("call_recording_mode", func(s *secondaryCall) *string { return &s.recording.mode }, recordingMixed, recordingSeparate).in(v2),
	cipherProperty("call_recording_cipher", true, func(s *secondaryCall) **cipher { return &s.recording.cipher }).in(v2),
}

// sipHeader is a header field to be sent along.
type sipHeader struct{ name, value string }

var sipHeaderProperties = properties[sipHeader]{
	property[sipHeader]{name: "name", read: func(r *reader, n *node, h *sipHeader) {
		s, ok := r.string(n)
		switch {
		case !ok:
		case !isExtensionHeader(s):
			r.fault(n.pos, CodeInvalidValue, "%q is not the name of an X- header", clip(s))
		default:
			h.name = s
		}
	}}.must(v2),
	property[sipHeader]{name: "value", read: func(r *reader, n *node, h *sipHeader) {
		s, ok := r.string(n)
		switch {
		case !ok:
		case strings.ContainsAny(s, "\r\n\x00"):
			r.fault(n.pos, CodeInvalidValue, "holds a line break")
		default:
			h.value = s
		}
	}}.must(v2),
}

// isExtensionHeader says whether s is a token (RFC 3261 §25.1) that starts
// with X-.
func isExtensionHeader(s string) bool {
	rest, ok := strings.CutPrefix(s, "X-")
	if !ok || rest == "" {
		return false
	}
	for _, c := range []byte(rest) {
		alphanumeric := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alphanumeric && !strings.ContainsRune("-.!%*_+`'~", rune(c)) {
			return false
		}
	}
	return true
}

// sipHeaders reads an array of header fields.
func (r *reader) sipHeaders(n *node) []sipHeader {
	if n.kind != array {
		r.wrongType(n, array)
		return nil
	}
	var list []sipHeader
	for i := range n.children {
		r.enter(segment{index: i})
		var h sipHeader
		readObject(r, &n.children[i].value, sipHeaderProperties, &h)
		list = append(list, h)
		r.leave()
	}
	return list
}
