package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"mediaserver/sip/websocket"
)

const readSize = 16 << 10 // bytes

// serveListener accepts connections until the listener is closed.
func (u *UA) serveListener(l *streamListener) error {
	if isWebSocket(l.transport) {
		return u.serveWebListener(l)
	}
	trouble := 0
	for {
		nc, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if !u.bear(&trouble, err) {
				return fmt.Errorf("accept on %s: %w", l.Addr(), err)
			}
			continue
		}
		trouble = 0
		u.accepted(l, nc)
	}
}

// accepted serves a connection that came to a listener.
func (u *UA) accepted(l *streamListener, nc net.Conn) {
	serve := u.serveBytes
	if l.tls != nil {
		sc := tls.Server(nc, l.tls)
		nc, serve = sc, func(c *streamConn, nc net.Conn) {
			ctx, done := context.WithTimeout(context.Background(), stallTimeout)
			defer done()
			if sc.HandshakeContext(ctx) == nil {
				u.serveBytes(c, nc)
			}
		}
	}
	c, err := newStreamConn(l.transport, nc, nc.LocalAddr(), nc.RemoteAddr())
	if err == nil {
		c.listener = l
		err = u.adopt(c, func(c *streamConn) { serve(c, nc) })
	}
	if err != nil {
		_ = nc.Close()
		u.quiet.warn(connRefused)
	}
}

// connRefused is what is logged of a connection that may not stay; who refuses it
// counts it.
const connRefused = "SIP connection refused"

// serveWebListener accepts WebSocket connections until the listener is closed.
func (u *UA) serveWebListener(l *streamListener) error {
	cfg := websocket.Config{Origins: u.cfg.Origins, MaxMessage: maxDatagram, TLS: l.tls}
	return websocket.Serve(guardedListener{l.Listener, u}, cfg, func(ws *websocket.Conn) {
		c, err := newStreamConn(l.transport, ws, ws.LocalAddr(), ws.RemoteAddr())
		if err == nil {
			c.listener = l
			err = u.adopt(c, func(c *streamConn) { u.serveWeb(c, ws) })
		}
		if err != nil {
			_ = ws.Close()
			u.quiet.warn(connRefused)
		}
	})
}

// serveWeb reads messages from a WebSocket, one to a frame (RFC 7118 §4.2).
func (u *UA) serveWeb(c *streamConn, ws *websocket.Conn) {
	u.streams.enter(c)
	src := source{conn: c, addr: c.remote}
	for heard := false; ; heard = true {
		var wait time.Duration
		if !heard {
			wait = stallTimeout
		}
		data, err := ws.Read(wait)
		if err != nil {
			return
		}
		c.heard.Store(time.Now().UnixNano())
		if isKeepAlive(data) {
			u.heardKeepAlive(c, data)
			continue
		}
		if u.guard.admit(src, time.Now()) {
			u.receive(data, src)
		}
	}
}

// serveBytes reads messages until the connection ends. Only a message that has
// begun, and the first one, must come soon: connections of calls may be quiet
// for hours.
func (u *UA) serveBytes(c *streamConn, nc net.Conn) {
	u.streams.enter(c)
	r := streamReader{u: u, src: source{conn: c, addr: c.remote}}
	buf := make([]byte, readSize)
	for {
		var deadline time.Time
		if r.begun() || !r.heard {
			if r.since.IsZero() {
				r.since = time.Now()
			}
			deadline = r.since.Add(stallTimeout) // however slowly it comes
		}
		if err := nc.SetReadDeadline(deadline); err != nil {
			return
		}
		n, err := nc.Read(buf)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				u.guard.blame(r.src, offenceStalled, true)
			}
			return
		}
		c.heard.Store(time.Now().UnixNano())
		if !r.read(buf[:n]) {
			return
		}
	}
}

// streamReader handles the messages of a stream.
type streamReader struct {
	framer
	u     *UA
	src   source
	heard bool      // something whole has come
	since time.Time // when a message has begun, or the connection; zero: none has
}

// read handles the messages that data completes, and keep-alives; false if the
// stream cannot go on.
func (r *streamReader) read(data []byte) bool {
	if !r.begun() && isKeepAlive(data) {
		r.heard, r.since = true, time.Time{}
		r.u.heardKeepAlive(r.src.conn, data)
		return true
	}
	if !r.u.pass(data, r.src) {
		return true
	}
	r.add(data)
	for {
		message, err := r.next()
		if err != nil {
			r.u.unparsed(r.buf, r.src, err)
			return false
		}
		if message == nil {
			break
		}
		r.heard, r.since = true, time.Time{}
		if r.u.guard.admit(r.src, time.Now()) {
			r.u.understand(message, r.src)
		}
	}
	if r.pinged {
		r.pinged = false
		r.u.heardKeepAlive(r.src.conn, []byte(ping))
	}
	return true
}
