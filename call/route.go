package call

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"mediaserver/sip"
)

// ErrNoTrunk: a telephone number was dialled, and no trunk takes it.
var ErrNoTrunk = errors.New("call: no trunk for telephone numbers")

// Trunks finds the ways out by SIP: *trunk.Table.
type Trunks interface {
	// Routes are the ways to a telephone number or SIP address, in the order in
	// which they are to be tried; from is a user part or SIP URI. The error of a
	// number that no trunk takes wraps ErrNoTrunk; an address always has a way.
	Routes(d Destination, from string) ([]Route, error)
}

// Route is one way for a call by SIP.
type Route struct {
	Request  sip.InviteRequest // without offer
	Security Security          // of the audio
	Keying   Keying            // how its keys are exchanged
	// Take books the call where calls are limited; the call gives it back by
	// release when it ends. nil: there is no limit.
	Take func() (release func(), err error)
}

// routes are the ways to a number or SIP address.
func (o Outbound) routes(d Destination, from string) ([]Route, error) {
	switch {
	case o.Trunks != nil:
		return o.Trunks.Routes(d, callerURI(from))
	case d.Kind == ToNumber:
		return nil, fmt.Errorf("%w: %s", ErrNoTrunk, d.Value)
	default:
		return []Route{{Request: sip.InviteRequest{To: d.Value, From: callerURI(from)}}}, nil
	}
}

// bySIP dials by one way after the other until one does not fail for reasons
// of its own.
func (a *attempt) bySIP(ctx context.Context) error {
	c := a.call
	routes, err := c.manager.cfg.Outbound.routes(a.to, c.base.From)
	if err != nil {
		return err
	}
	for i, r := range routes {
		err = a.byRoute(ctx, r)
		if err == nil || ctx.Err() != nil || a.heard.Load() || c.hasMedia() || !elsewhere(err) {
			return err
		}
		if i < len(routes)-1 {
			c.logger().Info("call out goes by the next way", "call_to", a.to.party(), "error", err)
		}
	}
	return err
}

// byRoute dials by one way.
func (a *attempt) byRoute(ctx context.Context, r Route) error {
	c := a.call
	release := func() {}
	if r.Take != nil {
		var err error
		if release, err = r.Take(); err != nil {
			return err
		}
	}
	c.security, c.keying = r.Security, r.Keying
	if err := a.dial(ctx, sipWay{manager: c.manager, request: a.with(r.Request, c.manager.cfg.Outbound.follow(r)), own: c.finds(nil)}); err != nil {
		release()
		return err
	}
	c.dialog.(*outgoing).release = release
	return nil
}

// with is a request with the header fields of the attempt.
func (a *attempt) with(r sip.InviteRequest, follow func(string) (string, bool)) sip.InviteRequest {
	r.Follow, r.Named = follow, a.call.dialog.(*outgoing).named
	r.Headers = append(slices.Clip(r.Headers), a.headers...)
	return r
}

// leaveTrunk gives back what Route.Take has booked.
func (c *Call) leaveTrunk() {
	if d, ours := c.far().(*outgoing); ours && d.release != nil {
		d.release()
	}
}

// elsewhere says whether a call that failed may succeed by another way: the
// far end was not reached, or has no room.
func elsewhere(err error) bool {
	if status, ok := errors.AsType[*sip.StatusError](err); ok {
		switch status.Code {
		case codeRequestTimeout, codeInternal, codeBadGateway, codeUnavailable, codeGatewayTimeout:
			return true
		}
		return false
	}
	return errors.Is(err, sip.ErrTimeout) || errors.Is(err, sip.ErrTransport) || errors.Is(err, ErrUnreachable)
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
