package call

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"mediaserver/sip"
)

// Trunk is a SIP neighbour that calls go out by.
type Trunk struct {
	Name     string
	Address  string // SIP URI without a user: "sip:sbc.example.net:5060;transport=udp"
	Username string // digest credentials; "" = none
	Password string
	Security Security // of the audio
}

// ErrNoTrunk: a telephone number was dialled, and no trunk is configured.
var ErrNoTrunk = errors.New("call: no trunk for telephone numbers")

// Trunks are the ways out by SIP.
type Trunks struct {
	List    []Trunk // names are unique
	Default string  // name of the one for telephone numbers; "" = the first
}

// forNumbers is the trunk for telephone numbers.
func (t Trunks) forNumbers() (Trunk, bool) {
	for _, trunk := range t.List {
		if t.Default == "" || t.Default == trunk.Name {
			return trunk, true
		}
	}
	return Trunk{}, false
}

// forAddress is the trunk that a SIP address leads to: its credentials are
// good for it.
func (t Trunks) forAddress(uri string) (Trunk, bool) {
	for _, trunk := range t.List {
		if strings.EqualFold(hostPort(trunk.Address), hostPort(uri)) {
			return trunk, true
		}
	}
	return Trunk{}, false
}

// hostPort is the host and port of a SIP URI.
func hostPort(uri string) string {
	address := strings.TrimPrefix(uri, "sip:")
	if _, host, ok := strings.Cut(address, "@"); ok {
		address = host
	}
	host, _, _ := strings.Cut(address, ";")
	return host
}

// invite is the INVITE to a number or SIP address, the offer is still missing,
// and the security of the trunk, if it goes to one.
func (t Trunks) invite(d Destination, from string) (sip.InviteRequest, Security, error) {
	r := sip.InviteRequest{To: d.Value, From: callerURI(from)}
	trunk, ok := t.forAddress(d.Value)
	if d.Kind == ToNumber {
		if trunk, ok = t.forNumbers(); !ok {
			return r, SecurityOff, fmt.Errorf("%w: %s", ErrNoTrunk, d.Value)
		}
		r.To = "sip:" + d.Value + "@" + strings.TrimPrefix(trunk.Address, "sip:")
	}
	if ok {
		r.Username, r.Password = trunk.Username, trunk.Password
	}
	return r, trunk.Security, nil
}

// callerURI is a caller as an INVITE names it: a user part or a SIP URI.
func callerURI(from string) string {
	i := strings.LastIndexByte(from, '@')
	if i < 0 {
		return from
	}
	user, host := strings.TrimPrefix(from[:i], "sip:"), from[i+1:]
	if strings.Trim(user, userChars) != "" || !validEscapes(user) {
		user = url.PathEscape(user)
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	return "sip:" + user + "@" + host
}
