package trunk

import (
	"reflect"
	"strings"
	"time"

	"mediaserver/call"
	"mediaserver/sip"
)

// Config of one trunk. Addresses is needed, the rest is optional.
type Config struct {
	Name     string // unique
	Line     Line
	Match    []string // patterns of the numbers that go out by it; * is a wildcard
	Security call.Security
	Keying   call.Keying
	Limits   Limits
	Numbers  Numbers
	Caller   Caller
	Headers  []sip.Header // of every INVITE
}

// Line is what lives between us and a trunk.
type Line struct {
	Addresses []string // SIP URIs without a user, the preferred one first
	Proxy     string   // SIP URI that all requests are sent to; with ";lr" it is also named in a Route; "" = none
	Domain    string   // host of its users: of Request-URI, From and registration; "" = that of the address
	Username  string   // of the digest; "" = none
	Password  string
	Register  bool          // with Addresses, as Username
	Expires   time.Duration // that registrations ask for; 0 = DefaultExpires
	Keepalive time.Duration // between two OPTIONS to each address; 0 = none
}

// DefaultExpires is what registrations ask for when nothing is said.
const DefaultExpires = time.Hour

// Limits of the calls of a trunk; 0 is none.
type Limits struct {
	MaxCalls       int // at a time, both directions
	CallsPerSecond int // out, with as many at once at most
}

// Identity says how a trunk is told who calls, RFC 3325.
type Identity uint8

// The ways to tell.
const (
	IdentityFrom      Identity = iota // by From only
	IdentityAsserted                  // and by P-Asserted-Identity
	IdentityPreferred                 // and by P-Preferred-Identity
)

// Caller is who calls by a trunk.
type Caller struct {
	Default  string // user part of From for calls that name no caller; "" = the user agent's
	Identity Identity
	Number   string // user part of the asserted or preferred identity; "" = that of From
	Believe  bool   // of calls in, the P-Asserted-Identity is the caller, unless withheld
}

// sameLine says whether two lines can be one.
func sameLine(a, b Line) bool { return reflect.DeepEqual(a, b) }

// hostPort is the host and port of a SIP URI, with its parameters cut off.
func hostPort(uri string) string {
	_, address := schemeOf(uri)
	if _, host, ok := strings.Cut(address, "@"); ok {
		address = host
	}
	host, _, _ := strings.Cut(address, ";")
	return host
}

// Ports that a SIP URI without one stands for, RFC 3261 §19.1.2.
const (
	usualPort  = "5060"
	securePort = "5061"
)

// leadsTo says whether a SIP URI has the host and the port of a trunk's address. The
// port that either does not name is the usual one of the address.
func leadsTo(uri, address string) bool {
	usual := usualPort
	if scheme, rest := schemeOf(address); scheme == "sips" || hasParam(rest, "transport=tls") {
		usual = securePort
	}
	there, here := hostPort(uri), hostPort(address)
	return strings.EqualFold(hostOnly(there), hostOnly(here)) && portOf(there, usual) == portOf(here, usual)
}

// portOf is the port of a host:port.
func portOf(hostPort, otherwise string) string {
	if port, ok := strings.CutPrefix(hostPort[len(hostOnly(hostPort)):], ":"); ok {
		return port
	}
	return otherwise
}

// schemeOf splits a SIP URI behind its scheme, "sip" if it has none.
func schemeOf(uri string) (scheme, rest string) {
	for _, s := range []string{"sip", "sips"} {
		if len(uri) > len(s) && strings.EqualFold(uri[:len(s)+1], s+":") {
			return s, uri[len(s)+1:]
		}
	}
	return "sip", uri
}

// at is the SIP URI of a user at an address; the parameters of the address
// stay.
func at(user, address string) string {
	scheme, rest := schemeOf(address)
	return scheme + ":" + user + "@" + rest
}

// domain is the host that the trunk's users belong to.
func (l Line) domain() string {
	if l.Domain != "" {
		return l.Domain
	}
	return hostOnly(hostPort(l.Addresses[0]))
}

// hostOnly is a host without its port; IPv6 keeps its brackets.
func hostOnly(hostPort string) string {
	if i := strings.LastIndexByte(hostPort, ':'); i >= 0 && !strings.HasSuffix(hostPort, "]") {
		return hostPort[:i]
	}
	return hostPort
}

// loose says whether a proxy is to be named in a Route, RFC 3261 §8.1.2.
func loose(proxy string) bool { return hasParam(proxy, "lr") }

// hasParam says whether a SIP URI has a parameter, in any case of its letters.
func hasParam(uri, param string) bool {
	_, params, _ := strings.Cut(uri, ";")
	for p := range strings.SplitSeq(params, ";") {
		if strings.EqualFold(p, param) {
			return true
		}
	}
	return false
}
