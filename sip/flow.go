package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// Transports as they stand in a Via.
const (
	viaUDP = "UDP"
	viaTCP = "TCP"
)

// source is where a message came from.
type source struct {
	sock *udpSocket // nil for TCP
	conn *tcpConn   // nil for UDP
	addr netip.AddrPort
}

func (s source) transport() string {
	if s.conn != nil {
		return viaTCP
	}
	return viaUDP
}

// flow is the way from one of our sockets to one far address. It does not
// change and may be shared.
type flow struct {
	ua   *UA
	sock *udpSocket // nil for TCP
	conn *tcpConn   // nil for UDP
	to   netip.AddrPort

	once sync.Once
	from netip.Addr // see local
}

func (f *flow) transport() string {
	if f.conn != nil {
		return viaTCP
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
	f.ua.m.resend(kind)
	return f.write(m)
}

func (f *flow) write(m sipgo.Message) error {
	buf := f.ua.buffers.get()
	defer f.ua.buffers.put(buf)
	m.StringWrite(buf)
	return f.writeBytes(buf.Bytes())
}

func (f *flow) writeBytes(b []byte) error {
	var err error
	if f.conn != nil {
		err = f.conn.write(b)
	} else {
		// Deviation: a request larger than the path's MTU is not moved to TCP
		// (RFC 3261 §18.1.1) but sent in IP fragments: the far end has been
		// found to listen on UDP, which is more than is known of its TCP.
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

// local is our address of the route to the far end. It is never unspecified.
func (f *flow) local() netip.Addr {
	f.once.Do(func() {
		if f.conn != nil {
			f.from = f.conn.local.Addr()
		} else if f.from = f.sock.local.Addr(); f.from.IsUnspecified() {
			f.from = routeTo(f.to)
		}
	})
	return f.from
}

// sentBy is the host and port for Via and Contact.
func (f *flow) sentBy() (host string, port int) {
	host = f.ua.cfg.Advertise
	if host == "" {
		host = f.local().WithZone("").String()
	}
	if f.conn == nil {
		return host, int(f.sock.local.Port())
	}
	if p := f.ua.tcp.listenPort(); p != 0 {
		return host, p
	}
	return host, int(f.conn.local.Port())
}

// contact is our Contact for a dialog over this flow.
func (f *flow) contact() sipgo.Uri {
	host, port := f.sentBy()
	u := sipgo.Uri{Scheme: "sip", User: escapeUser(f.ua.cfg.Username), Host: host, Port: port}
	if f.conn != nil {
		u.UriParams = sipgo.HeaderParams{{K: "transport", V: "tcp"}}
	}
	return u
}

// routeTo asks the system which of our addresses it would send from. No
// packet is sent.
func routeTo(to netip.AddrPort) netip.Addr {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err == nil {
		defer c.Close()
		if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
			return a.AddrPort().Addr().Unmap()
		}
	}
	if to.Addr().Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// txConn lends a flow to one transaction of sipgo: whatever that sends goes to
// the same place, and what it sends again is counted as such. It keeps the last
// request or response and the ACK of a refused INVITE.
type txConn struct {
	*flow
	kind string // resentRequest or resentResponse

	mu   sync.Mutex
	last sipgo.Message
	ack  *sipgo.Request
	shut bool
}

// LocalAddr is part of sipgo's Connection.
func (c *txConn) LocalAddr() net.Addr {
	if c.conn != nil {
		return net.TCPAddrFromAddrPort(c.conn.local)
	}
	return net.UDPAddrFromAddrPort(c.sock.local)
}

// WriteMsg is part of sipgo's Connection.
func (c *txConn) WriteMsg(m sipgo.Message) error {
	c.mu.Lock()
	if c.shut {
		c.mu.Unlock()
		return net.ErrClosed
	}
	again := c.last == m
	if req, ok := m.(*sipgo.Request); ok && req.IsAck() {
		c.ack = req
	} else {
		c.last = m
	}
	c.mu.Unlock()
	if again {
		return c.resend(m, c.kind)
	}
	return c.send(m)
}

// shutDown makes every further write fail, which ends a transaction of sipgo
// whose timer is running while it is terminated: it would set the timer anew.
func (c *txConn) shutDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
}

// sentACK is the ACK that the transaction has sent, nil if none.
func (c *txConn) sentACK() *sipgo.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ack
}

// Ref, TryClose and Close are part of sipgo's Connection. Sockets are not
// counted here: the UA closes them.
func (c *txConn) Ref(int) int            { return 1 }
func (c *txConn) TryClose() (int, error) { return 1, nil }
func (c *txConn) Close() error           { return nil }
