package sip

import (
	"net"
	"net/netip"
	"sync"
)

// crowd counts the connections that each source has opened.
type crowd struct {
	mu   sync.Mutex
	each map[netip.Addr]int
}

// enterConn takes a connection of a source; false when the source is banned
// or has too many. leaveConn gives it back.
func (g *gate) enterConn(a netip.Addr) bool {
	a = bare(a)
	if !g.welcome(a) {
		return false
	}
	limited := !g.open && !g.cfg.Off && !g.trusted(a)
	key := networkOfSource(a)
	g.conns.mu.Lock()
	defer g.conns.mu.Unlock()
	if limited && g.conns.each[key] >= g.cfg.ConnsPerSource {
		g.m.drop(dropConns)
		return false
	}
	g.conns.each[key]++
	return true
}

func (g *gate) leaveConn(a netip.Addr) {
	key := networkOfSource(bare(a))
	g.conns.mu.Lock()
	defer g.conns.mu.Unlock()
	if g.conns.each[key]--; g.conns.each[key] <= 0 {
		delete(g.conns.each, key)
	}
}

// guardedListener is a listener for WebSockets, whose opening handshakes are done
// elsewhere: connections count for their source from the first byte on, for the
// handshakes there is room for are as much in want.
type guardedListener struct {
	net.Listener
	ua *UA
}

// Accept passes over the connections of sources that may not have another one.
func (l guardedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, ok := c.RemoteAddr().(*net.TCPAddr)
		if !ok {
			return c, nil // not adopted either
		}
		a := unmap(from.AddrPort()).Addr()
		if l.ua.guard.enterConn(a) {
			return &guardedConn{Conn: c, leave: sync.OnceFunc(func() { l.ua.guard.leaveConn(a) })}, nil
		}
		_ = c.Close() // nothing to be done about it
		l.ua.quiet.warn(connRefused)
	}
}

// guardedConn counts for its source until it is closed.
type guardedConn struct {
	net.Conn
	leave func()
}

// Close is part of net.Conn.
func (c *guardedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
