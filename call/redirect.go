package call

import (
	"slices"
	"strings"
)

// Redirects say what becomes of a callee's answer that the call is to go
// elsewhere (3xx). The zero value follows it to the host that was dialled.
type Redirects struct {
	Off bool // it is a refusal
	// Hosts are further hosts, with ":port" where it is not 5060, that a call may
	// be sent to. Trunks are not among them, whatever stands here: a callee must
	// not have us place calls at somebody's cost.
	Hosts []string
}

// follow decides on the addresses that a callee reached by a route names; nil:
// on none.
func (o Outbound) follow(r Route) func(uri string) (to string, ok bool) {
	if o.Redirects.Off {
		return nil
	}
	home := hostPort(r.Request.To)
	return func(uri string) (string, bool) {
		if number, ok := cutScheme(uri, "tel"); ok {
			number, _, _ = strings.Cut(number, ";")
			number, isNumber := parseNumber(number)
			if !isNumber || r.Take == nil { // no trunk
				return "", false
			}
			return "sip:" + number + "@" + afterUser(r.Request.To), true
		}
		host := hostPort(uri)
		switch {
		case strings.EqualFold(host, home):
			return uri, true
		case !slices.ContainsFunc(o.Redirects.Hosts, func(h string) bool { return strings.EqualFold(h, host) }):
			return "", false
		}
		return uri, !o.isTrunk(uri)
	}
}

// isTrunk says whether a SIP address is that of a trunk.
func (o Outbound) isTrunk(uri string) bool {
	routes, err := o.routes(Destination{Kind: ToSIP, Value: uri}, "")
	return err != nil || slices.ContainsFunc(routes, func(r Route) bool { return r.Take != nil })
}

// hostPort is the host and port of a SIP URI, without the usual port.
func hostPort(uri string) string {
	host, _, _ := strings.Cut(afterUser(uri), ";")
	host, _, _ = strings.Cut(host, "?")
	return strings.TrimSuffix(host, ":5060")
}

// afterUser is what comes after the user of a SIP URI. That ends at the first @, as
// for whom the URI is dialled: there may be another in a parameter.
func afterUser(uri string) string {
	for _, scheme := range []string{"sip", "sips"} {
		if rest, ok := cutScheme(uri, scheme); ok {
			uri = rest
			break
		}
	}
	if _, rest, ok := strings.Cut(uri, "@"); ok {
		return rest
	}
	return uri
}

// cutScheme takes the scheme off a URI.
func cutScheme(uri, scheme string) (rest string, ok bool) {
	n := len(scheme)
	if len(uri) <= n || uri[n] != ':' || !strings.EqualFold(uri[:n], scheme) {
		return uri, false
	}
	return uri[n+1:], true
}
