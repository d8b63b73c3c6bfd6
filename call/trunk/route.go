package trunk

import (
	"fmt"
	"net/url"
	"strings"

	"mediaserver/call"
	"mediaserver/sip"
)

// noTrunk is the end of a call to a number that no trunk takes.
func noTrunk(number string) error { return fmt.Errorf("%w: %s", call.ErrNoTrunk, number) }

// toNumber are the ways to a number: one for each address.
func (e *trunk) toNumber(t *Table, number, from string) []call.Route {
	l := e.cfg.Line
	number = e.cfg.Numbers.apply(e.cfg.Numbers.OutgoingTo, number)
	var routes []call.Route
	for _, address := range e.line.order() {
		r := e.route(t, from)
		r.Request.To = at(number, address)
		if l.Domain != "" {
			scheme, _ := schemeOf(address)
			r.Request.To = scheme + ":" + number + "@" + l.Domain
			r.Request.Proxy = address
		}
		e.line.via(&r.Request)
		routes = append(routes, r)
		if l.Proxy != "" && l.Domain != "" {
			break // the addresses make no difference
		}
	}
	return routes
}

// toAddress is the way to a SIP address at the trunk.
func (e *trunk) toAddress(t *Table, uri, from string) call.Route {
	r := e.route(t, from)
	r.Request.To = uri
	e.line.via(&r.Request)
	return r
}

// route is what all ways by the trunk share.
func (e *trunk) route(t *Table, from string) call.Route {
	r := call.Route{Security: e.cfg.Security, Keying: e.cfg.Keying, Take: func() (func(), error) { return e.take(t, true) }}
	user, uri := e.caller(from)
	r.Request.From = uri
	r.Request.Username, r.Request.Password, r.Request.Digest = e.cfg.Line.Username, e.cfg.Line.Password, e.line.digest
	r.Request.Headers = append(r.Request.Headers, e.identity(user)...)
	r.Request.Headers = append(r.Request.Headers, e.cfg.Headers...)
	return r
}

// caller is the calling user and how From names it: as a user part or SIP URI.
func (e *trunk) caller(from string) (user, uri string) {
	if from == "" {
		from = e.cfg.Caller.Default
	}
	if sip.Withheld(from) {
		return "", from // who asserts a number of the trunk's own may go on to
	}
	scheme, rest := schemeOf(from)
	user, host, hasHost := strings.Cut(rest, "@")
	if user == "" {
		return "", from
	}
	user = e.cfg.Numbers.apply(e.cfg.Numbers.OutgoingFrom, user)
	switch {
	case hasHost:
		return user, scheme + ":" + user + "@" + host
	case e.cfg.Line.Domain != "":
		return user, "sip:" + escaped(user) + "@" + e.cfg.Line.Domain
	default:
		return user, user
	}
}

// identity is the header field that asserts who calls, RFC 3325 §9.
func (e *trunk) identity(user string) []sip.Header {
	name := map[Identity]string{IdentityAsserted: "P-Asserted-Identity", IdentityPreferred: "P-Preferred-Identity"}[e.cfg.Caller.Identity]
	if sip.Withheld(user) {
		user = "" // nobody is asserted but the line itself
	}
	if n := e.cfg.Caller.Number; n != "" {
		user = n
	}
	if name == "" || user == "" {
		return nil
	}
	return []sip.Header{{Name: name, Value: "<sip:" + escaped(user) + "@" + e.cfg.Line.domain() + ">"}}
}

// escaped is any text as a user part.
func escaped(user string) string {
	if _, ok := numberOf(user); ok {
		return user
	}
	if text, err := url.PathUnescape(user); err == nil {
		user = text
	}
	return strings.NewReplacer("@", "%40", ":", "%3A").Replace(url.PathEscape(user))
}
