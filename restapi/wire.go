package restapi

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How connections to pages are kept. An idle one is given up sooner than any
// common server gives it up, so that a request rarely meets a server that is
// just closing: such a request may not be repeated.
const (
	idleConnections     = 64 // per host
	idleTimeout         = 1500 * time.Millisecond
	maxResponseHeader   = 256 << 10 // [bytes]
	dialKeepAlivePeriod = 15 * time.Second
)

// newTransport speaks HTTP/1.1, keeps connections for a moment, and counts
// what is written to each. It never unpacks nor repeats anything by itself.
// Connecting and the TLS handshake may take up to patience each: net/http goes
// on with both when the request that wanted them has been given up.
func newTransport(patience time.Duration) *http.Transport {
	dialer := &net.Dialer{KeepAlive: dialKeepAlivePeriod, Timeout: patience}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &countedConn{Conn: c}, nil
		},
		TLSHandshakeTimeout:    patience,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
}

// countedConn knows how many bytes were written to it.
type countedConn struct {
	net.Conn
	written atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// departure watches one request: whether any byte of it has left. The bytes of
// a TLS handshake, written before the connection is handed to the request, do
// not count.
type departure struct {
	mu     sync.Mutex
	conn   *countedConn // nil: none of ours yet
	before int64        // bytes written when the request got it
	wrote  bool         // a transport that is not ours has written
}

// watch is ctx for a request that d watches.
func (d *departure) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(info httptrace.GotConnInfo) { d.got(info.Conn) },
		WroteHeaders: func() { d.wroteHeaders() },
	})
}

func (d *departure) got(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	counted, ok := c.(*countedConn)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn, d.before = counted, counted.written.Load()
}

func (d *departure) wroteHeaders() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wrote = true
}

// hasBegun says whether any byte of the request was sent.
func (d *departure) hasBegun() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		return d.conn.written.Load() > d.before
	}
	return d.wrote
}

// onceBody is a request body that net/http cannot rewind, and so never sends
// again by itself once a byte of it was sent. An empty one keeps it from
// repeating a GET.
func onceBody(body []byte) io.ReadCloser {
	return io.NopCloser(strings.NewReader(string(body)))
}
