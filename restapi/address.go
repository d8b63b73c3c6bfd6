package restapi

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"mediaserver/internal/wildcard"
)

// errRelative: a relative address with nothing to be relative to.
var errRelative = errors.New("restapi: the address is not absolute")

// resolve is the absolute address of p, relative to base (RFC 3986 §5), which
// may be nil. The login of a relative address is that of base.
func resolve(base *url.URL, p Page) (*url.URL, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, errors.New("restapi: not an address") // the reason would repeat a password
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	if !u.IsAbs() || u.Host == "" {
		return nil, errRelative
	}
	u.Fragment = ""
	return u, nil
}

// hostAllowed says whether u is on a host that patterns allow; none allow all.
// A pattern is compared with the host, regardless of case, and with host:port.
func hostAllowed(patterns []string, u *url.URL) bool {
	if len(patterns) == 0 {
		return true
	}
	name, withPort := strings.ToLower(u.Hostname()), strings.ToLower(u.Host)
	for _, p := range patterns {
		p = strings.ToLower(p)
		if wildcard.Match(p, name) || wildcard.Match(p, withPort) {
			return true
		}
	}
	return false
}

// sameOrigin says whether two addresses have scheme, host and port in common
// (RFC 6454 §5).
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

// What makes a redirect one that is not followed.
var (
	errRedirectNowhere = errors.New("redirect to what is no address")
	errRedirectUnsafe  = errors.New("redirect from https to http")
)

// redirectTarget is where a redirect leads from an address. Logins do not
// leave their origin.
func redirectTarget(from *url.URL, resp *http.Response) (*url.URL, error) {
	location, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return nil, errRedirectNowhere
	}
	to := from.ResolveReference(location)
	if from.Scheme == "https" && to.Scheme == "http" {
		return nil, errRedirectUnsafe
	}
	to.Fragment = ""
	switch {
	case location.User != nil:
	case sameOrigin(from, to):
		to.User = from.User
	default:
		to.User = nil
	}
	return to, nil
}

// portOf is the port of an address, the scheme's if it names none.
func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// infoArgument is the query argument that carries the instance info.
const infoArgument = "instance_info"

// withInfo appends the instance info to the query of u, unless it is there.
// Spaces are written as %20, which every reader of queries understands.
func withInfo(u *url.URL, info []byte) *url.URL {
	target := *u
	if strings.HasPrefix(u.RawQuery, infoArgument+"=") || strings.Contains(u.RawQuery, "&"+infoArgument+"=") {
		return &target
	}
	if target.RawQuery != "" {
		target.RawQuery += "&"
	}
	escaped := url.QueryEscape(string(bytes.ToValidUTF8(info, []byte("\uFFFD"))))
	target.RawQuery += infoArgument + "=" + strings.ReplaceAll(escaped, "+", "%20")
	return &target
}

// redact is an address for logs: without login and query, which may hold
// secrets.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(not an address)"
	}
	return redactURL(u)
}

// redactURL is redact for a parsed address.
func redactURL(u *url.URL) string {
	shown := *u
	shown.User, shown.RawQuery, shown.Fragment = nil, "", ""
	return shown.String()
}
