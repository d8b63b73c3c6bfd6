package sip

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Ports of SIP, RFC 3261 §19.1.2.
const (
	defaultPort    = 5060 // UDP and TCP
	defaultTLSPort = 5061
)

// parseURI reads a sip or sips URI; "host:port" and "user@host" are taken as one.
func parseURI(s string) (sipgo.Uri, error) {
	var uri sipgo.Uri
	text := strings.TrimSpace(s)
	if strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") {
		text = text[1 : len(text)-1]
	}
	if lower := strings.ToLower(text); !strings.HasPrefix(lower, "sip:") && !strings.HasPrefix(lower, "sips:") {
		text = "sip:" + text
	}
	if strings.ContainsAny(text, " \t\r\n<>\"") {
		return uri, fmt.Errorf("%w: %q", ErrBadURI, s)
	}
	if err := sipgo.ParseUri(text, &uri); err != nil {
		return uri, fmt.Errorf("%w: %q: %w", ErrBadURI, s, err)
	}
	if !isSIP(&uri) || uri.Wildcard || !plausible(&uri) {
		return uri, fmt.Errorf("%w: %q", ErrBadURI, s)
	}
	return uri, nil
}

// addressOf is an address as the rest of the server sees it. A tel URI has its
// number as user part.
func addressOf(display string, uri *sipgo.Uri) Address {
	a := Address{Display: unquote(display)}
	if !isSIP(uri) {
		number, _, _ := strings.Cut(uri.Raw(), ";")
		a.URI = uri.Scheme + ":" + number
		if uri.Scheme == "tel" {
			a.User = strings.NewReplacer("-", "", ".", "", "(", "", ")", "", " ", "").Replace(number)
		}
		return a
	}
	user := subscriber(uri.User)
	a.User = unescape(user)
	a.Host = strings.Trim(uri.Host, "[]")
	a.Port = uri.Port
	bare := sipgo.Uri{Scheme: uri.Scheme, User: user, Host: uri.Host, Port: uri.Port}
	a.URI = bare.String()
	return a
}

// subscriber is a user part without the parameters that one which is a
// telephone number may have, such as verstat or npdi (RFC 3261 §19.1.6).
func subscriber(user string) string {
	number, _, has := strings.Cut(user, ";")
	if has && strings.Trim(number, "+0123456789-.()") == "" {
		return number
	}
	return user
}

// unquote undoes the backslashes of a quoted string.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quote makes a display name fit for a quoted string.
func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(s))
}

func unescape(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return s
}

// userReserved are the bytes beside letters and digits that may stand in a
// user part as they are, RFC 3261 §25.1 (mark and user-unreserved).
const userReserved = "-_.!~*'()&=+$,;?/"

// escapeUser makes any text a user part.
func escapeUser(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(userReserved, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// literal is the host of a URI if it is an IP address.
func literal(uri *sipgo.Uri) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(uri.Host, "[]"))
	return a.Unmap(), err == nil
}
