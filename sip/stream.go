package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mediaserver/sip/websocket"
)

const (
	maxConns     = 8192             // connections of a UA
	maxAccepted  = maxConns * 7 / 8 // of all, beyond which none is accepted: we must be able to open some
	stallTimeout = 30 * time.Second // for the first message, and for the rest of one that has begun
	writeTimeout = 5 * time.Second
	dialTimeout  = 10 * time.Second
)

// errTooMany refuses a connection beyond maxConns.
var errTooMany = errors.New("sip: too many connections")

// link carries a stream of bytes or, over a WebSocket, a message with each
// call of Write.
type link interface {
	Write(b []byte) (int, error)
	SetWriteDeadline(t time.Time) error
	Close() error
}

// streamConn is one connection, accepted or dialled: TCP, TLS, or a WebSocket
// over one of these.
type streamConn struct {
	transport     string // as in a Via
	link          link
	local, remote netip.AddrPort
	host          string          // what the far end's certificate was checked for; "" if it was not
	listener      *streamListener // that accepted it; nil if dialled
	done          chan struct{}   // closed when it can no longer be used
	once          sync.Once
	turn          chan struct{} // capacity 1: full while somebody writes

	heard          atomic.Int64 // when anything last came [Unix ns]; 0 = never
	sent           atomic.Int64 // when a message of ours last went, or the connection was made [Unix ns]
	wanted         atomic.Int64 // it stays open until then [Unix ns]
	pinged, ponged atomic.Int64 // last keep-alive sent and answered [Unix ns]; 0 = never
}

// newStreamConn describes a connection.
func newStreamConn(transport string, l link, local, remote net.Addr) (*streamConn, error) {
	here, lok := local.(*net.TCPAddr)
	there, rok := remote.(*net.TCPAddr)
	if !lok || !rok {
		return nil, fmt.Errorf("sip: unexpected %T", local)
	}
	c := &streamConn{
		transport: transport, link: l, local: unmap(here.AddrPort()), remote: unmap(there.AddrPort()),
		done: make(chan struct{}), turn: make(chan struct{}, 1),
	}
	c.sent.Store(time.Now().UnixNano())
	return c, nil
}

func (c *streamConn) closed() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *streamConn) close() {
	c.once.Do(func() {
		close(c.done)
		_ = c.link.Close() // nothing to be done about it
	})
}

// write sends a message within writeTimeout, the wait for others that write
// included; else the far end does not read, and the connection is closed.
func (c *streamConn) write(b []byte) error {
	end := time.Now().Add(writeTimeout)
	if err := c.takeTurn(end); err != nil {
		return err
	}
	defer func() { <-c.turn }()
	if err := c.link.SetWriteDeadline(end); err != nil {
		return err
	}
	if _, err := c.link.Write(b); err != nil {
		// A message cut in two cannot be mended.
		c.close()
		return err
	}
	return nil
}

// takeTurn waits until nobody else writes: each deadline is for one message, and
// a later one must not give an earlier one more time.
func (c *streamConn) takeTurn(end time.Time) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	default:
	}
	late := time.NewTimer(time.Until(end))
	defer late.Stop()
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-c.done:
		return net.ErrClosed
	case <-late.C:
		c.close()
		return os.ErrDeadlineExceeded
	}
}

// way is what a connection is looked for by.
func (c *streamConn) way() hop { return hop{c.transport, c.remote, c.host} }

// streamListener accepts connections of one transport.
type streamListener struct {
	net.Listener
	transport string
	advertise advertised
	tls       *tls.Config // nil: none
	port      int
}

// streamTable are the listeners and connections of a UA.
type streamTable struct {
	m         *Metrics
	listeners []*streamListener

	mu      sync.Mutex
	all     map[*streamConn]struct{}
	ways    map[hop]*streamConn // those that can be sent to; the latest counts
	opening map[hop]*opening
	down    bool
}

func newStreamTable(m *Metrics) *streamTable {
	return &streamTable{m: m, all: make(map[*streamConn]struct{}), ways: make(map[hop]*streamConn), opening: make(map[hop]*opening)}
}

func (u *UA) listenStream(l listenAddr) (*streamListener, error) {
	s := &streamListener{transport: l.transport(), advertise: l.advertise}
	if isSecure(s.transport) {
		var err error
		if s.tls, err = u.tls.server(); err != nil {
			return nil, &ListenError{Addr: l.String(), Err: err}
		}
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), networkOf("tcp", l.host), net.JoinHostPort(l.host, l.port))
	if err != nil {
		return nil, &ListenError{Addr: l.String(), Err: err}
	}
	s.Listener, s.port = ln, ln.Addr().(*net.TCPAddr).Port
	return s, nil
}

// listenerOf is the listener that a connection came to, or at which its far
// end would reach us: the first of its transport. nil if there is none.
func (t *streamTable) listenerOf(c *streamConn) *streamListener {
	if c.listener != nil {
		return c.listener
	}
	for _, l := range t.listeners {
		if l.transport == c.transport {
			return l
		}
	}
	return nil
}

// identity is the name that matters for a connection to a hop: without a
// certificate one connection serves all names of an address.
func (h hop) identity() hop {
	if !isSecure(h.transport) {
		h.host = ""
	}
	return h
}

// find is the connection to a hop, nil if there is none.
func (t *streamTable) find(h hop) *streamConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ways[h.identity()]
}

// reserve counts a connection, before it can be used.
func (t *streamTable) reserve(c *streamConn) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return ErrClosed
	}
	room := maxConns
	if c.listener != nil {
		room = maxAccepted
	}
	if len(t.all) >= room {
		t.m.drop(dropConns)
		return errTooMany
	}
	t.all[c] = struct{}{}
	t.m.conns.Inc()
	return nil
}

// enter lets requests be sent by a connection, unless it has ended meanwhile.
func (t *streamTable) enter(c *streamConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, there := t.all[c]; there {
		t.ways[c.way()] = c
	}
}

func (t *streamTable) remove(c *streamConn) {
	c.close()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hideLocked(c)
	delete(t.all, c)
	t.m.conns.Dec()
}

// closeListeners stops accepting.
func (t *streamTable) closeListeners() {
	for _, l := range t.listeners {
		_ = l.Close()
	}
}

// closeConns closes all connections and lets no new one in.
func (t *streamTable) closeConns() {
	t.mu.Lock()
	t.down = true
	conns := make([]*streamConn, 0, len(t.all))
	for c := range t.all {
		conns = append(conns, c)
	}
	t.mu.Unlock()
	var closing sync.WaitGroup // TLS says goodbye, to far ends that do not read as well
	for _, c := range conns {
		closing.Go(c.close)
	}
	closing.Wait()
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// adopt takes a connection into the table and serves it. Those that come to a
// listener count for their source; WebSockets do already (guardedListener).
func (u *UA) adopt(c *streamConn, serve func(*streamConn)) error {
	leave := func() {}
	if c.listener != nil && !isWebSocket(c.transport) {
		if !u.guard.enterConn(c.remote.Addr()) {
			return errTooMany
		}
		leave = func() { u.guard.leaveConn(c.remote.Addr()) }
	}
	if err := u.streams.reserve(c); err != nil {
		leave()
		return err
	}
	gone := func() {
		u.streams.remove(c)
		leave()
	}
	if !u.own.run(func() { defer gone(); serve(c) }) {
		gone()
		return ErrClosed
	}
	return nil
}

// connect opens a connection to a hop and says how it is served.
func (u *UA) connect(ctx context.Context, h hop) (*streamConn, func(*streamConn), error) {
	if isWebSocket(h.transport) {
		return u.connectWeb(ctx, h)
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", h.to.String())
	if err != nil {
		return nil, nil, err
	}
	if h.transport == viaTLS {
		sc := tls.Client(nc, u.tls.client(h.host))
		if err := sc.HandshakeContext(ctx); err != nil {
			_ = nc.Close()
			return nil, nil, fmt.Errorf("TLS with %s at %s: %w", h.host, h.to, err)
		}
		nc = sc
	}
	c, err := newStreamConn(h.transport, nc, nc.LocalAddr(), nc.RemoteAddr())
	if err != nil {
		_ = nc.Close()
		return nil, nil, err
	}
	c.host = h.identity().host
	return c, func(c *streamConn) { u.serveBytes(c, nc) }, nil
}

// connectWeb opens a WebSocket to a hop.
func (u *UA) connectWeb(ctx context.Context, h hop) (*streamConn, func(*streamConn), error) {
	var secure *tls.Config
	if h.transport == viaWSS {
		secure = u.tls.client(h.host)
	}
	ws, err := websocket.Dial(ctx, h.to.String(), h.host, secure)
	if err != nil {
		return nil, nil, err
	}
	c, err := newStreamConn(h.transport, ws, ws.LocalAddr(), ws.RemoteAddr())
	if err != nil {
		_ = ws.Close()
		return nil, nil, err
	}
	c.host = h.identity().host
	return c, func(c *streamConn) { u.serveWeb(c, ws) }, nil
}
