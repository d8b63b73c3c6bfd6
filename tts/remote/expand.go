package remote

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"mediaserver/tts/speech"
	"mediaserver/tts/template"
)

// values are what the placeholders stand for.
func values(r speech.Request, key string) template.Values {
	return template.Values{
		"text": r.Text, "voice": r.Voice.ID, "language": r.Voice.Language,
		"rate": strconv.FormatFloat(r.Speed(), 'f', -1, 64), "key": key,
	}
}

// address fills in the address. The part before the question mark is escaped as
// a path, the rest as a query.
func address(form string, values template.Values) string {
	path, query, ok := strings.Cut(form, "?")
	path = template.Expand(path, values, url.PathEscape)
	if !ok {
		return path
	}
	return path + "?" + template.Expand(query, values, url.QueryEscape)
}

// escaper is how values get into a body of a type.
func escaper(contentType string) (func(string) string, error) {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	media = strings.TrimSpace(media)
	switch {
	case media == "application/json", strings.HasSuffix(media, "+json"):
		return template.JSON, nil
	case media == "application/x-www-form-urlencoded":
		return url.QueryEscape, nil
	case media == "application/xml", media == "text/xml", strings.HasSuffix(media, "+xml"):
		return inXML, nil
	case strings.HasPrefix(media, "text/"):
		return template.Plain, nil
	}
	return nil, fmt.Errorf("remote: a body of type %q cannot be filled in", contentType)
}

// inXML escapes a value for text and attributes.
func inXML(s string) string {
	var b strings.Builder
	// A strings.Builder takes all that is written to it.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// inHeader takes out what would begin another header.
func inHeader(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
