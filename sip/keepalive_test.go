package sip

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stunRequest is a binding request with attributes.
func stunRequest(attributes ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, stunBinding)
	b = binary.BigEndian.AppendUint16(b, uint16(len(attributes)))
	b = binary.BigEndian.AppendUint32(b, stunCookie)
	return append(append(b, "transaction1"...), attributes...)
}

// mapped is the address in a binding response.
func mapped(b []byte) netip.AddrPort {
	v := b[stunHeader+4:]
	ip := bytes.Clone(v[4:])
	for i := range ip {
		ip[i] ^= b[4+i]
	}
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(v[2:])^stunCookie>>16)
}

func TestBindingResponse(t *testing.T) {
	software := []byte{0x80, 0x22, 0, 3, 'a', 'b', 'c', 0}
	for _, from := range []string{"192.0.2.7:40000", "[2001:db8::7]:40000"} {
		src := netip.MustParseAddrPort(from)
		for name, req := range map[string][]byte{"plain": stunRequest(), "with software": stunRequest(software...)} {
			out := bindingResponse(req, src)
			if out == nil || binary.BigEndian.Uint16(out) != stunBindingOK || !bytes.Equal(out[4:20], req[4:20]) || mapped(out) != src ||
				int(binary.BigEndian.Uint16(out[2:])) != len(out)-stunHeader {
				t.Errorf("%s from %s: %x", name, from, out)
			}
			if grown := len(out) - len(req); grown > 24 {
				t.Errorf("%d bytes more than the request", grown)
			}
		}
	}
	response := stunRequest()
	response[0], response[1] = 1, 1
	for name, req := range map[string][]byte{
		"response": response, "short": stunRequest()[:19], "wrong length": append(stunRequest(), 0, 0, 0, 0),
		"attribute that must be understood": stunRequest(0, 3, 0, 4, 0, 0, 0, 0), "attribute cut": stunRequest(0x80, 0x22, 0, 9, 'a', 0, 0, 0),
		"no cookie": append(stunRequest()[:4], make([]byte, 16)...), "too large": stunRequest(make([]byte, maxSTUN)...), "SIP": []byte(options("1")),
	} {
		if out := bindingResponse(req, netip.MustParseAddrPort("192.0.2.7:1")); out != nil {
			t.Errorf("%s: %x", name, out)
		}
	}
}

func FuzzSTUN(f *testing.F) {
	f.Add(stunRequest())
	f.Add(stunRequest(0x80, 0x22, 0, 3, 'a', 'b', 'c', 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		if out := bindingResponse(data, netip.MustParseAddrPort("[2001:db8::7]:1")); len(out) > len(data)+24 {
			t.Errorf("%d bytes for %d", len(out), len(data))
		}
	})
}

// A phone that has called may refresh its NAT's mapping by STUN; who has shown
// nothing gets no more than he sends.
func TestSTUNOnASIPPort(t *testing.T) {
	a := newAnswering()
	u := startUA(t, Config{Timers: shortTimers, Defence: Defence{Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}, a.handle)
	p := newRawPeer(t, u)
	padded := stunRequest(append([]byte{0x80, 0x22, 0, 60}, make([]byte, 60)...)...)
	padded[stunHeader-1] = '2' // another transaction
	p.send(string(stunRequest()))
	p.send(string(padded))
	if got := p.read(patience); len(got) < stunHeader || got[stunHeader-1] != '2' {
		t.Errorf("the first answer is %x", got)
	}
	p.send(p.invite("stun", 1, testSDP("offer")))
	ok := p.expect("200 INVITE")
	p.send(p.within(ok, "ACK", 1, nil))
	a.session.expect(t, "ack")
	p.send(string(stunRequest()))
	if got := p.read(patience); len(got) < 32 || mapped([]byte(got)).String() != p.addr() {
		t.Errorf("%x", got)
	}
	p.send(p.within(ok, "BYE", 2, nil))
	p.expect("200 BYE")
}

// Ways out are kept open, and a connection that has fallen silent is closed.
func TestKeepAliveIsSent(t *testing.T) {
	cfg := Config{Timers: shortTimers, Network: Network{KeepAlive: 20 * time.Millisecond}}
	t.Run("over UDP", virtually(func(t *testing.T) {
		alice := startUA(t, cfg, nil)
		p := newRawPeer(t, nil)
		p.from(alice)
		go func() {
			_, _ = alice.Invite(t.Context(), InviteRequest{To: "sip:x@" + p.addr(), SDP: testSDP("offer")}, nil)
		}()
		p.reply(p.expect("INVITE"), 486)
		for end := time.Now().Add(patience); ; {
			if m := p.read(time.Until(end)); m == ping {
				break
			} else if m == "" {
				t.Fatal("no keep-alive came")
			}
		}
		emptied(t, alice)
	}))
	t.Run("over TCP", func(t *testing.T) {
		alice := startUA(t, cfg, nil)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = alice.Invite(ctx, InviteRequest{To: "sip:x@" + l.Addr().String() + ";transport=tcp", SDP: testSDP("offer")}, nil)
		}()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		var heard strings.Builder
		buf := make([]byte, 4096)
		for !strings.HasSuffix(heard.String(), ping+ping+ping) {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			heard.Write(buf[:n])
		}
		conn := alice.streams.dialled()[0]
		if _, err := c.Write([]byte(pong)); err != nil {
			t.Fatal(err)
		}
		for conn.ponged.Load() == 0 {
			if _, err := c.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
		alice.pingAll(time.Now())
		alice.pingAll(time.Now().Add(2 * pongPatience))
		select {
		case <-conn.done:
		case <-time.After(patience):
			t.Error("a connection that answers no more stays open")
		}
		cancel()
		<-done
		emptied(t, alice)
	})
}

// stuckLink is the link of a connection whose far end does not read.
type stuckLink struct{ end chan time.Time }

func (l *stuckLink) SetWriteDeadline(at time.Time) error { l.end <- at; return nil }

func (l *stuckLink) Write([]byte) (int, error) {
	time.Sleep(time.Until(<-l.end))
	return 0, os.ErrDeadlineExceeded
}

// Close says goodbye first, as TLS does.
func (l *stuckLink) Close() error { time.Sleep(writeTimeout); return nil }

// stuckConns enters connections whose far ends do not read.
func stuckConns(t *testing.T, u *UA, n int) {
	t.Helper()
	for i := range n {
		idleConn(t, u, uint16(1+i), nil).link = &stuckLink{end: make(chan time.Time, 1)}
	}
}

// A far end that does not read delays the keep-alives of no other.
func TestKeepAlivesDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		stuckConns(t, u, 5)
		l := &frames{}
		idleConn(t, u, 99, nil).link = l
		began := time.Now()
		u.pingAll(began)
		synctest.Wait()
		if n := len(l.all()); n != 1 || time.Since(began) != 0 {
			t.Errorf("%d keep-alives after %v, want 1 at once", n, time.Since(began))
		}
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Nor does it delay the end of a user agent more than one does.
func TestConnectionsAreClosedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		stuckConns(t, u, 5)
		began := time.Now()
		if err := u.Close(); err != nil || time.Since(began) != writeTimeout {
			t.Errorf("closed after %v: %v", time.Since(began), err)
		}
	})
}
