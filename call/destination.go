package call

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// DestinationKind says how a destination is reached.
type DestinationKind uint8

// The kinds of destinations.
const (
	ToNumber    DestinationKind = iota // a telephone number, by a trunk
	ToSIP                              // a SIP address
	ToRoom                             // a room, as a participant
	ToService                          // an inbound service of this server
	ToWebSocket                        // raw audio over a WebSocket
)

// String is the prefix of the kind without its colon.
func (k DestinationKind) String() string {
	return [...]string{"tel", "sip", "con", "loc", "wss"}[k]
}

// Destination is whom to call. Make it with ParseDestination.
type Destination struct {
	Kind DestinationKind
	Text string // as it was asked for
	// Value is the number without separators, the SIP URI with its scheme, the
	// room's or service's name, or the address of the WebSocket.
	Value string
}

// Bounds of destinations.
const (
	maxDestination = 2048 // of the text
	maxNumber      = 32   // digits of a telephone number
	maxName        = 128  // of a room or service
)

// ErrDestination: a text that is no destination; the error says why.
var ErrDestination = errors.New("call: not a destination")

func badDestination(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDestination, fmt.Sprintf(format, args...))
}

// ParseDestination reads a destination: a telephone number or SIP address,
// and with prefixes also tel:, sip:, con:, loc: and wss:// in front of what
// they name. Digits with single hyphens between them, and a + before them,
// are a number; everything else without a prefix is a SIP address. The error
// wraps ErrDestination.
func ParseDestination(s string, prefixes bool) (Destination, error) {
	d := Destination{Text: s}
	if len(s) > maxDestination {
		return d, badDestination("longer than %d characters", maxDestination)
	}
	prefix, rest, ok := cutPrefix(s)
	if ok && !prefixes {
		return d, badDestination("the prefix %s: belongs to version 2.0 of the API", prefix)
	}
	var err error
	switch prefix {
	case "":
		if number, isNumber := parseNumber(s); isNumber {
			d.Kind, d.Value = ToNumber, number
			return d, nil
		}
		d.Kind = ToSIP
		d.Value, err = parseSIP(s)
	case "tel":
		d.Kind = ToNumber
		d.Value, err = parseTel(rest)
	case "sip":
		d.Kind = ToSIP
		d.Value, err = parseSIP(rest)
	case "con":
		d.Kind, d.Value = ToRoom, rest
		if !ValidConferenceName(rest) {
			err = badDestination("no name of a room")
		}
	case "loc":
		d.Kind, d.Value = ToService, rest
		if rest == "" || len(rest) > maxName {
			err = badDestination("no name of a service")
		}
	case "wss":
		d.Kind = ToWebSocket
		d.Value, err = parseWebSocket(s)
	default:
		err = badDestination("%s: is not supported", prefix)
	}
	return d, err
}

// cutPrefix takes a prefix off. Those that are not supported count too, so
// that they are not taken for the user of a SIP address.
func cutPrefix(s string) (prefix, rest string, ok bool) {
	prefix, rest, ok = strings.Cut(s, ":")
	prefix = strings.ToLower(prefix)
	switch prefix {
	case "tel", "sip", "con", "loc", "wss", "webrtc", "sips", "ws":
		return prefix, rest, ok
	}
	return "", s, false
}

// parseNumber reads a telephone number: digits with single hyphens between
// them.
func parseNumber(s string) (string, bool) {
	digits := strings.TrimPrefix(s, "+")
	number := strings.ReplaceAll(digits, "-", "")
	switch {
	case number == "", len(number) > maxNumber, strings.Trim(number, "0123456789") != "":
		return "", false
	case digits[0] == '-', digits[len(digits)-1] == '-', strings.Contains(digits, "--"):
		return "", false
	}
	return s[:len(s)-len(digits)] + number, true
}

// parseTel reads a full international number.
func parseTel(s string) (string, error) {
	number, ok := parseNumber(s)
	switch {
	case !ok:
		return "", badDestination("no telephone number")
	case strings.TrimPrefix(number, "+")[0] == '0':
		return "", badDestination("a full international number does not begin with 0")
	}
	return number, nil
}

// Characters of a SIP address, RFC 3261 §25.1.
const (
	alphanumeric  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	userChars     = alphanumeric + "-_.!~*'()&=+$,;?/%"
	hostChars     = alphanumeric + "-._"
	uriParamChars = alphanumeric + "-_.!~*'()[]/:&+$%="
)

// parseSIP reads user@host:port;parameters, all but the host optional, and
// returns the SIP URI.
func parseSIP(s string) (string, error) {
	address := s
	user, hostPart, hasUser := strings.Cut(s, "@")
	if hasUser {
		if user == "" || strings.Trim(user, userChars) != "" || !validEscapes(user) {
			return "", badDestination("no user part of a SIP address")
		}
	} else {
		hostPart = address
	}
	hostPort, params, hasParams := strings.Cut(hostPart, ";")
	if hasParams {
		for p := range strings.SplitSeq(params, ";") {
			if p == "" || p[0] == '=' || strings.Trim(p, uriParamChars) != "" || !validEscapes(p) {
				return "", badDestination("bad parameters of a SIP address")
			}
		}
	}
	if !validHostPort(hostPort) {
		return "", badDestination("neither a telephone number nor a SIP address")
	}
	return "sip:" + address, nil
}

// validEscapes says whether each % begins two hexadecimal digits of a byte
// that can be part of a text.
func validEscapes(s string) bool {
	text, err := url.PathUnescape(s)
	return err == nil && !strings.ContainsAny(text, "\x00\r\n")
}

func validHostPort(s string) bool {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return false
		}
	}
	if v6, ok := strings.CutPrefix(host, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(v6, "]"))
		return err == nil && addr.Is6() && addr.Zone() == "" && strings.HasSuffix(v6, "]")
	}
	return host != "" && len(host) <= 253 && strings.Trim(host, hostChars) == "" &&
		host[0] != '.' && host[0] != '-' && !strings.Contains(host, "..")
}

// parseWebSocket checks the address of a WebSocket.
func parseWebSocket(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "wss", !validHostPort(u.Host):
		return "", badDestination("no wss:// address")
	case u.Fragment != "":
		return "", badDestination("a wss:// address has no fragment")
	}
	return u.String(), nil
}

// ValidConferenceName says whether s can be the name of a room: 1 to 128 of
// A–Z a–z 0–9 . _ - @.
func ValidConferenceName(s string) bool {
	return s != "" && len(s) <= maxName && strings.Trim(s, alphanumeric+"._-@") == ""
}

// party is how the pages see the destination.
func (d Destination) party() string {
	switch d.Kind {
	case ToSIP:
		address, _, _ := strings.Cut(strings.TrimPrefix(d.Value, "sip:"), ";")
		return address
	case ToWebSocket:
		return redactedURL(d.Value)
	default:
		return d.Value
	}
}

// redactedURL is an address without the password and the query it may hold.
func redactedURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "wss:"
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}
