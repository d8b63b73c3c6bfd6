package sip

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	// maxExpires bounds what a registrar may ask for or grant.
	maxExpires = 30 * 24 * time.Hour
	// maxServiceRoutes bounds the route that a registrar names.
	maxServiceRoutes = 8
	// codeTooBrief is 423 Interval Too Brief.
	codeTooBrief = 423
)

// RegisterRequest asks a registrar to send the calls of an address to us, RFC
// 3261 §10.
type RegisterRequest struct {
	Registrar string        // SIP URI of its domain: "sip:example.net"
	Address   string        // SIP URI that is registered, with a user
	Contact   string        // user part of our Contact; "" = that of Address
	Expires   time.Duration // whole seconds; 0 ends the registration
	Proxy     string        // SIP URI that the request is sent to; "" = Registrar
	Routes    []string      // SIP URIs of proxies to pass
	Headers   []Header
	Digest    *Digest // nil: challenges are refusals
	Thread    *Thread // of all requests of one registration; nil: a new one
}

// RegisterResult is what a registrar has granted.
type RegisterResult struct {
	Expires      time.Duration // until the registration ends; 0: it has ended
	Contact      string        // our Contact as it was registered
	ServiceRoute []string      // Routes for requests of ours, RFC 3608 §5
	Address      string        // the first P-Associated-URI, "" if none; RFC 7315 §4.1
}

// Register sends a REGISTER and waits for the final response; it waits for
// Serve to have begun. A refusal is a *StatusError; 423 is answered once with
// the interval that the registrar wants.
func (u *UA) Register(ctx context.Context, r RegisterRequest) (RegisterResult, error) {
	address, err := parseURI(r.Address)
	if err != nil {
		return RegisterResult{}, err
	}
	if r.Contact == "" {
		r.Contact = unescape(address.User)
	}
	if r.Thread == nil {
		r.Thread = &Thread{}
	}
	a, err := u.register(ctx, r)
	if err == nil && a.res.StatusCode == codeTooBrief && r.Expires > 0 {
		if least := wholeSeconds(headerValue(a.res, "Min-Expires")); least > r.Expires && least <= maxExpires {
			r.Expires = least
			a, err = u.register(ctx, r)
		}
	}
	if err != nil {
		return RegisterResult{}, err
	}
	if a.res.StatusCode >= 300 {
		return RegisterResult{}, statusError(a.res)
	}
	out := registered(a, r)
	a.conn.want(out.Expires) // calls may come by it
	return out, nil
}

func (u *UA) register(ctx context.Context, r RegisterRequest) (answered, error) {
	return u.ask(ctx, outside{
		method: sipgo.REGISTER, uri: r.Registrar, from: r.Address, to: r.Address, user: r.Contact,
		proxy: r.Proxy, routes: r.Routes, digest: r.Digest, thread: r.Thread,
		headers: append([]Header{
			{"Expires", strconv.Itoa(int(r.Expires.Seconds()))}, {"Supported", "path"}, {"Allow", allowedMethods},
		}, r.Headers...),
	})
}

// registered reads a 2xx to REGISTER.
func registered(a answered, r RegisterRequest) RegisterResult {
	out := RegisterResult{Contact: a.contact.String()}
	for _, h := range a.res.GetHeaders("Service-Route") {
		for _, v := range splitList(h.Value()) {
			if uri, err := parseURI(bracketed(v)); err == nil && len(out.ServiceRoute) < maxServiceRoutes {
				out.ServiceRoute = append(out.ServiceRoute, uri.String())
			}
		}
	}
	if first := splitList(headerValue(a.res, "P-Associated-URI"))[0]; first != "" {
		if uri, err := parseURI(bracketed(first)); err == nil {
			out.Address = uri.String()
		}
	}
	if r.Expires > 0 {
		out.Expires = grantedTo(a, r.Expires)
	}
	return out
}

// grantedTo is for how long our Contact is registered: its expires parameter,
// else the Expires header, else what we asked for; RFC 3261 §10.2.4. A Contact that
// is the only one is ours, whatever it says: border controllers rewrite addresses.
func grantedTo(a answered, asked time.Duration) time.Duration {
	granted := asked
	take := func(s string) {
		if d := wholeSeconds(s); d >= 0 {
			granted = min(d, maxExpires)
		}
	}
	take(headerValue(a.res, "Expires"))
	contacts := a.res.GetHeaders("Contact")
	for _, h := range contacts {
		c, ok := h.(*sipgo.ContactHeader)
		if !ok || len(contacts) > 1 && !sameContact(c.Address, a.contact) {
			continue
		}
		if s, has := param(c.Params, "expires"); has {
			take(s)
		}
	}
	return granted
}

// sameContact compares what tells bindings apart.
func sameContact(a, b sipgo.Uri) bool {
	return a.User == b.User && equalFold(a.Host, b.Host) && portOr(a.Port, viaUDP) == portOr(b.Port, viaUDP)
}

// wholeSeconds reads a number of seconds, -1 if it is none.
func wholeSeconds(s string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if err != nil {
		return -1
	}
	return time.Duration(n) * time.Second
}

// headerValue is the value of the first header field of a name, "" if none.
func headerValue(m interface{ GetHeader(string) sipgo.Header }, name string) string {
	if h := m.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// bracketed is what stands in angle brackets, or all of it.
func bracketed(s string) string {
	if i := strings.IndexByte(s, '<'); i >= 0 {
		if j := strings.IndexByte(s[i:], '>'); j > 0 {
			return s[i+1 : i+j]
		}
	}
	return s
}

// OptionsRequest asks a SIP neighbour whether it is there, RFC 3261 §11.
type OptionsRequest struct {
	To     string // SIP URI
	From   string // SIP URI; "" = our own
	Proxy  string // SIP URI that the request is sent to; "" = To
	Routes []string
	Digest *Digest
}

// Options sends OPTIONS and gives the code of the final response and how long
// it took. The error says that there was none.
func (u *UA) Options(ctx context.Context, r OptionsRequest) (code int, rtt time.Duration, err error) {
	began := time.Now()
	a, err := u.ask(ctx, outside{
		method: sipgo.OPTIONS, uri: r.To, to: r.To, from: r.From, proxy: r.Proxy, routes: slices.Clone(r.Routes),
		digest: r.Digest, thread: &Thread{}, headers: []Header{{"Accept", typeSDP}},
	})
	if err != nil {
		return 0, 0, err
	}
	return a.res.StatusCode, time.Since(began), nil
}
