package sip

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// capture stands for the socket of a UA without a network.
type capture struct {
	mu   sync.Mutex
	sent [][]byte
}

func (c *capture) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, bytes.Clone(b))
	return len(b), nil
}

func (c *capture) all() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// lines are the status lines without the version.
func (c *capture) lines() []string {
	var l []string
	for _, b := range c.all() {
		line, _, _ := strings.Cut(string(b), "\r\n")
		l = append(l, strings.TrimPrefix(line, "SIP/2.0 "))
	}
	return l
}

// detachedUA is a UA that refuses all calls, with a source to give it
// datagrams from.
func detachedUA(t testing.TB, c *capture) (*UA, source, func(string) float64) {
	t.Helper()
	m, count := counted(t)
	u, err := New(Config{Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	u.handler = func(_ context.Context, d *Dialog) { _ = d.Reject(404, "") }
	u.base = func() (context.Context, context.CancelCauseFunc) {
		return context.WithCancelCause(context.Background())
	}
	s := &udpSocket{w: c, local: netip.MustParseAddrPort("192.0.2.1:5060")}
	return u, source{sock: s, addr: netip.MustParseAddrPort("192.0.2.9:5070")}, count
}

// FuzzDatagram: whatever comes, nothing panics, ACKs and responses are not
// answered, and what is answered can be parsed again.
func FuzzDatagram(f *testing.F) {
	for _, seed := range []string{
		"OPTIONS sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n",
		"INVITE sip:bob@[::1]:5060;transport=udp SIP/2.0\r\nv: SIP/2.0/UDP [::1]:5;branch=z9hG4bK2\r\nf: \"A \\\" B\" <sip:a@b>;tag=1\r\nt: sip:bob@192.0.2.1;x=y\r\ni: 2\r\nCSeq: 1 INVITE\r\nm: <sip:a@192.0.2.9>\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\nc: multipart/mixed;boundary=b\r\nl: 58\r\n\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n\r\n\r\n\r\n\r\n",
		"ACK sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@192.0.2.1>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 ACK\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@192.0.2.1>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n",
		"CANCEL sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=1,SIP/2.0/TCP x;branch=2\r\nFrom: <sip:a@b>;tag=1\r\nTo: <tel:+1-2>\r\nCall-ID: 1\r\nCSeq: 1\r\n CANCEL\r\n\r\n",
		"\r\n\r\n", "x", "INVITE", "SIP/2.0 ", "BYE sip: SIP/2.0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &capture{}
		u, s, count := detachedUA(t, c)
		u.receive(data, s)
		u.receive(data, s)
		if err := u.Close(); err != nil {
			t.Fatal(err)
		}
		if n := count("panics_total"); n != 0 {
			t.Errorf("%q made the handling fail", data)
		}
		sent := c.all()
		if len(sent) > 0 && (bytes.HasPrefix(data, []byte("ACK ")) || bytes.HasPrefix(data, []byte("SIP/"))) {
			t.Errorf("%q was answered with %q", data, sent[0])
		}
		for _, b := range sent {
			if _, bad := sipgo.NewParser().ParseSIP(data); bad != nil || bytes.HasPrefix(b, []byte("SIP/2.0 400 ")) || bytes.HasPrefix(b, []byte("SIP/2.0 505 ")) {
				continue // repeats what was not understood
			}
			if _, err := sipgo.NewParser().ParseSIP(b); err != nil {
				t.Errorf("our %q: %v", b, err)
			}
		}
	})
}

// discard is a socket that takes everything.
type discard struct{}

func (discard) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) { return len(b), nil }
