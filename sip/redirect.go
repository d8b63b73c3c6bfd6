package sip

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// Bounds of what a redirected INVITE may lead to.
const (
	maxRedirects = 5  // INVITEs sent for one that was redirected
	maxContacts  = 10 // of one 3xx
)

// redirects are the places that the 3xx responses to an INVITE of ours have
// named, RFC 3261 §8.1.3.4.
type redirects struct {
	left  []string        // to try, the best first
	seen  map[string]bool // tried, or not to be tried
	count int             // INVITEs sent to such places
}

// contact is one address of a 3xx.
type contact struct {
	uri string
	q   float64
}

// contactsOf are the addresses of a 3xx, the best first.
func contactsOf(res *sipgo.Response) []string {
	var cs []contact
	for _, h := range res.GetHeaders("Contact") {
		c, ok := h.(*sipgo.ContactHeader)
		if !ok || c.Address.Wildcard || !dialable(&c.Address) || len(cs) >= maxContacts {
			continue
		}
		q := 1.0
		if v, ok := param(c.Params, "q"); ok {
			if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f <= 1 {
				q = f
			}
		}
		uri := c.Address.Clone()
		uri.Headers = nil // RFC 3261 §19.1.5: what they ask for is not for us to send
		cs = append(cs, contact{uri: uri.String(), q: q})
	}
	slices.SortStableFunc(cs, func(a, b contact) int {
		switch {
		case a.q > b.q:
			return -1
		case a.q < b.q:
			return 1
		}
		return 0
	})
	uris := make([]string, len(cs))
	for i, c := range cs {
		uris[i] = c.uri
	}
	return uris
}

// dialable: an address that may be dialled.
func dialable(uri *sipgo.Uri) bool { return (isSIP(uri) || uri.Scheme == "tel") && plausible(uri) }

// redirected says where the INVITE goes after a refusal: to the next of the
// addresses that 3xx responses have named and InviteRequest.Follow allows.
// false: the refusal stands. Addresses of one 3xx are tried in turn, those
// that it leads to in their place; a 6xx ends the search.
func (d *Dialog) redirected(res *sipgo.Response) (next sipgo.Uri, ok bool) {
	r := &d.out.request
	if r.Follow == nil || r.contact != nil || res.StatusCode >= 600 {
		return next, false
	}
	w := &d.out.redirects
	if w.seen == nil {
		home := d.peer.target
		w.seen = map[string]bool{keyOf(&home): true}
	}
	switch res.StatusCode {
	case 300, 301, 302:
		w.left = append(contactsOf(res), w.left...)
	}
	for len(w.left) > 0 && w.count < maxRedirects {
		named := w.left[0]
		w.left = w.left[1:]
		to, allowed := r.Follow(named)
		if !allowed {
			d.log("SIP redirection not followed", slog.String("target", bounded(named)))
			continue
		}
		uri, err := parseURI(to)
		if err != nil || w.seen[keyOf(&uri)] {
			continue
		}
		w.seen[keyOf(&uri)] = true
		w.count++
		d.log("SIP redirection followed", slog.String("target", bounded(to)))
		return d.turnTo(uri), true
	}
	return next, false
}

// elsewhere is the way to the next place for an INVITE that was refused; the
// error is the refusal if there is none, else why none of them is reached.
func (d *Dialog) elsewhere(ctx context.Context, res *sipgo.Response) (*hunt, error) {
	var err error = statusError(res)
	for {
		next, ok := d.redirected(res)
		if !ok {
			return nil, err
		}
		var way *hunt
		if way, err = d.ua.hunt(ctx, next, nil); err == nil {
			return way, nil
		}
	}
}

// turnTo makes uri the target of the INVITE and gives the next hop. What is
// meant for the first target alone – credentials, proxies, and the header
// fields that go with them – is not sent to another host.
func (d *Dialog) turnTo(uri sipgo.Uri) sipgo.Uri {
	r := &d.out.request
	first, err := parseURI(r.To)
	home := err == nil && sameHost(&uri, &first)
	next := uri
	var proxy sipgo.Uri
	if via := r.nextHop(); via != "" {
		if proxy, err = parseURI(via); err == nil {
			home = home || sameHost(&uri, &proxy)
			if home {
				next = proxy
			}
		}
	}
	d.peer.mu.Lock()
	defer d.peer.mu.Unlock()
	d.peer.target = uri
	if !home {
		if r.nextHop() != "" || r.Digest != nil || r.Username != "" {
			r.Headers = nil
		}
		r.Proxy, r.Routes, r.Username, r.Password, r.Digest = "", nil, "", "", nil
		d.peer.routes, d.peer.login = nil, nil
	}
	return next
}

// nextHop is the proxy that a request is sent to, "" for none.
func (r *InviteRequest) nextHop() string {
	switch {
	case r.Proxy != "":
		return r.Proxy
	case len(r.Routes) > 0:
		return r.Routes[0]
	default:
		return ""
	}
}

// keyOf is what makes two targets the same for the detection of loops.
func keyOf(uri *sipgo.Uri) string {
	transport, _ := param(uri.UriParams, "transport")
	return uri.Scheme + ":" + uri.User + "@" + hostPortOf(uri) + ";" + strings.ToLower(transport)
}

func sameHost(a, b *sipgo.Uri) bool { return hostPortOf(a) == hostPortOf(b) }

// hostPortOf is the host and port of a URI, with the usual port.
func hostPortOf(uri *sipgo.Uri) string {
	port := uri.Port
	if port == 0 {
		port = defaultPort
	}
	return strings.ToLower(uri.Host) + ":" + strconv.Itoa(port)
}

// place sends the INVITE and waits for its final response; it is sent again
// with credentials, or with a longer session interval, where that is asked
// for. Both results are nil when it is a 2xx, which has been handled then;
// after an error the dialog has ended.
func (d *Dialog) place(ctx context.Context, a attempt, onProgress func(Progress)) (*sipgo.Response, error) {
	asked := map[string]int{}
	for try := 0; ; try++ {
		c, err := d.sendInvite(ctx, a)
		if err != nil {
			return nil, err
		}
		res, err := d.await(ctx, c, a, onProgress)
		if err != nil || res == nil {
			return nil, err
		}
		if try >= maxChallenges || !d.out.request.Digest.learn(res, asked) && !d.raise(res) {
			return res, nil
		}
	}
}
