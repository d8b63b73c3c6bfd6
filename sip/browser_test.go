package sip

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"mediaserver/sip/websocket"
)

// browser is a WebSocket client that speaks SIP by hand.
type browser struct {
	*rawPeer
	ws *websocket.Conn
}

func newBrowser(t testing.TB, u *UA) *browser {
	t.Helper()
	ws, err := websocket.Dial(t.Context(), u.Addrs()[0].String(), "127.0.0.1", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	p := newRawPeer(t, nil)
	p.to = u.Addrs()[0].(*net.TCPAddr).AddrPort()
	return &browser{rawPeer: p, ws: ws}
}

// said makes a message of rawPeer one of a browser: RFC 7118 §5, appendix A.
func (b *browser) said(msg string) {
	b.t.Helper()
	msg = strings.ReplaceAll(msg, "SIP/2.0/UDP "+b.addr(), "SIP/2.0/WS df7jal23ls0d.invalid")
	msg = strings.ReplaceAll(msg, "@"+b.addr(), "@df7jal23ls0d.invalid;transport=ws")
	if _, err := b.ws.Write([]byte(msg)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) expectWS(kind string) string {
	b.t.Helper()
	for {
		m, err := b.ws.Read(patience)
		if err != nil {
			b.t.Fatalf("no %q came: %v", kind, err)
		}
		if kindOf(m) == kind {
			return string(m)
		}
	}
}

// A browser has no address: all that is for it comes by its connection.
func TestBrowserIsReachedByItsConnection(t *testing.T) {
	a := newAnswering()
	u := startUA(t, Config{Timers: shortTimers, Listen: []string{"ws://127.0.0.1:0"}}, a.handle)
	b := newBrowser(t, u)
	b.said(b.invite("web", 1, testSDP("offer")))
	ok := b.expectWS("200 INVITE")
	if c := headerOf(ok, "Contact"); !strings.HasSuffix(c, ";transport=ws>") {
		t.Errorf("Contact %s", c)
	}
	if via := headerOf(ok, "Via"); !strings.Contains(via, "received=127.0.0.1") {
		t.Errorf("Via %s", via)
	}
	b.said(b.within(ok, "ACK", 1, nil))
	d := a.next(t)
	a.session.expect(t, "ack")
	if _, err := b.ws.Write([]byte(ping)); err != nil {
		t.Fatal(err)
	}
	if m, err := b.ws.Read(patience); err != nil || string(m) != pong {
		t.Errorf("pong %q, %v", m, err)
	}
	got := make(chan error, 1)
	go func() { got <- d.Bye(t.Context()) }()
	m := b.expectWS("BYE")
	if !strings.HasPrefix(m, "BYE sip:alice@df7jal23ls0d.invalid") || !strings.Contains(headerOf(m, "Via"), "SIP/2.0/WS ") {
		t.Errorf("%s", m)
	}
	if _, err := b.ws.Write([]byte(text("", "SIP/2.0 200 OK", "Via: "+headerOf(m, "Via"), "From: "+headerOf(m, "From"),
		"To: "+headerOf(m, "To"), "Call-ID: web", "CSeq: "+headerOf(m, "CSeq")))); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	emptied(t, u)
}

// Without its connection a browser is gone, and that is known at once.
func TestBrowserThatHasGoneCannotBeReached(t *testing.T) {
	a := newAnswering()
	u := startUA(t, Config{Timers: shortTimers, Listen: []string{"ws://127.0.0.1:0"}}, a.handle)
	b := newBrowser(t, u)
	b.said(b.invite("web", 1, testSDP("offer")))
	b.said(b.within(b.expectWS("200 INVITE"), "ACK", 1, nil))
	d := a.next(t)
	a.session.expect(t, "ack")
	_ = b.ws.Close()
	conn := d.invite.in.src.conn
	<-conn.done
	if err := d.Info(t.Context(), "application/dtmf", []byte("1")); !errors.Is(err, ErrTransport) {
		t.Errorf("%v", err)
	}
	bye(t, d)
	emptied(t, u)
}

// One frame is one message, and a frame that is none closes nothing.
func TestFrames(t *testing.T) {
	u := startUA(t, Config{Listen: []string{"ws://127.0.0.1:0"}}, nil)
	b := newBrowser(t, u)
	for _, m := range []string{"nonsense", "\r\n", options("f1")[:40], options("f2")} {
		if _, err := b.ws.Write([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	if m := b.expectWS("200 OPTIONS"); headerOf(m, "Call-ID") != "f2" {
		t.Errorf("%s", m)
	}
	if _, err := b.ws.Write([]byte(options("f3") + strings.Repeat("x", maxDatagram))); err != nil {
		t.Fatal(err)
	}
	if m, err := b.ws.Read(patience); err == nil {
		t.Errorf("a frame that is too large was answered: %s", m)
	}
}

// frames is a link that forgets.
type frames struct{ capture }

func (f *frames) Write(b []byte) (int, error) { return f.WriteToUDPAddrPort(b, netip.AddrPort{}) }

func (f *frames) SetWriteDeadline(time.Time) error { return nil }
func (f *frames) Close() error                     { return nil }

// FuzzFrame: whatever a browser sends in a frame, nothing panics, and what is
// answered can be parsed.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(options("1")))
	f.Add([]byte(ping))
	f.Add([]byte("INVITE sips:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/WSS abc.invalid;branch=z9hG4bK2\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sips:a@abc.invalid;transport=ws>\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		u, s, count := detachedUA(t, &capture{})
		l := &frames{}
		c := &streamConn{transport: viaWSS, link: l, remote: s.addr, listener: &streamListener{transport: viaWSS, port: 443}, done: make(chan struct{})}
		c.local = netip.MustParseAddrPort("192.0.2.1:443")
		u.quiet = newQuietLog(slog.New(slog.NewTextHandler(t.Output(), nil)), time.Now)
		u.receive(data, source{conn: c, addr: s.addr})
		if err := u.Close(); err != nil {
			t.Fatal(err)
		}
		if n := count("panics_total"); n != 0 {
			t.Errorf("%q made the handling fail", data)
		}
		for _, b := range l.all() {
			if _, bad := sipgo.NewParser().ParseSIP(data); bad != nil || bytes.HasPrefix(b, []byte("SIP/2.0 400 ")) || bytes.HasPrefix(b, []byte("SIP/2.0 505 ")) {
				continue // repeats what was not understood
			}
			if _, err := sipgo.NewParser().ParseSIP(b); err != nil {
				t.Errorf("%q was answered by %q: %v", data, b, err)
			}
		}
	})
}
