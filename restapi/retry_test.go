package restapi

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// rawServer accepts connections on loopback and hands them to serve, which
// has the connection and its number, from 1 on.
func rawServer(t *testing.T, serve func(c *net.TCPConn, n int)) (address string, accepted *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted = &atomic.Int64{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c.(*net.TCPConn), int(accepted.Add(1)))
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String(), accepted
}

// reset ends a connection with RST.
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

// realBrowser is a browser over the network.
func realBrowser(t *testing.T) *browser {
	t.Helper()
	transport := newTransport(defaultPageTimeout)
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := Config{Transport: transport}.withDefaults()
	service := Service{}.withDefaults()
	return newBrowser(&cfg, &service)
}

// answerOnce reads one request from a connection and answers it.
func answerOnce(t *testing.T, c net.Conn) *bufio.Reader {
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err != nil {
		t.Errorf("read request: %v", err)
		return in
	}
	io.Copy(io.Discard, r.Body)
	io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	return in
}

func TestG88RetryOnlyBeforeTheRequestWasSent(t *testing.T) {
	for _, method := range []string{"POST", "GET"} {
		t.Run(method+": reset during the TLS handshake, one retry", func(t *testing.T) {
			address, accepted := rawServer(t, func(c *net.TCPConn, _ int) {
				c.Read(make([]byte, 16)) // the client hello does not count as the request
				reset(c)
			})
			_, err := realBrowser(t).fetch(t.Context(), method, mustURL(t, "https://"+address+"/p"), []byte("{}"))
			wantCode(t, err, CodePageUnreachable)
			if n := accepted.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		})
		t.Run(method+": the retry succeeds", func(t *testing.T) {
			app := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if method == "GET" && (r.ContentLength != 0 || len(r.TransferEncoding) > 0) {
					t.Errorf("a GET with a body: %d, %v", r.ContentLength, r.TransferEncoding)
				}
				io.WriteString(w, "{}")
			}))
			defer app.Close()
			address, accepted := rawServer(t, func(c *net.TCPConn, n int) {
				if n == 1 {
					c.Read(make([]byte, 16))
					reset(c)
					return
				}
				go forward(c, app.Listener.Addr().String())
			})
			got, err := realBrowser(t).fetch(t.Context(), method, mustURL(t, "https://"+address+"/p"), []byte("{}"))
			if err != nil || string(got.body) != "{}" || accepted.Load() != 2 {
				t.Errorf("%q, %v, %d connections", got.body, err, accepted.Load())
			}
		})
		t.Run(method+": connection refused, one retry", func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			_, err = realBrowser(t).fetch(t.Context(), method, mustURL(t, "http://"+l.Addr().String()+"/p"), []byte("{}"))
			wantCode(t, err, CodePageUnreachable)
		})
		t.Run(method+": reset after the request, no retry", func(t *testing.T) {
			address, accepted := rawServer(t, func(c *net.TCPConn, _ int) {
				c.Read(make([]byte, 16))
				reset(c)
			})
			_, err := realBrowser(t).fetch(t.Context(), method, mustURL(t, "http://"+address+"/p"), []byte("{}"))
			wantCode(t, err, CodePageUnreachable)
			if n := accepted.Load(); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
		t.Run(method+": reset after a request on a connection used before, no retry", func(t *testing.T) {
			address, accepted := rawServer(t, func(c *net.TCPConn, n int) {
				in := answerOnce(t, c)
				if n == 1 {
					in.ReadByte() // of the second request
				}
				reset(c)
			})
			b := realBrowser(t)
			page := mustURL(t, "http://"+address+"/p")
			if _, err := b.fetch(t.Context(), method, page, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			_, err := b.fetch(t.Context(), method, page, []byte("{}"))
			wantCode(t, err, CodePageUnreachable)
			if n := accepted.Load(); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

// forward copies between a connection and a server until both have ended.
func forward(c *net.TCPConn, to string) {
	defer c.Close()
	s, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer s.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(s, c)
		s.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(c, s)
	c.CloseRead()
	<-done
}

// countingTransport fails without having sent anything.
type countingTransport struct{ requests int }

func (c *countingTransport) RoundTrip(*http.Request) (*http.Response, error) {
	c.requests++
	return nil, errors.New("no route to host")
}

func TestOneRetryInAWholeExchange(t *testing.T) {
	b := pageBrowser(t, Service{}, nil)
	failing := &countingTransport{}
	b.cfg.Transport = failing
	_, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test/p"), nil)
	wantCode(t, err, CodePageUnreachable)
	if failing.requests != 2 {
		t.Errorf("%d requests, want 2", failing.requests)
	}
}
