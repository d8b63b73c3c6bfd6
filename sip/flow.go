package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Transports as they stand in a Via.
const (
	viaUDP = "UDP"
	viaTCP = "TCP"
	viaTLS = "TLS"
	viaWS  = "WS"
	viaWSS = "WSS"
)

func isSecure(transport string) bool    { return transport == viaTLS || transport == viaWSS }
func isWebSocket(transport string) bool { return transport == viaWS || transport == viaWSS }

// source is where a message came from.
type source struct {
	sock *udpSocket  // nil for a connection
	conn *streamConn // nil for UDP
	addr netip.AddrPort
	size int // of the message [bytes]
}

// dialled: by a connection that we have opened.
func (s source) dialled() bool { return s.conn != nil && s.conn.listener == nil }

func (s source) transport() string {
	if s.conn != nil {
		return s.conn.transport
	}
	return viaUDP
}

// flow is the way from one of our sockets to one far address. It does not
// change and may be shared.
type flow struct {
	ua   *UA
	sock *udpSocket  // nil for a connection
	conn *streamConn // nil for UDP
	to   netip.AddrPort

	spare *allowance // what may be sent to somebody who may not have asked; nil = as much as need be
	// pinned: who is at the other end is reached by this flow only, whatever
	// its Contact says: a phone that has registered.
	pinned bool

	from atomic.Pointer[netip.Addr] // see route; nil until it is known
}

func (f *flow) transport() string {
	if f.conn != nil {
		return f.conn.transport
	}
	return viaUDP
}

// alive says whether it makes sense to send.
func (f *flow) alive() bool { return f.conn == nil || !f.conn.closed() }

// send writes a message and counts it.
func (f *flow) send(m sipgo.Message) error {
	switch m := m.(type) {
	case *sipgo.Request:
		f.ua.m.request(dirOut, string(m.Method))
	case *sipgo.Response:
		f.ua.m.response(dirOut, m.StatusCode)
	}
	return f.write(m)
}

// resend writes a message once more.
func (f *flow) resend(m sipgo.Message, kind string) error {
	buf := f.ua.buffers.get()
	defer f.ua.buffers.put(buf)
	m.StringWrite(buf)
	if !f.spare.again(buf.Len()) {
		return nil
	}
	f.ua.m.resend(kind)
	return f.writeBytes(buf.Bytes())
}

func (f *flow) write(m sipgo.Message) error {
	buf := f.ua.buffers.get()
	defer f.ua.buffers.put(buf)
	m.StringWrite(buf)
	return f.writeBytes(buf.Bytes())
}

func (f *flow) writeBytes(b []byte) error {
	f.spare.spend(len(b))
	var err error
	if f.conn != nil {
		f.conn.sent.Store(time.Now().UnixNano())
		err = f.conn.write(b)
	} else {
		_, err = f.sock.w.WriteToUDPAddrPort(b, f.to)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		f.ua.m.drop(dropWrite)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return nil
}

// route is our address of the route to the far end, never unspecified. The error
// says that the system has no route, or no file left to ask it with: who is told
// another address cannot reach us.
func (f *flow) route() (netip.Addr, error) {
	if f.conn != nil {
		return f.conn.local.Addr(), nil
	}
	if own := f.sock.local.Addr(); !own.IsUnspecified() {
		return own, nil
	}
	if known := f.from.Load(); known != nil {
		return *known, nil
	}
	own, err := routeTo(f.to)
	if err == nil {
		f.from.Store(&own)
	}
	return own, err
}

// local is route where an address is needed in any case: in a Via, whose responses
// come back to where the request came from (rport), and within a dialog.
func (f *flow) local() netip.Addr {
	own, err := f.route()
	switch {
	case err == nil:
		return own
	case f.to.Addr().Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		return netip.IPv6Loopback()
	}
}

// contact is our Contact for a dialog over this flow; RFC 3261 §8.1.1.8, RFC
// 7118 §5 (ws is also the parameter of wss).
func (f *flow) contact() sipgo.Uri {
	host, port := f.sentBy()
	u := sipgo.Uri{Scheme: "sip", User: escapeUser(f.ua.cfg.Username), Host: host, Port: port}
	name := ""
	switch f.transport() {
	case viaTCP:
		name = "tcp"
	case viaTLS:
		name = "tls"
	case viaWS, viaWSS:
		name = "ws"
	}
	if name != "" {
		u.UriParams = sipgo.HeaderParams{{K: "transport", V: name}}
	}
	return u
}

// secureContact makes a contact one that is reached by TLS alone, RFC 3261
// §12.1.1: a sips URI does not name TLS again (§26.2.2).
func secureContact(u sipgo.Uri) sipgo.Uri {
	u.Scheme = "sips"
	if t, _ := param(u.UriParams, "transport"); t == "tls" {
		u.UriParams = nil
	}
	return u
}

// secure makes our Contact a sips URI if a request goes to one (RFC 3261
// §8.1.1.8).
func (p *peer) secure(next ...sipgo.Uri) {
	for _, uri := range append(next, p.target) {
		if uri.Scheme == "sips" {
			p.contact = secureContact(p.contact)
			return
		}
	}
}

// leaveBy makes f the way of our INVITE, whose Contact it tells.
func (d *Dialog) leaveBy(f *flow) {
	p := d.peer
	if d.inv.RemoteAddr != f.to { // nobody else knows the dialog yet
		d.inv.RemoteAddr, d.inv.LocalAddr = f.to, f.local().WithZone("")
		d.inv.Transport = strings.ToLower(f.transport())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flow = f
	c := f.contact()
	c.User = p.contact.User
	if p.contact.Scheme == "sips" {
		c = secureContact(c)
	}
	p.contact = c
}

// wantsSIPS: the far end has asked for TLS on every hop, so our Contact must
// be a sips URI (RFC 3261 §12.1.1).
func wantsSIPS(req *sipgo.Request) bool {
	if req.Recipient.Scheme == "sips" {
		return true
	}
	if routes := recordedRoutes(req); len(routes) > 0 {
		return routes[0].Scheme == "sips"
	}
	c := req.Contact()
	return c != nil && c.Address.Scheme == "sips"
}

// validateFrom is validate, and that a sips request has come over TLS: who
// sends it otherwise has broken what it promises (RFC 3261 §26.2.2).
func validateFrom(req *sipgo.Request, src source) *refusal {
	r := validate(req)
	if r == nil && req.Recipient.Scheme == "sips" && !isSecure(src.transport()) {
		return refuse(codeScheme)
	}
	return r
}

// open makes a flow to a hop: over UDP by the socket of known if it can, else
// by that of the route; else by a connection, opened within patience if there
// is none.
func (u *UA) open(ctx context.Context, h hop, known *flow, patience time.Duration) (*flow, error) {
	if h.transport != viaUDP {
		return u.streamFlow(ctx, h, known, patience)
	}
	if known != nil && known.sock != nil && known.sock.reaches(h.to.Addr()) {
		return &flow{ua: u, sock: known.sock, to: h.to}, nil
	}
	return u.udpFlow(h.to)
}

// reuse is the known flow where the URI leads nowhere else: to a browser,
// which only its own connection reaches (RFC 7118 §5).
func reuse(next sipgo.Uri, known *flow) *flow {
	if known == nil || !known.alive() {
		return nil
	}
	if unreachable(next.Host) {
		return known
	}
	if known.conn == nil || known.conn.listener == nil || !isWebSocket(known.conn.transport) {
		return nil
	}
	if t, given := param(next.UriParams, "transport"); given && !equalFold(t, viaWS) && !equalFold(t, viaWSS) {
		return nil
	}
	return known
}

// streamFlow prefers the connection that leads to the hop, then the one the
// far end has opened, then opens one.
func (u *UA) streamFlow(ctx context.Context, h hop, known *flow, patience time.Duration) (*flow, error) {
	usable := known != nil && known.conn != nil && known.alive() && known.conn.transport == h.transport
	if c := u.streams.find(h); c != nil && !c.closed() {
		return &flow{ua: u, conn: c, to: h.to}, nil
	}
	if usable && known.to.Addr() == h.to.Addr() {
		return known, nil
	}
	c, err := u.dial(ctx, h, patience)
	if err != nil {
		if usable {
			return known, nil
		}
		return nil, err
	}
	return &flow{ua: u, conn: c, to: h.to}, nil
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
			ours, _ = routeTo(to) // else any of them
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

// routeTo asks the system which of our addresses it would send from. No
// packet is sent.
func routeTo(to netip.AddrPort) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%w: route to %s: %w", ErrTransport, to.Addr(), err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
