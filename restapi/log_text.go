package restapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxLogText is how much of a request or an answer an instance's log keeps
// [bytes].
const maxLogText = 8 << 10

// maskText stands in place of what is private.
const maskText = "********"

// privateKey says whether the value of a member never stands in logs: keys of
// ciphers, what callers entered, and the token, which is the application's.
func privateKey(name string) bool {
	switch name {
	case "token", "key", "initialisation_vector", "entered_number", "entered_digits":
		return true
	}
	return false
}

// pageKey says whether the value of a member is the address of a page.
func pageKey(name string) bool {
	switch name {
	case "url", "first_page", "next_page", "final_page", "error_page", "recording_available_page":
		return true
	}
	return false
}

// isAddress says whether s is an address that may hold a login or a query.
func isAddress(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	return ok && slices.Contains([]string{"http", "https", "ws", "wss"}, strings.ToLower(scheme))
}

// logRequest notes what a page is told.
func (in *instance) logRequest(kind pageKind, q question, info []byte) {
	if in.log.Enabled(context.Background(), slog.LevelDebug) {
		in.log.Debug("page request", "page", kind, "url", redact(q.page.URL), "method", q.page.method(), "info", masked(info))
	}
}

// logAnswer notes what a page answered.
func (in *instance) logAnswer(kind pageKind, body []byte, took time.Duration) {
	if in.log.Enabled(context.Background(), slog.LevelDebug) {
		in.log.Debug("page answer", "page", kind, "bytes", len(body), "took_ms", took.Milliseconds(), "answer", masked(body))
	}
}

// masked is a JSON text for logs: without private text, keys, entered digits
// and what addresses hide, not too long. Anything that is no JSON is left out.
func masked(text []byte) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return ""
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "(no JSON)"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(mask(v)); err != nil {
		return "(no JSON)"
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(out) <= maxLogText {
		return string(out)
	}
	out = out[:maxLogText]
	for !utf8.Valid(out) {
		out = out[:len(out)-1]
	}
	return string(out) + "…"
}

// mask takes what is private out of a decoded JSON text. A text is private
// unless text_is_private is absent or plainly false: lenient services take
// other spellings of true.
func mask(v any) any {
	switch v := v.(type) {
	case string:
		if isAddress(v) {
			return redact(v)
		}
	case []any:
		for i := range v {
			v[i] = mask(v[i])
		}
	case map[string]any:
		private, said := v["text_is_private"]
		for name := range v {
			address, plain := v[name].(string)
			switch {
			case plain && pageKey(name): // it may be relative
				v[name] = redact(address)
			case privateKey(name) && v[name] != nil && v[name] != "":
				v[name] = maskText
			case name == "text_to_say" && said && private != false && private != nil && private != "false":
				v[name] = maskText
			default:
				v[name] = mask(v[name])
			}
		}
	}
	return v
}
