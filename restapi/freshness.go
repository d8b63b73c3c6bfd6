package restapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestAge bounds times in headers (RFC 9111 §1.2.2).
const longestAge = (1 << 31) * time.Second

// policy is what a response allows a private cache to do with it (RFC 9111).
type policy struct {
	store       bool      // it may be kept and used for other requests
	fresh       time.Time // until then it may be used without asking
	usableStale time.Time // until then it may be used when asking fails (RFC 5861 §4)
}

// policyOf reads the headers of the response to a request that was made when
// asked. There is no freshness by guessing: a response that says nothing is
// stale at once.
func policyOf(h http.Header, asked, answered time.Time) policy {
	control := cacheControl(h)
	p := policy{store: true}
	if _, no := control["no-store"]; no || varies(h) {
		p.store = false
	}
	lifetime := freshnessLifetime(h, control, answered)
	_, always := control["no-cache"]
	if always {
		lifetime = 0
	}
	p.fresh = answered.Add(lifetime - currentAge(h, asked, answered))
	p.usableStale = p.fresh
	if _, must := control["must-revalidate"]; !must && !always {
		if extra, ok := deltaSeconds(control, "stale-if-error"); ok {
			p.usableStale = p.fresh.Add(extra)
		}
	}
	return p
}

// both is what two responses on the way to one answer allow together.
func (p policy) both(q policy) policy {
	return policy{
		store:       p.store && q.store,
		fresh:       earlier(p.fresh, q.fresh),
		usableStale: earlier(p.usableStale, q.usableStale),
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// freshnessLifetime is how long a response is fresh (RFC 9111 §4.2.1).
// s-maxage is for shared caches, which this is not. What contradicts itself
// or cannot be read is stale.
func freshnessLifetime(h http.Header, control map[string]string, answered time.Time) time.Duration {
	if _, ok := control["max-age"]; ok {
		age, _ := deltaSeconds(control, "max-age")
		return age
	}
	if len(h.Values("Expires")) != 1 {
		return 0
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	return min(max(expires.Sub(dateOf(h, answered)), 0), longestAge)
}

// currentAge is how old a response was on arrival (RFC 9111 §4.2.3).
func currentAge(h http.Header, asked, answered time.Time) time.Duration {
	apparent := max(answered.Sub(dateOf(h, answered)), 0)
	age, _ := parseSeconds(h.Get("Age"))
	return max(apparent, age+answered.Sub(asked))
}

// dateOf is when a response was made; without a date, when it came.
func dateOf(h http.Header, answered time.Time) time.Time {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return answered
	}
	return date
}

// cacheControl are the directives of Cache-Control in lower case (RFC 9111
// §5.2). One that is given twice with different values has none that can be
// read.
func cacheControl(h http.Header) map[string]string {
	directives := make(map[string]string)
	for _, d := range splitQuoted(strings.Join(h.Values("Cache-Control"), ",")) {
		name, value, _ := strings.Cut(d, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.Trim(strings.TrimSpace(value), `"`)
		if name == "" {
			continue
		}
		if before, again := directives[name]; again && before != value {
			value = "contradiction"
		}
		directives[name] = value
	}
	return directives
}

// splitQuoted splits at commas outside quoted strings.
func splitQuoted(s string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// deltaSeconds is the time a directive gives, if it does.
func deltaSeconds(control map[string]string, name string) (time.Duration, bool) {
	value, ok := control[name]
	if !ok {
		return 0, false
	}
	return parseSeconds(value)
}

// parseSeconds reads a number of seconds (RFC 9111 §1.2.2).
func parseSeconds(s string) (time.Duration, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > int64(longestAge/time.Second) {
		return longestAge, true
	}
	return time.Duration(n) * time.Second, true
}

// varies says whether no other request can be the same (RFC 9111 §4.1). Ours
// for one address differ in nothing else that a response could vary by.
func varies(h http.Header) bool {
	for _, v := range h.Values("Vary") {
		for field := range strings.SplitSeq(v, ",") {
			if strings.TrimSpace(field) == "*" {
				return true
			}
		}
	}
	return false
}

// setConditions makes a request one that needs no answer if nothing has changed
// (RFC 9110 §13.1). It says whether there are any.
func setConditions(request, stored http.Header) bool {
	etag, modified := stored.Get("ETag"), stored.Get("Last-Modified")
	if etag != "" {
		request.Set("If-None-Match", etag)
	}
	if modified != "" {
		request.Set("If-Modified-Since", modified)
	}
	return etag != "" || modified != ""
}

// cacheFields are what a cache needs of the headers of a response.
var cacheFields = []string{"Cache-Control", "Expires", "Date", "Age", "ETag", "Last-Modified", "Vary"}

// cacheHeader are the cacheFields of h. What h does not say is taken from
// before, the headers of the response that h says is still valid (RFC 9111
// §3.2), except for when that one was made.
func cacheHeader(h, before http.Header) http.Header {
	kept := make(http.Header)
	for _, name := range cacheFields {
		switch values := h.Values(name); {
		case len(values) > 0:
			kept[http.CanonicalHeaderKey(name)] = values
		case name != "Date" && name != "Age" && len(before.Values(name)) > 0:
			kept[http.CanonicalHeaderKey(name)] = before.Values(name)
		}
	}
	return kept
}

// sameVersion says whether a response that says "not modified" speaks of the
// stored one (RFC 9111 §4.3.4).
func sameVersion(h, stored http.Header) bool {
	weak := func(s string) string { return strings.TrimPrefix(s, "W/") }
	etag := h.Get("ETag")
	return etag == "" || weak(etag) == weak(stored.Get("ETag"))
}
