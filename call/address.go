package call

import (
	"strings"

	"mediaserver/sip"
)

// inboundInfo is what an INVITE says of its call.
func inboundInfo(inv sip.Invitation) Info {
	return Info{
		ID:          newCallID(),
		Direction:   In,
		From:        caller(inv),
		To:          party(inv.RequestURI),
		Target:      party(inv.To),
		RequestUser: inv.RequestURI.User,
		RequestURI:  inv.RequestURI.URI,
		Divert:      divert(inv.Diversion),
		Attestation: inv.Attestation,
	}
}

// withheld is who calls where the caller does not want to be known.
const withheld = "anonymous"

// caller is who calls, for the pages.
func caller(inv sip.Invitation) string {
	if inv.Anonymous() {
		return withheld
	}
	return party(inv.From)
}

// party is how the pages see an address: a telephone number as such, anything
// else as user@host.
func party(a sip.Address) string {
	switch {
	case a.User == "":
		return a.Host
	case isNumber(a.User):
		return a.User
	default:
		return a.User + "@" + a.Host
	}
}

func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// divert is the number or address of a diverting URI.
func divert(uri string) string {
	address := uri
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		address = strings.TrimPrefix(address, scheme)
	}
	if user, _, ok := strings.Cut(address, "@"); ok && isNumber(user) {
		return user
	}
	return address
}
