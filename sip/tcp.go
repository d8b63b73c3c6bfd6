package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const (
	maxConns     = 8192             // TCP connections of a UA
	stallTimeout = 30 * time.Second // for the first message, and for the rest of one that has begun
	writeTimeout = 5 * time.Second
	dialTimeout  = 10 * time.Second
	readSize     = 16 << 10 // bytes
)

// errTooMany refuses a connection beyond maxConns.
var errTooMany = errors.New("sip: too many TCP connections")

// tcpConn is one TCP connection, accepted or dialled.
type tcpConn struct {
	nc            net.Conn
	local, remote netip.AddrPort
	done          chan struct{} // closed when it can no longer be used
	once          sync.Once
}

func (c *tcpConn) closed() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *tcpConn) close() {
	c.once.Do(func() {
		close(c.done)
		_ = c.nc.Close() // nothing to be done about it
	})
}

func (c *tcpConn) write(b []byte) error {
	if err := c.nc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := c.nc.Write(b); err != nil {
		// A message cut in two cannot be mended.
		c.close()
		return err
	}
	return nil
}

// tcpTable are the listeners and connections of a UA.
type tcpTable struct {
	m         *Metrics
	listeners []*net.TCPListener

	mu    sync.Mutex
	conns map[netip.AddrPort]*tcpConn // by remote address
	down  bool
}

func newTCPTable(m *Metrics) *tcpTable {
	return &tcpTable{m: m, conns: make(map[netip.AddrPort]*tcpConn)}
}

func listenTCP(l listenAddr) (*net.TCPListener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), networkOf("tcp", l.host), net.JoinHostPort(l.host, l.port))
	if err != nil {
		return nil, &ListenError{Addr: l.String(), Err: err}
	}
	return ln.(*net.TCPListener), nil
}

// listenPort is the port of the first listener, 0 if there is none.
func (t *tcpTable) listenPort() int {
	if len(t.listeners) == 0 {
		return 0
	}
	return t.listeners[0].Addr().(*net.TCPAddr).Port
}

// find is the connection to a far address, nil if there is none.
func (t *tcpTable) find(to netip.AddrPort) *tcpConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns[to]
}

func (t *tcpTable) add(nc net.Conn) (*tcpConn, error) {
	local, lok := nc.LocalAddr().(*net.TCPAddr)
	remote, rok := nc.RemoteAddr().(*net.TCPAddr)
	if !lok || !rok {
		return nil, fmt.Errorf("sip: unexpected %T", nc)
	}
	c := &tcpConn{nc: nc, local: unmap(local.AddrPort()), remote: unmap(remote.AddrPort()), done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return nil, ErrClosed
	}
	if len(t.conns) >= maxConns {
		return nil, errTooMany
	}
	t.conns[c.remote] = c
	t.m.conns.Inc()
	return c, nil
}

func (t *tcpTable) remove(c *tcpConn) {
	c.close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conns[c.remote] == c {
		delete(t.conns, c.remote)
	}
	t.m.conns.Dec()
}

// closeListeners stops accepting.
func (t *tcpTable) closeListeners() {
	for _, l := range t.listeners {
		_ = l.Close()
	}
}

// closeConns closes all connections and lets no new one in.
func (t *tcpTable) closeConns() {
	t.mu.Lock()
	t.down = true
	conns := make([]*tcpConn, 0, len(t.conns))
	for _, c := range t.conns {
		conns = append(conns, c)
	}
	t.mu.Unlock()
	for _, c := range conns {
		c.close()
	}
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// serveTCP accepts connections until the listener is closed.
func (u *UA) serveTCP(l *net.TCPListener) error {
	trouble := 0
	for {
		nc, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if trouble++; trouble > maxTrouble {
				return fmt.Errorf("accept on %s: %w", l.Addr(), err)
			}
			continue
		}
		trouble = 0
		if _, err := u.adopt(nc); err != nil {
			_ = nc.Close()
			u.m.drop(dropConns)
			u.quiet.warn("SIP connection refused")
		}
	}
}

// adopt takes a connection into the table and reads from it.
func (u *UA) adopt(nc net.Conn) (*tcpConn, error) {
	c, err := u.tcp.add(nc)
	if err != nil {
		return nil, err
	}
	if !u.own.run(func() { u.serveConn(c) }) {
		u.tcp.remove(c)
		return nil, ErrClosed
	}
	return c, nil
}

// dial gives the connection to a far address, opening one if need be.
func (u *UA) dial(ctx context.Context, to netip.AddrPort) (*tcpConn, error) {
	if c := u.tcp.find(to); c != nil && !c.closed() {
		return c, nil
	}
	d := net.Dialer{Timeout: dialTimeout}
	nc, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	c, err := u.adopt(nc)
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return c, nil
}

// serveConn reads messages until the connection ends. Only a message that has
// begun, and the first one, must come soon: connections of calls may be quiet
// for hours.
func (u *UA) serveConn(c *tcpConn) {
	defer u.tcp.remove(c)
	r := streamReader{u: u, src: source{conn: c, addr: c.remote}, limiter: newRateLimiter(u.cfg.SourceRate)}
	r.stream = u.parser.NewSIPStream()
	defer r.stream.Close()
	buf := make([]byte, readSize)
	for {
		var deadline time.Time
		if r.begun || !r.heard {
			deadline = time.Now().Add(stallTimeout)
		}
		if err := c.nc.SetReadDeadline(deadline); err != nil {
			return
		}
		n, err := c.nc.Read(buf)
		if err != nil {
			return
		}
		data := buf[:n]
		if !r.begun && isKeepAlive(data) {
			r.heard = true
			if bytes.HasPrefix(data, []byte("\r\n\r\n")) {
				_ = c.write([]byte("\r\n")) // RFC 5626 §3.5.1: pong
			}
			continue
		}
		if u.pass(data, r.src) && !r.read(data) {
			return
		}
	}
}

// streamReader cuts a stream into messages.
type streamReader struct {
	u       *UA
	src     source
	limiter *rateLimiter
	stream  *sipgo.ParserStream
	heard   bool // something whole has come
	begun   bool // a message has begun
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
			r.heard, r.begun = true, false
			if !r.limiter.allow(r.src.addr.Addr(), time.Now()) {
				r.u.m.drop(dropRate)
				continue
			}
			r.u.handle(msg, r.src)
		}
	})
	return ok
}
