package restapi

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mediaserver/dtmf"
	"mediaserver/internal/shorten"
)

// version is an API version, or a set of them.
type version uint8

// The versions.
const (
	v1 version = 1 << iota
	v2
	both = v1 | v2
)

// rules say how an answer is judged.
type rules struct {
	version    version
	strict     bool
	secondary  bool // the answer is for a secondary call
	extraCalls int  // secondary calls the service allows at once
}

// reader judges a document. It reads all of it and keeps the fault that comes
// first in the document; warnings are for what was tolerated.
type reader struct {
	rules
	path     []segment
	action   string // the action of the list that is being read, "" outside
	nested   bool   // a play inside another action is being read
	first    *ActionError
	firstPos int
	place    []segment // of first
	warnings []string
	unsaid   int // warnings beyond maxWarnings
}

// fault reports what is wrong at the current path, in the document at pos.
func (r *reader) fault(pos int, code Code, format string, args ...any) {
	r.faultAt(r.path, pos, code, format, args...)
}

func (r *reader) faultAt(path []segment, pos int, code Code, format string, args ...any) {
	if r.first != nil && r.firstPos <= pos {
		return
	}
	text := fmt.Sprintf(format, args...)
	if place := pathString(path); place != "" {
		text = place + ": " + text
	}
	r.first, r.firstPos = &ActionError{Code: code, Action: clip(r.action), Text: text}, pos
	r.place = slices.Clone(path)
}

// maxWarnings is how many warnings an answer gives at most.
const maxWarnings = 20

// warn notes what was tolerated at the current path.
func (r *reader) warn(format string, args ...any) {
	if len(r.warnings) == maxWarnings {
		r.unsaid++
		return
	}
	r.warnings = append(r.warnings, pathString(r.path)+": "+fmt.Sprintf(format, args...))
}

// enter goes into a member or element; leave goes back.
func (r *reader) enter(s segment) { r.path = append(r.path, s) }
func (r *reader) leave()          { r.path = r.path[:len(r.path)-1] }

// wrongType reports a value of another type than wanted.
func (r *reader) wrongType(n *node, wanted kind) {
	r.fault(n.pos, CodeInvalidValue, "is %v, not %v", n.kind, wanted)
}

// string reads a string.
func (r *reader) string(n *node) (string, bool) {
	if n.kind != text {
		r.wrongType(n, text)
		return "", false
	}
	return n.text, true
}

// bool reads a boolean; not strict, "true" and "false" as well.
func (r *reader) bool(n *node) (value, ok bool) {
	switch {
	case n.kind == boolean:
	case n.kind == text && !r.strict && (n.text == "true" || n.text == "false"):
		r.warn("the string %q is taken as a boolean", n.text)
	default:
		r.wrongType(n, boolean)
		return false, false
	}
	return n.text == "true", true
}

// integer reads a whole number from lo to hi; not strict, one in a string as
// well.
func (r *reader) integer(n *node, lo, hi int) (int, bool) {
	converted := false
	switch {
	case n.kind == number:
	case n.kind == text && !r.strict && isNumber(n.text):
		converted = true
	default:
		r.wrongType(n, number)
		return 0, false
	}
	f, err := strconv.ParseFloat(n.text, 64)
	if err != nil || f != math.Trunc(f) {
		r.fault(n.pos, CodeInvalidValue, "%s is not a whole number", clip(n.text))
		return 0, false
	}
	if f < float64(lo) || f > float64(hi) {
		r.fault(n.pos, CodeInvalidValue, "%s is not from %d to %d", clip(n.text), lo, hi)
		return 0, false
	}
	if converted {
		r.warn("the string %q is taken as a number", clip(n.text))
	}
	return int(f), true
}

// isNumber says whether s has the form of a JSON number.
func isNumber(s string) bool {
	digits := func() bool {
		rest := strings.TrimLeft(s, "0123456789")
		some := len(rest) < len(s)
		s = rest
		return some
	}
	s = strings.TrimPrefix(s, "-")
	if strings.HasPrefix(s, "0") && len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
		return false
	}
	if !digits() {
		return false
	}
	if rest, ok := strings.CutPrefix(s, "."); ok {
		s = rest
		if !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = strings.TrimPrefix(strings.TrimPrefix(s[1:], "+"), "-")
		if !digits() {
			return false
		}
	}
	return s == ""
}

// digit reads a single digit; "" is none. Not strict, a number of one digit as
// well.
func (r *reader) digit(n *node) (dtmf.Digit, bool) {
	s := n.text
	switch {
	case n.kind == text && s == "":
		return 0, true
	case n.kind == text:
	case n.kind == number && !r.strict && len(s) == 1:
		r.warn("the number %s is taken as a digit", s)
	default:
		r.wrongType(n, text)
		return 0, false
	}
	if len(s) == 1 {
		if d, ok := capitalDigit(s[0]); ok {
			return d, true
		}
	}
	r.fault(n.pos, CodeInvalidValue, "%q is not a single digit", clip(s))
	return 0, false
}

// capitalDigit is a digit as pages write it: letters are capital.
func capitalDigit(b byte) (dtmf.Digit, bool) {
	d, ok := dtmf.ParseDigit(b)
	return d, ok && byte(d) == b
}

// oneOf reads a string that is one of choices.
func (r *reader) oneOf(n *node, choices ...string) (string, bool) {
	s, ok := r.string(n)
	if !ok {
		return "", false
	}
	for _, c := range choices {
		if s == c {
			return s, true
		}
	}
	r.fault(n.pos, CodeInvalidValue, "%q is not one of %s", clip(s), strings.Join(choices, ", "))
	return "", false
}

// maxQuoted is how much of a value is repeated in a text for people [bytes].
const maxQuoted = 64

// clip shortens s for a text.
func clip(s string) string { return shorten.Text(s, maxQuoted) }
