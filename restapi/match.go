package restapi

import (
	"net/url"
	"strings"

	"mediaserver/internal/wildcard"
)

// Matches says whether a call to called, a user or a SIP address, is for this
// service: whether one of its patterns fits the user part or the full address.
// A * in a pattern stands for any text. Users are compared as they are,
// schemes and hosts regardless of case; parameters and headers of an address
// do not count, nor do those of a user; a port only if the pattern has one
// too. An escaped character of a user is what it stands for as well (RFC 3261
// §19.1.2): %23 is #.
func (s *Service) Matches(called string) bool {
	forms := calledForms(called)
	for _, pattern := range s.Match {
		pattern = lowerHost(pattern)
		for _, form := range forms {
			if wildcard.Match(pattern, form) {
				return true
			}
		}
	}
	return false
}

// calledForms are the ways to write called: the user, user@host with and
// without port, each with and without scheme.
func calledForms(called string) []string {
	address := called
	scheme := "sip:"
	if i := strings.IndexByte(called, ':'); i >= 0 && isScheme(called[:i+1]) {
		scheme, address = strings.ToLower(called[:i+1]), called[i+1:]
	}
	user, host, isURI := strings.Cut(address, "@")
	user = withoutParameters(user)
	if !isURI {
		return []string{user, scheme + user}
	}
	hosts := []string{strings.ToLower(withoutParameters(host))}
	if name, port, ok := cutLast(hosts[0], ':'); ok && !strings.HasSuffix(port, "]") {
		hosts = append(hosts, name)
	}
	users := []string{user}
	if meant, err := url.PathUnescape(user); err == nil && meant != user {
		users = append(users, meant)
	}
	var forms []string
	for _, u := range users {
		forms = append(forms, u)
		for _, h := range hosts {
			forms = append(forms, u+"@"+h, scheme+u+"@"+h)
		}
	}
	return forms
}

// withoutParameters is a part of an address without its parameters and headers.
func withoutParameters(s string) string {
	if i := strings.IndexAny(s, ";?"); i >= 0 {
		return s[:i]
	}
	return s
}

// isScheme says whether s, which ends in a colon, is a scheme of addresses.
func isScheme(s string) bool {
	switch strings.ToLower(s) {
	case "sip:", "sips:", "tel:":
		return true
	}
	return false
}

// lowerHost lowers the case of the scheme and of what follows the last @.
func lowerHost(s string) string {
	if i := strings.IndexByte(s, ':'); i >= 0 && isScheme(s[:i+1]) {
		s = strings.ToLower(s[:i+1]) + s[i+1:]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[:i] + strings.ToLower(s[i:])
	}
	return s
}

// cutLast cuts s around the last sep.
func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
