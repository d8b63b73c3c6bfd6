package ssml

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"mediaserver/tts/speech"
)

// Bounds of a document. One that goes beyond is spoken as plain text.
const (
	maxDepth = 32
	maxTags  = 2000
)

// Pauses.
const (
	maxPause       = 10 * time.Second // one break
	maxPauses      = 60 * time.Second // all breaks of a text
	paragraphPause = 300 * time.Millisecond
)

// Part is a text that is spoken at one speed, and the silence after it.
type Part struct {
	Text  string // plain; may be "" if there is only silence
	Rate  float64
	Pause time.Duration
}

// Parse makes parts of a text. Parts without text and pause are left out; a
// text of only blanks or tags has no parts.
func Parse(text string) []Part {
	if !strings.ContainsAny(text, "<&") {
		return plain(text)
	}
	parts, err := parse(text)
	if err != nil {
		return plain(text)
	}
	return parts
}

func plain(text string) []Part {
	if text = tidy(text); text == "" {
		return nil
	}
	return []Part{{Text: text, Rate: 1}}
}

// tidy makes every run of blanks, control and other unspeakable characters one
// blank.
func tidy(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar ||
			unicode.Is(unicode.Co, r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}

var errForm = errors.New("ssml: not well-formed")

// element is an open tag.
type element struct {
	name   string
	rate   float64
	spell  bool // say-as: one character at a time
	silent bool // its content is not spoken
}

// reader collects the parts of a document.
type reader struct {
	open  []element
	parts []Part
	text  strings.Builder
	pause time.Duration // sum of all
}

// parse reads a document or the content of one.
func parse(text string) ([]Part, error) {
	const root, end = "<speak>", "</speak>"
	d := xml.NewDecoder(strings.NewReader(root + text + end))
	// A text is UTF-8 by now, whatever its XML declaration says.
	d.CharsetReader = func(_ string, text io.Reader) (io.Reader, error) { return text, nil }
	r := reader{open: []element{{rate: 1}}}
	total := int64(len(root) + len(text) + len(end))
	tags := 0
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && len(r.open) == 1 {
			r.flush(0)
			return r.parts, nil
		}
		if err != nil {
			return nil, errForm
		}
		switch t := t.(type) {
		case xml.StartElement:
			if tags++; tags > maxTags || len(r.open) > maxDepth {
				return nil, errForm
			}
			r.start(t)
		case xml.EndElement:
			r.end()
			// The root that encloses all must not end before the text does.
			if len(r.open) == 1 && d.InputOffset() != total {
				return nil, errForm
			}
		case xml.CharData:
			r.chars(string(t))
		}
	}
}

func (r *reader) top() *element { return &r.open[len(r.open)-1] }

func (r *reader) start(t xml.StartElement) {
	e := *r.top()
	e.name = t.Name.Local
	attribute := func(name string) string {
		for _, a := range t.Attr {
			if a.Name.Local == name {
				return strings.TrimSpace(a.Value)
			}
		}
		return ""
	}
	switch e.name {
	case "break":
		r.flush(pauseOf(attribute("time"), attribute("strength")))
	case "p", "s":
		r.flush(0)
	case "prosody":
		if rate := rateOf(attribute("rate")); rate > 0 {
			r.flush(0)
			e.rate = min(max(e.rate*rate, speech.MinRate), speech.MaxRate)
		}
	case "say-as":
		switch attribute("interpret-as") {
		case "digits", "telephone", "characters", "spell-out", "verbatim":
			e.spell = true
		}
	case "metadata", "desc":
		e.silent = true
	}
	r.open = append(r.open, e)
}

func (r *reader) end() {
	e := *r.top()
	switch e.name {
	case "p":
		r.flush(0)
		if len(r.parts) > 0 { // there is something to pause after
			r.flush(paragraphPause)
		}
	case "s":
		r.flush(0)
	case "prosody":
		if e.rate != r.open[len(r.open)-2].rate {
			r.flush(0)
		}
	}
	r.open = r.open[:len(r.open)-1]
}

func (r *reader) chars(s string) {
	e := r.top()
	switch {
	case e.silent:
	case e.spell:
		for _, c := range s {
			if unicode.IsLetter(c) || unicode.IsDigit(c) || c == '*' || c == '#' || c == '+' {
				r.text.WriteByte(' ')
				r.text.WriteRune(c)
			}
		}
		r.text.WriteByte(' ')
	default:
		r.text.WriteString(s)
	}
}

// flush ends a part and lets pause follow it.
func (r *reader) flush(pause time.Duration) {
	pause = min(pause, maxPauses-r.pause)
	r.pause += pause
	text := tidy(r.text.String())
	r.text.Reset()
	switch n := len(r.parts); {
	case text != "":
		r.parts = append(r.parts, Part{Text: text, Rate: r.top().rate, Pause: pause})
	case pause == 0:
	case n > 0:
		r.parts[n-1].Pause += pause
	default:
		r.parts = append(r.parts, Part{Rate: 1, Pause: pause})
	}
}

// strengths of breaks.
var strengths = map[string]time.Duration{
	"none": 0, "x-weak": 100 * time.Millisecond, "weak": 250 * time.Millisecond, "": 500 * time.Millisecond,
	"medium": 500 * time.Millisecond, "strong": 750 * time.Millisecond, "x-strong": time.Second,
}

// pauseOf is the length of a break; a time that cannot be read counts as not
// given.
func pauseOf(length, strength string) time.Duration {
	number, unit := strings.CutSuffix(length, "ms")
	scale := time.Millisecond
	if !unit {
		number, _ = strings.CutSuffix(length, "s")
		scale = time.Second
	}
	if v, err := strconv.ParseFloat(number, 64); err == nil && number != length && v >= 0 {
		return time.Duration(min(v*float64(scale), float64(maxPause)))
	}
	return strengths[strength]
}

// rates of prosody.
var rates = map[string]float64{"x-slow": 0.5, "slow": 0.75, "medium": 1, "default": 1, "fast": 1.25, "x-fast": 1.5}

// rateOf is a speed, as a word, a factor ("1.2"), a share ("80%") or a change
// ("+20%"); 0 if it cannot be read.
func rateOf(s string) float64 {
	if v, ok := rates[s]; ok {
		return v
	}
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || v != v:
		return 0
	case percent && strings.HasPrefix(number, "+"), percent && strings.HasPrefix(number, "-"):
		v = 1 + v/100
	case percent:
		v /= 100
	}
	if v <= 0 {
		return 0
	}
	return min(max(v, speech.MinRate), speech.MaxRate)
}
