package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"mediaserver/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// listen serves connections that echo until the test ends.
func listen(t *testing.T, cfg Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxMessage = 1000
	served := make(chan error, 1)
	conns := make(chan chan struct{}, 100)
	go func() {
		served <- Serve(l, cfg, func(c *Conn) {
			done := make(chan struct{})
			conns <- done
			go func() {
				defer close(done)
				defer c.Close()
				for {
					m, err := c.Read(10 * time.Second)
					if err != nil {
						return
					}
					if _, err := c.Write(m); err != nil {
						return
					}
				}
			}()
		})
	}()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		close(conns)
		for done := range conns {
			<-done
		}
	})
	return l.Addr().String()
}

func TestMessagesAreFrames(t *testing.T) {
	addr := listen(t, Config{})
	c, err := Dial(t.Context(), addr, "127.0.0.1", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, m := range []string{"one", "", "two\xff binary", strings.Repeat("x", 1000)} {
		if _, err := c.Write([]byte(m)); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Read(10 * time.Second); err != nil || string(got) != m {
			t.Errorf("%q, %v, want %q", got, err, m)
		}
	}
	if c.LocalAddr() == nil || c.RemoteAddr().String() != addr {
		t.Errorf("%v %v", c.LocalAddr(), c.RemoteAddr())
	}
	if _, err := c.Write(make([]byte, 1001)); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Read(10 * time.Second); err == nil {
		t.Errorf("a message that is too large came back: %d bytes", len(m))
	}
}

func TestWhoGetsIn(t *testing.T) {
	tests := []struct {
		name, origin, protocol string
		origins                []string
		ok                     bool
	}{
		{"no browser, no origin", "", "sip", nil, true},
		{"same host", "http://127.0.0.1", "sip", nil, true},
		{"other host", "https://evil.example.com", "sip", nil, false},
		{"host on the list", "https://phone.example.com", "sip", []string{"*.example.com"}, true},
		{"host not on the list", "https://example.net", "sip", []string{"*.example.com"}, false},
		{"any", "https://example.net", "sip", []string{"*"}, true},
		{"one of several subprotocols", "", "x, sip", nil, true},
		{"other subprotocol", "", "msrp", nil, false},
		{"no subprotocol", "", "", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := listen(t, Config{Origins: tt.origins})
			origin := tt.origin
			if origin == "http://127.0.0.1" {
				origin = "http://" + addr
			}
			h := http.Header{}
			if origin != "" {
				h.Set("Origin", origin)
			}
			var protocols []string
			if tt.protocol != "" {
				protocols = strings.Split(tt.protocol, ", ")
			}
			ctx, done := context.WithTimeout(t.Context(), time.Minute)
			defer done()
			tr := &http.Transport{}
			defer tr.CloseIdleConnections()
			ws, _, err := websocket.Dial(ctx, "ws://"+addr, &websocket.DialOptions{HTTPHeader: h, Subprotocols: protocols, HTTPClient: &http.Client{Transport: tr}})
			if (err == nil) != tt.ok {
				t.Errorf("%v", err)
			}
			if ws != nil {
				_ = ws.CloseNow()
			}
		})
	}
}

// A far end that is no SIP server is not taken for one.
func TestDialWantsTheSubprotocol(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err == nil {
			_ = ws.CloseNow()
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	defer func() { _ = s.Close(); <-done }()
	if _, err := Dial(t.Context(), l.Addr().String(), "127.0.0.1", nil); !errors.Is(err, ErrSubprotocol) {
		t.Errorf("%v", err)
	}
}

// A server that sends us elsewhere is asked once.
func TestDialFollowsNobody(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if asked < 20 {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
		}
	}))
	defer s.Close()
	if c, err := Dial(t.Context(), s.Listener.Addr().String(), "127.0.0.1", nil); err == nil {
		_ = c.Close()
		t.Error("connected")
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// Whoever does not finish the handshake holds up nobody.
func TestUnfinishedHandshakeEndsWithTheListener(t *testing.T) {
	addr := listen(t, Config{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
}

// A message that stops in the middle ends its connection, whenever it begins.
func TestAMessageComesToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		accepted := make(chan *Conn, 1)
		served := make(chan error, 1)
		l := &oneConn{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
		l.conn <- here
		go func() { served <- Serve(l, Config{MaxMessage: 1000}, func(c *Conn) { accepted <- c }) }()
		go func() {
			_, _ = there.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"))
			time.Sleep(time.Hour)
			_, _ = there.Write([]byte{0x81, 0x85, 0, 0, 0, 0, 'h', 'a'}) // two of five bytes
		}()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		c := <-accepted
		began := time.Now()
		m, err := c.Read(0)
		if took := time.Since(began); err == nil || took < time.Hour || took > time.Hour+2*messageTimeout {
			t.Errorf("%q, %v after %v", m, err, took)
		}
		_ = c.Close()
		_ = there.Close()
		_ = l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// A request that says there is more to come, and then says nothing, holds a place
// for a handshake no longer than another.
func TestAnUnfinishedRequestIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		served := make(chan error, 1)
		l := &oneConn{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
		l.conn <- here
		go func() { served <- Serve(l, Config{MaxMessage: 1000}, func(*Conn) { t.Error("taken") }) }()
		go func() { _, _ = there.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")) }()
		began := time.Now()
		_ = there.SetReadDeadline(began.Add(time.Hour))
		answer, err := io.ReadAll(there)
		if err != nil || time.Since(began) > 2*handshakeTimeout {
			t.Errorf("open after %v: %q, %v", time.Since(began), answer, err)
		}
		_ = there.Close()
		_ = l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// oneConn is a listener to which one connection comes.
type oneConn struct {
	conn   chan net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return addressed{c}, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *oneConn) Addr() net.Addr { return addressed{}.LocalAddr() }

// addressed is a connection in memory that has addresses.
type addressed struct{ net.Conn }

func (addressed) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }
func (addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 4000} }
