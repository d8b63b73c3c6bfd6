package sip

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

const (
	// DefaultKeepAlive is the usual Config.KeepAlive where NAT is in the way:
	// below the 30 s that the smallest NAT mappings over UDP last (RFC 5626 §4.4).
	DefaultKeepAlive = 25 * time.Second
	// pongPatience is how long the answer to a keep-alive may take, RFC 5626
	// §4.4.1.
	pongPatience = 10 * time.Second
	// keptFor is how long a place over UDP is kept open after the last request
	// to it, in intervals of KeepAlive, and maxKept how many are.
	keptFor = 10
	maxKept = 512
)

// A keep-alive ("ping") and its answer ("pong"), RFC 5626 §3.5.1.
const (
	ping = "\r\n\r\n"
	pong = "\r\n"
)

// keepAlive sends keep-alives by every way out that this UA has opened, until
// ctx ends: each time after 80 to 100 % of the interval (RFC 5626 §4.4).
func (u *UA) keepAlive(ctx context.Context) {
	d := u.cfg.KeepAlive
	u.every(ctx, func() time.Duration { return d - time.Duration(rand.Int64N(int64(d)/5+1)) }, u.pingAll)
}

// pingAll begins one round. A connection whose far end does not read holds up no
// other.
func (u *UA) pingAll(now time.Time) {
	for _, c := range u.streams.dialled() {
		u.own.run(func() { c.ping(now) })
	}
	for _, k := range u.kept.keys() {
		f := &flow{ua: u, sock: k.sock, to: k.to}
		_ = f.writeBytes([]byte(ping)) // counted there
	}
}

// ping sends a keep-alive. A connection whose far end has answered pings and answers
// no more is closed: the next request opens a new one.
func (c *streamConn) ping(now time.Time) {
	if c.overdue(now) {
		c.close()
		return
	}
	c.pinged.Store(now.UnixNano())
	_ = c.write([]byte(ping)) // closed if it fails
}

// keptWay is a place reached over UDP.
type keptWay struct {
	sock *udpSocket
	to   netip.AddrPort
}

// keep notes that a request outside a dialog went by f, so that its way is
// kept open. It does nothing without Config.KeepAlive, or for a connection.
func (u *UA) keep(f *flow) {
	if u.cfg.KeepAlive > 0 && f.sock != nil {
		u.kept.put(keptWay{f.sock, f.to}, struct{}{})
	}
}

// overdue: since a ping nothing has come from a far end that has answered before.
// One that never has may know nothing of RFC 5626. Whatever comes shows that it is
// there: on a busy connection the answer is somewhere between messages.
func (c *streamConn) overdue(now time.Time) bool {
	asked := c.pinged.Load()
	return asked != 0 && c.ponged.Load() != 0 && c.heard.Load() < asked && now.UnixNano()-asked > int64(pongPatience)
}

// heardKeepAlive handles a piece of a stream that is nothing but line ends: a
// ping is answered, a pong noted (RFC 5626 §3.5.1).
func (u *UA) heardKeepAlive(c *streamConn, data []byte) {
	if bytes.HasPrefix(data, []byte(ping)) {
		_ = c.write([]byte(pong)) // closed if it fails
		return
	}
	c.ponged.Store(time.Now().UnixNano())
}

// dialled are the connections that this UA has opened.
func (t *streamTable) dialled() []*streamConn {
	return slices.DeleteFunc(t.list(), func(c *streamConn) bool { return c.listener != nil || c.closed() })
}
