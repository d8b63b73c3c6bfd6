package sip

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

// rawStream is a TCP connection that speaks SIP by hand.
type rawStream struct {
	t testing.TB
	c net.Conn
	r *bufio.Reader
}

func newRawStream(t testing.TB, u *UA) *rawStream {
	t.Helper()
	c, err := net.Dial("tcp", u.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &rawStream{t: t, c: c, r: bufio.NewReader(c)}
}

func (s *rawStream) send(text string) {
	s.t.Helper()
	if _, err := s.c.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// head reads the header of a message without body.
func (s *rawStream) head() string {
	s.t.Helper()
	var b strings.Builder
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return ""
		}
		if line == "\r\n" {
			if b.Len() > 0 {
				return b.String()
			}
			continue
		}
		b.WriteString(line)
	}
}

func options(id string) string {
	return text("", "OPTIONS sip:bob@127.0.0.1 SIP/2.0", "Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK"+id,
		"From: <sip:a@b>;tag=1", "To: <sip:bob@127.0.0.1>", "Call-ID: "+id, "CSeq: 1 OPTIONS", "Max-Forwards: 70")
}

func TestStream(t *testing.T) {
	u := startUA(t, Config{}, nil)
	t.Run("messages in pieces and in one piece", func(t *testing.T) {
		s := newRawStream(t, u)
		all := options("1") + "\r\n\r\n" + options("2") + options("3")
		for i := 0; i < len(all); i += 100 {
			s.send(all[i:min(len(all), i+100)])
		}
		for _, id := range []string{"1", "2", "3"} {
			if h := s.head(); headerOf(h, "Call-ID") != id || !strings.HasPrefix(h, "SIP/2.0 200") {
				t.Fatalf("got %q, want the answer to %s", h, id)
			}
		}
	})
	t.Run("keep-alive is answered", func(t *testing.T) {
		s := newRawStream(t, u)
		s.send("\r\n\r\n")
		if line, err := s.r.ReadString('\n'); err != nil || line != "\r\n" {
			t.Fatalf("pong %q, %v", line, err)
		}
		s.send("\r\n") // not answered
		s.send(options("4"))
		if h := s.head(); headerOf(h, "Call-ID") != "4" {
			t.Fatalf("got %q", h)
		}
	})
	t.Run("nonsense closes the connection", func(t *testing.T) {
		s := newRawStream(t, u)
		s.send("nonsense without end\r\n\r\n")
		if h := s.head(); h != "" {
			t.Fatalf("got %q", h)
		}
	})
	t.Run("no Content-Length gets 400 and closes", func(t *testing.T) {
		s := newRawStream(t, u)
		s.send(strings.Replace(options("5"), "Content-Length: 0\r\n", "", 1))
		if h := s.head(); !strings.HasPrefix(h, "SIP/2.0 400") {
			t.Fatalf("got %q", h)
		}
		if h := s.head(); h != "" {
			t.Fatalf("got %q", h)
		}
	})
}

// A connection that has gone while we ring makes a new one necessary.
func TestCalleeDialsBackWhenTheConnectionHasGone(t *testing.T) {
	a := newAnswering()
	bob := startUA(t, Config{Timers: shortTimers}, a.handle)
	alice := startUA(t, Config{Timers: shortTimers}, nil)
	out := dial(t, alice, target(bob, "tcp"))
	in := a.next(t)
	a.session.expect(t, "ack")
	for _, c := range []*UA{alice, bob} {
		c.streams.mu.Lock()
		for _, conn := range c.streams.ways {
			conn.close()
		}
		c.streams.mu.Unlock()
	}
	bye(t, in)
	ended(t, out, ErrRemoteBye)
}
