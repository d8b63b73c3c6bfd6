package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// errNoListener: nothing of ours can reach an address of that family over UDP.
var errNoListener = errors.New("sip: no UDP listener for that address")

// flowTo finds a way to the next hop of a request. known is the flow of the
// dialog, nil if there is none: its transport is used unless the URI names
// one, and its TCP connection when it leads to the same host.
//
// Deviation: RFC 3263 §4.1 would have UDP for a URI without transport. Clients
// that call in over TCP often leave it out of their Contact, and their
// connection is what reaches them.
func (u *UA) flowTo(ctx context.Context, next sipgo.Uri, known *flow) (*flow, error) {
	transport := ""
	if t, ok := param(next.UriParams, "transport"); ok {
		transport = strings.ToUpper(t)
	} else if known != nil {
		transport = known.transport()
	}
	switch transport {
	case "", viaUDP, viaTCP:
	default:
		return nil, fmt.Errorf("%w: transport %q is not supported", ErrTransport, transport)
	}
	to, err := u.resolve(ctx, next, transport)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	if transport == viaTCP {
		return u.tcpFlow(ctx, to, known)
	}
	if known != nil && known.sock != nil && known.sock.reaches(to.Addr()) {
		return &flow{ua: u, sock: known.sock, to: to}, nil
	}
	return u.udpFlow(to)
}

// tcpFlow prefers the connection that leads to the address, then the one the
// far end has opened, then opens one.
func (u *UA) tcpFlow(ctx context.Context, to netip.AddrPort, known *flow) (*flow, error) {
	usable := known != nil && known.conn != nil && known.alive()
	if c := u.tcp.find(to); c != nil && !c.closed() {
		return &flow{ua: u, conn: c, to: to}, nil
	}
	if usable && known.to.Addr() == to.Addr() {
		return known, nil
	}
	c, err := u.dial(ctx, to)
	if err != nil {
		if usable {
			return known, nil
		}
		return nil, err
	}
	return &flow{ua: u, conn: c, to: to}, nil
}

func (u *UA) udpFlow(to netip.AddrPort) (*flow, error) {
	var fallback *udpSocket
	var ours netip.Addr
	for _, s := range u.udp {
		if !s.reaches(to.Addr()) {
			continue
		}
		if s.local.Addr().IsUnspecified() {
			return &flow{ua: u, sock: s, to: to}, nil
		}
		if !ours.IsValid() {
			ours = routeTo(to)
		}
		if s.local.Addr() == ours {
			return &flow{ua: u, sock: s, to: to}, nil
		}
		if fallback == nil {
			fallback = s
		}
	}
	if fallback == nil {
		return nil, fmt.Errorf("%w: %w: %s", ErrTransport, errNoListener, to)
	}
	return &flow{ua: u, sock: fallback, to: to}, nil
}

// reaches: the socket's family can send to the address.
func (s *udpSocket) reaches(a netip.Addr) bool {
	l := s.local.Addr()
	if l.IsUnspecified() && l.Is6() && s.dual {
		return true
	}
	return l.Is4() == a.Is4()
}

// resolve finds the address of a URI's host. Without a port the SRV records of
// a domain are asked first, and the first of them is used; RFC 3263.
func (u *UA) resolve(ctx context.Context, uri sipgo.Uri, transport string) (netip.AddrPort, error) {
	host, port := strings.Trim(uri.Host, "[]"), uri.Port
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a.Unmap(), portOr(port)), nil
	}
	if port == 0 && strings.Contains(host, ".") {
		proto := "udp"
		if transport == viaTCP {
			proto = "tcp"
		}
		if _, srv, err := net.DefaultResolver.LookupSRV(ctx, "sip", proto, host); err == nil && len(srv) > 0 {
			host, port = strings.TrimSuffix(srv[0].Target, "."), int(srv[0].Port)
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("resolve %s: %w", host, err)
	}
	for _, a := range addrs {
		if transport == viaTCP || u.reachable(a.Unmap()) {
			return netip.AddrPortFrom(a.Unmap(), portOr(port)), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("resolve %s: %w", host, errNoListener)
}

// reachable: a UDP listener of ours can send to the address.
func (u *UA) reachable(a netip.Addr) bool {
	for _, s := range u.udp {
		if s.reaches(a) {
			return true
		}
	}
	return false
}

func portOr(port int) uint16 {
	if port <= 0 || port > 65535 {
		return defaultPort
	}
	return uint16(port)
}
