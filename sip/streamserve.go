package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

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
		u.refusedConn()
	}
}

func (u *UA) refusedConn() {
	u.m.drop(dropConns)
	u.quiet.warn("SIP connection refused")
}

// serveWebListener accepts WebSocket connections until the listener is closed.
func (u *UA) serveWebListener(l *streamListener) error {
	cfg := websocket.Config{Origins: u.cfg.Origins, MaxMessage: maxDatagram, TLS: l.tls}
	return websocket.Serve(l.Listener, cfg, func(ws *websocket.Conn) {
		c, err := newStreamConn(l.transport, ws, ws.LocalAddr(), ws.RemoteAddr())
		if err == nil {
			c.listener = l
			err = u.adopt(c, func(c *streamConn) { u.serveWeb(c, ws) })
		}
		if err != nil {
			_ = ws.Close()
			u.refusedConn()
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
	r.stream = u.parser.NewSIPStream()
	defer r.stream.Close()
	buf := make([]byte, readSize)
	for {
		var deadline time.Time
		if r.begun || !r.heard {
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
		data := buf[:n]
		if !r.begun && isKeepAlive(data) {
			r.heard, r.since = true, time.Time{}
			u.heardKeepAlive(c, data)
			continue
		}
		if u.pass(data, r.src) && !r.read(data) {
			return
		}
	}
}

// streamReader cuts a stream into messages.
type streamReader struct {
	u      *UA
	src    source
	stream *sipgo.ParserStream
	heard  bool      // something whole has come
	begun  bool      // a message has begun
	since  time.Time // when it has, or the connection; zero: none has
}

// strayLineEnds is how many bytes of line ends in front of a message do not
// count as its beginning.
const strayLineEnds = 8

// read handles the messages that data completes; false if the stream cannot
// go on.
func (r *streamReader) read(data []byte) (ok bool) {
	r.u.try(func() {
		_, _ = r.stream.Write(data) // to memory
		for ok = true; r.stream.Buffer().Len() > 0; {
			msg, n, err := r.stream.ParseNext()
			switch {
			case errors.Is(err, io.ErrUnexpectedEOF):
				r.begun = r.stream.Buffer().Len() > 0 || n > strayLineEnds
				return
			case err != nil:
				ok = false
				// Nothing says where the next message begins.
				r.u.unparsed(data, r.src, err)
				return
			}
			r.heard, r.begun, r.since = true, false, time.Time{}
			if r.u.guard.admit(r.src, time.Now()) {
				r.u.handle(msg, r.src)
			}
		}
	})
	return ok
}
