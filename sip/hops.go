package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	// maxWays bounds the hops that the DNS may name for one URI.
	maxWays = 24
	// dialPatience is how long a connection may take to open while there is
	// another hop to go to.
	dialPatience = 3 * time.Second
	// hopPatience is how long the first response may take while there is
	// another hop [T1]: a request over UDP has been sent four times then. RFC
	// 3263 §4.3 would have it wait for the transaction's 64*T1.
	hopPatience = 8
	// coolDown is for how long a hop that failed is left for last; a 503 may
	// ask for more, up to maxCoolDown.
	coolDown    = 30 * time.Second
	maxCoolDown = 5 * time.Minute
	maxCooled   = 1024 // hops remembered
)

// hop is one place that a request may be sent to.
type hop struct {
	transport string // as in a Via
	to        netip.AddrPort
	host      string // of the URI: what a certificate must be for, RFC 5922 §7
}

// attempt is one hop's turn.
type attempt struct {
	flow     *flow
	patience time.Duration // for the first response
	last     bool          // nothing comes after this hop
	free     bool          // the URI leaves the transport to us
}

// hunt is the search for a hop that takes a request.
type hunt struct {
	ua    *UA
	known *flow
	only  *flow // the way there is; nil: hops
	hops  []hop // never empty without only
	free  bool  // the URI leaves the transport to us
}

// hunt finds the hops of a URI. known is the flow of the dialog, nil if there
// is none: its transport is used unless the URI names one, and its connection
// when it leads to the same host.
//
// Deviation: RFC 3263 §4.1 would have UDP for a URI without transport. Clients
// that call in over TCP often leave it out of their Contact, and their
// connection is what reaches them.
func (u *UA) hunt(ctx context.Context, next sipgo.Uri, known *flow) (*hunt, error) {
	_, named := param(next.UriParams, "transport")
	w := &hunt{ua: u, known: known, only: reuse(next, known), free: !named}
	if w.only != nil {
		return w, nil
	}
	var err error
	w.hops, err = u.hops(ctx, next, known)
	return w, err
}

// first is a flow to the first hop that there is a way to. Those before it are
// out of the hunt.
func (w *hunt) first(ctx context.Context) (*flow, error) {
	if w.only != nil {
		return w.only, nil
	}
	for {
		f, err := w.ua.open(ctx, w.hops[0], w.known, w.patience(0, dialPatience, dialTimeout))
		if err == nil || len(w.hops) == 1 || ctx.Err() != nil {
			return f, err
		}
		w.failed(w.hops[0], nil)
		w.hops = w.hops[1:]
	}
}

// patience is the time a hop has: less if there is another one.
func (w *hunt) patience(i int, short, long time.Duration) time.Duration {
	if i < len(w.hops)-1 {
		return short
	}
	return long
}

// over makes attempts by the hops in turn, RFC 3263 §4.3: to the next one after
// a response of 503, ErrTimeout or ErrTransport. Each attempt is a new
// transaction. The result is that of the last attempt made.
func (w *hunt) over(ctx context.Context, try func(attempt) (*sipgo.Response, error)) (res *sipgo.Response, err error) {
	longest := w.ua.cfg.Timers.transaction()
	if w.only != nil {
		return try(attempt{flow: w.only, patience: longest, last: true})
	}
	for i, h := range w.hops {
		a := attempt{patience: w.patience(i, hopPatience*w.ua.cfg.Timers.T1, longest), last: i == len(w.hops)-1, free: w.free}
		res = nil
		if a.flow, err = w.ua.open(ctx, h, w.known, w.patience(i, dialPatience, dialTimeout)); err == nil {
			w.ua.keep(a.flow)
			res, err = try(a)
		}
		down := err == nil && res != nil && res.StatusCode == codeNoService
		if ctx.Err() != nil || !down && !movesOn(err) {
			if err == nil {
				w.ua.cooled.forget(h)
			}
			break
		}
		w.failed(h, res)
	}
	return res, err
}

// movesOn: the error is one that another hop may mend.
func movesOn(err error) bool { return errors.Is(err, ErrTimeout) || errors.Is(err, ErrTransport) }

// failed puts a hop into cool-down.
func (w *hunt) failed(h hop, res *sipgo.Response) {
	w.ua.m.hopFailures.Inc()
	w.ua.cool(h, res)
}

// overHops is hunt and over in one.
func (u *UA) overHops(ctx context.Context, next sipgo.Uri, known *flow, try func(attempt) (*sipgo.Response, error)) (*sipgo.Response, error) {
	w, err := u.hunt(ctx, next, known)
	if err != nil {
		return nil, err
	}
	return w.over(ctx, try)
}

// flowTo finds a way to the next hop of a request; known as in hunt.
func (u *UA) flowTo(ctx context.Context, next sipgo.Uri, known *flow) (*flow, error) {
	w, err := u.hunt(ctx, next, known)
	if err != nil {
		return nil, err
	}
	return w.first(ctx)
}

// cool remembers that a hop failed.
func (u *UA) cool(h hop, res *sipgo.Response) {
	d := coolDown
	if res != nil {
		if after := statusError(res).RetryAfter; after > 0 {
			d = min(after, maxCoolDown)
		}
	}
	u.cooled.put(h, time.Now().Add(d))
}

// byHeat puts the hops that failed lately behind the others, in the order they
// had: if nothing else is left they are tried again.
func (u *UA) byHeat(hops []hop) []hop {
	now := time.Now()
	hot := func(h hop) bool {
		until, ok := u.cooled.get(h)
		return ok && until.After(now)
	}
	slices.SortStableFunc(hops, func(a, b hop) int {
		switch x, y := hot(a), hot(b); {
		case x == y:
			return 0
		case x:
			return 1
		default:
			return -1
		}
	})
	return hops
}

// hops are the places that a request to a URI may be sent to, in the order of
// RFC 3263 §4 but for those in cool-down.
func (u *UA) hops(ctx context.Context, uri sipgo.Uri, known *flow) ([]hop, error) {
	transport, err := transportOf(uri, known)
	if err != nil {
		return nil, err
	}
	hops, err := u.lookUp(ctx, uri, transport)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return u.byHeat(hops), nil
}

// transportOf is the transport that a URI asks for, or that the dialog has;
// "" leaves it to the DNS. RFC 3261 §26.2.2: sips is TLS.
func transportOf(uri sipgo.Uri, known *flow) (string, error) {
	name, given := param(uri.UriParams, "transport")
	transport := strings.ToUpper(name)
	if !given && known != nil {
		transport = known.transport()
	}
	switch transport {
	case "", viaUDP, viaTCP, viaTLS, viaWS, viaWSS:
	default:
		return "", fmt.Errorf("%w: transport %q is not supported", ErrTransport, name)
	}
	if uri.Scheme != "sips" {
		return transport, nil
	}
	switch {
	case transport == viaUDP && given:
		return "", fmt.Errorf("%w: sips over UDP", ErrTransport)
	case transport == viaWS, transport == viaWSS:
		return viaWSS, nil
	case transport == "":
		return "", nil
	}
	return viaTLS, nil
}
