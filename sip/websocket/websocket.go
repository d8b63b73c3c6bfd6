package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

const (
	subprotocol      = "sip"            // RFC 7118 §4
	handshakeTimeout = 10 * time.Second // TLS and HTTP together
	maxHeader        = 8 << 10          // bytes of the HTTP request
	maxHandshakes    = 1024             // at a time
	messageTimeout   = 30 * time.Second // for the rest of a message that has begun
	writeTimeout     = 5 * time.Second  // where no deadline was set
)

// ErrSubprotocol: the far end does not speak SIP.
var ErrSubprotocol = errors.New("websocket: the far end does not accept the subprotocol sip")

// Config of a listener.
type Config struct {
	Origins    []string    // origins (RFC 6455 §10.2) by host pattern as "*.example.com"; "*" = any; nil = the host asked for
	MaxMessage int         // bytes; a larger one closes the connection
	TLS        *tls.Config // nil = none
}

// Conn is one open connection.
type Conn struct {
	ws            *websocket.Conn
	local, remote net.Addr
	deadline      atomic.Int64 // of writes [Unix ns]; 0 = writeTimeout from now
}

// LocalAddr is our address.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the address of the far end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// Read gives the next message; wait bounds the time until it has come, 0 does not.
// One that has begun must come to its end in any case.
func (c *Conn) Read(wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if wait > 0 {
		defer time.AfterFunc(wait, cancel).Stop()
	}
	_, r, err := c.ws.Reader(ctx)
	if err != nil {
		return nil, err
	}
	defer time.AfterFunc(messageTimeout, cancel).Stop()
	return io.ReadAll(r)
}

// SetWriteDeadline bounds later writes.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.deadline.Store(t.UnixNano())
	return nil
}

// Write sends one message: as text, or as binary if it is not UTF-8 (RFC 7118
// §4.2).
func (c *Conn) Write(b []byte) (int, error) {
	end := time.Now().Add(writeTimeout)
	if ns := c.deadline.Load(); ns != 0 {
		end = time.Unix(0, ns)
	}
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	kind := websocket.MessageText
	if !utf8.Valid(b) {
		kind = websocket.MessageBinary
	}
	if err := c.ws.Write(ctx, kind, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close ends the connection without ceremony.
func (c *Conn) Close() error { return c.ws.CloseNow() }

// Serve accepts connections of a listener until that is closed. take gets each
// when its handshake is over; it must not wait. No take runs after the return.
func Serve(l net.Listener, cfg Config, take func(*Conn)) error {
	var open atomic.Int64
	var wg sync.WaitGroup
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			wg.Add(1) // the handshake ends before take does
			defer wg.Done()
			upgrade(w, r, cfg, take)
		}),
		ReadTimeout:    handshakeTimeout, // with what follows the header of a request that is refused
		WriteTimeout:   handshakeTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       log.New(io.Discard, "", 0), // outsiders must not fill the log
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				wg.Add(1)
				if open.Add(1) > maxHandshakes {
					_ = c.Close()
				}
			case http.StateHijacked, http.StateClosed:
				open.Add(-1)
				wg.Done()
			}
		},
	}
	s.SetKeepAlivesEnabled(false)
	if cfg.TLS != nil {
		secure := cfg.TLS.Clone()
		secure.NextProtos = []string{"http/1.1"}
		l = tls.NewListener(l, secure)
	}
	err := s.Serve(l)
	_ = s.Close()
	wg.Wait()
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// upgrade makes a WebSocket of a request.
func upgrade(w http.ResponseWriter, r *http.Request, cfg Config, take func(*Conn)) {
	remote, err := net.ResolveTCPAddr("tcp", r.RemoteAddr) // an address, never a name
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if err != nil || !ok {
		http.Error(w, "no address", http.StatusInternalServerError)
		return
	}
	if !offers(r, subprotocol) {
		http.Error(w, "this port speaks the WebSocket subprotocol sip", http.StatusBadRequest)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		OriginPatterns:     cfg.Origins,
		InsecureSkipVerify: slices.Contains(cfg.Origins, "*"),
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	ws.SetReadLimit(int64(cfg.MaxMessage))
	take(&Conn{ws: ws, local: local, remote: remote})
}

// offers: the client names the subprotocol.
func offers(r *http.Request, name string) bool {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		if slices.Contains(words(line), name) {
			return true
		}
	}
	return false
}

// Dial opens a connection to an address, "IP:port". host is the name in the
// request; secure is nil for ws.
func Dial(ctx context.Context, addr, host string, secure *tls.Config) (*Conn, error) {
	c := &Conn{}
	scheme := "ws"
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		nc, err := d.DialContext(ctx, network, addr)
		if err == nil {
			c.local, c.remote = nc.LocalAddr(), nc.RemoteAddr()
		}
		return nc, err
	}
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	if secure != nil {
		scheme = "wss"
		transport.DialTLSContext = func(ctx context.Context, network, a string) (net.Conn, error) {
			nc, err := dial(ctx, network, a)
			if err != nil {
				return nil, err
			}
			sc := tls.Client(nc, secure)
			if err := sc.HandshakeContext(ctx); err != nil {
				_ = nc.Close()
				return nil, err
			}
			return sc, nil
		}
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ws, _, err := websocket.Dial(ctx, scheme+"://"+net.JoinHostPort(host, port)+"/", &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: transport, CheckRedirect: stay},
		Subprotocols:    []string{subprotocol},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, err
	}
	if ws.Subprotocol() != subprotocol {
		_ = ws.CloseNow()
		return nil, ErrSubprotocol
	}
	ws.SetReadLimit(maxMessage)
	c.ws = ws
	return c, nil
}

// stay follows no redirection: it would be to the same address again, without end,
// and from wss to ws.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// maxMessage is what a server that we have dialled may send [bytes].
const maxMessage = 65535
