package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

func mustURI(t testing.TB, s string) sipgo.Uri {
	t.Helper()
	var u sipgo.Uri
	if err := sipgo.ParseUri(s, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// RFC 3261 §12.2.1.1.
func TestRouteSetOfRequests(t *testing.T) {
	tests := []struct {
		name, target string
		routes       []string
		uri          string   // Request-URI
		headers      []string // Route
		next         string
	}{
		{"none: to the remote target", "sip:bob@192.0.2.4", nil, "sip:bob@192.0.2.4", nil, "sip:bob@192.0.2.4"},
		{"loose: to the first route", "sip:bob@192.0.2.4", []string{"sip:p1.example.com;lr", "sip:p2.example.com;lr"}, "sip:bob@192.0.2.4", []string{"<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"}, "sip:p1.example.com;lr"},
		{"strict: the first route is the Request-URI", "sip:bob@192.0.2.4", []string{"sip:p1.example.com", "sip:p2.example.com;lr"}, "sip:p1.example.com", []string{"<sip:p2.example.com;lr>", "<sip:bob@192.0.2.4>"}, "sip:p1.example.com"},
		{"IPv6", "sip:bob@[2001:db8::4]:5070", []string{"sip:[2001:db8::1];lr"}, "sip:bob@[2001:db8::4]:5070", []string{"<sip:[2001:db8::1];lr>"}, "sip:[2001:db8::1];lr"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			p := &peer{ua: u, callID: "c", target: mustURI(t, tt.target), local: sipgo.FromHeader{Address: mustURI(t, "sip:a@b")}, remote: sipgo.ToHeader{Address: mustURI(t, "sip:c@d")}}
			for _, r := range tt.routes {
				p.routes = append(p.routes, mustURI(t, r))
			}
			req, next := p.request(sipgo.BYE, 7)
			var routes []string
			for _, h := range req.GetHeaders("Route") {
				routes = append(routes, h.Value())
			}
			if req.Recipient.String() != tt.uri || !slices.Equal(routes, tt.headers) || next.String() != tt.next {
				t.Errorf("%s, Route %v, to %s", req.Recipient.String(), routes, next.String())
			}
			if req.MaxForwards().Val() != maxForwards || req.CSeq().SeqNo != 7 {
				t.Errorf("%s", req)
			}
		})
	}
}

// The proxy in Record-Route gets what belongs to the dialog, whose remote
// target changes with a re-INVITE.
func TestRecordRouteAndTargetRefresh(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p, proxy := newRawPeer(t, u), newRawPeer(t, u)
		routes := []string{"Record-Route: <sip:" + proxy.addr() + ";lr>", "Record-Route: <sip:other.example.com;lr>"}
		p.send(p.invite("routed", 1, testSDP("offer"), routes...))
		ok := p.expect("200 INVITE")
		var copied []string
		for line := range strings.SplitSeq(ok, "\r\n") {
			if strings.HasPrefix(line, "Record-Route: ") {
				copied = append(copied, line)
			}
		}
		if !slices.Equal(copied, routes) {
			t.Errorf("Record-Route %v, want %v", copied, routes)
		}
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		re := p.within(ok, "INVITE", 2, testSDP("moved"))
		re = strings.Replace(re, "Contact: <sip:alice@"+p.addr()+">", "Contact: <sip:alice@192.0.2.77:5099>", 1)
		p.send(re)
		p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 2, nil))
		a.session.expect(t, "offer moved")
		a.session.expect(t, "ack")
		go func() { _ = a.next(t).Bye(t.Context()) }()
		m := proxy.expect("BYE")
		if !strings.HasPrefix(m, "BYE sip:alice@192.0.2.77:5099 SIP/2.0\r\n") || headerOf(m, "Route") != "<sip:"+proxy.addr()+";lr>" {
			t.Errorf("BYE\n%s", m)
		}
		if got := headerOf(m, "Max-Forwards"); got != "70" {
			t.Errorf("Max-Forwards %s", got)
		}
		proxy.reply(m, 200)
		emptied(t, u)
	})(t)
}

// Without a proxy a BYE goes to the new Contact.
func TestRequestsGoToTheRefreshedTarget(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, virtually(func(t *testing.T) {
			a := newAnswering()
			u := startUA(t, Config{Timers: shortTimers}, a.handle)
			p, moved := newRawPeer(t, u), newRawPeer(t, u)
			p.send(p.invite("refresh", 1, testSDP("offer")))
			ok := p.expect("200 INVITE")
			p.send(p.within(ok, "ACK", 1, nil))
			p.send(strings.Replace(p.within(ok, method, 2, testSDP("moved")), "Contact: <sip:alice@"+p.addr(), "Contact: <sip:new@"+moved.addr(), 1))
			p.expect("200 " + method)
			if method == "INVITE" {
				p.send(p.within(ok, "ACK", 2, nil))
			}
			d := a.next(t)
			a.session.expect(t, "ack")
			a.session.expect(t, "offer moved")
			if method == "INVITE" {
				a.session.expect(t, "ack")
			}
			go func() { _ = d.Bye(t.Context()) }()
			m := moved.expect("BYE")
			if !strings.HasPrefix(m, "BYE sip:new@"+moved.addr()+" SIP/2.0\r\n") {
				t.Errorf("BYE\n%s", m)
			}
			moved.reply(m, 200)
			emptied(t, u)
		}))
	}
}

// A phone behind NAT names an address that nobody can reach; its BYE goes to
// where its INVITE came from.
func TestNATedContactIsReachedAtItsSource(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		inv := p.invite("nat", 1, testSDP("offer"))
		inv = strings.Replace(inv, "Via: SIP/2.0/UDP "+p.addr(), "Via: SIP/2.0/UDP 10.9.8.7:5060;rport", 1)
		inv = strings.Replace(inv, "Contact: <sip:alice@"+p.addr(), "Contact: <sip:alice@10.9.8.7:5060", 1)
		p.send(inv)
		ok := p.expect("200 INVITE")
		_, port, _ := net.SplitHostPort(p.addr())
		if via := headerOf(ok, "Via"); !strings.Contains(via, "received=127.0.0.1") || !strings.Contains(via, "rport="+port) {
			t.Errorf("Via %s", via)
		}
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		go func() { _ = a.next(t).Bye(t.Context()) }()
		m := p.expect("BYE")
		if !strings.HasPrefix(m, "BYE sip:alice@10.9.8.7:5060 SIP/2.0\r\n") {
			t.Errorf("BYE\n%s", m)
		}
		p.reply(m, 200)
		emptied(t, u)
	})(t)
}

func TestResponsesGoWhereViaSays(t *testing.T) {
	u := startUA(t, Config{}, nil)
	p, other := newRawPeer(t, u), newRawPeer(t, u)
	lines := plain(p, "OPTIONS")
	// Without rport: to the port of the Via.
	lines[1] = "Via: SIP/2.0/UDP " + other.addr() + ";branch=z9hG4bKv1"
	p.send(strings.Join(lines, "\r\n") + "\r\n\r\n")
	if m := other.expect("200 OPTIONS"); strings.Contains(headerOf(m, "Via"), "received") {
		t.Errorf("Via %s", headerOf(m, "Via"))
	}
	// With rport: to the source.
	lines[1] = "Via: SIP/2.0/UDP " + other.addr() + ";branch=z9hG4bKv2;rport"
	p.send(strings.Join(lines, "\r\n") + "\r\n\r\n")
	_, port, _ := net.SplitHostPort(p.addr())
	if m := p.expect("200 OPTIONS"); !strings.Contains(headerOf(m, "Via"), "rport="+port) {
		t.Errorf("Via %s", headerOf(m, "Via"))
	}
	// A host name: received says what it was, also below a second Via.
	lines[1] = "Via: SIP/2.0/UDP phone.invalid:" + port + ";branch=z9hG4bKv3\r\nVia: SIP/2.0/TCP [2001:db8::9]:77;branch=z9hG4bKold"
	p.send(strings.Join(lines, "\r\n") + "\r\n\r\n")
	m := p.expect("200 OPTIONS")
	if !strings.Contains(m, ";branch=z9hG4bKv3;received=127.0.0.1\r\nVia: SIP/2.0/TCP [2001:db8::9]:77;branch=z9hG4bKold\r\n") {
		t.Errorf("%s", m)
	}
}

func TestOurAddressIsNeverUnspecified(t *testing.T) {
	tests := []struct{ name, listen, advertise, host, wantHost string }{
		{"wildcard", "udp://0.0.0.0:0", "", "127.0.0.1", "127.0.0.1"},
		{"both families, IPv4", "udp://:0", "", "127.0.0.1", "127.0.0.1"},
		{"both families, IPv6", "udp://:0", "", "::1", "[::1]"},
		{"IPv6 wildcard", "udp://[::]:0", "", "::1", "[::1]"},
		{"advertised", "udp://0.0.0.0:0", "sip.example.com", "127.0.0.1", "sip.example.com"},
		{"advertised IPv6", "udp://0.0.0.0:0", "[2001:db8::1]", "127.0.0.1", "[2001:db8::1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := startUA(t, Config{Listen: []string{tt.listen}, Advertise: tt.advertise, Username: "conf"}, newAnswering().handle)
			port := u.Addrs()[0].(*net.UDPAddr).Port
			p := newRawPeerOn(t, tt.host, netip.AddrPortFrom(netip.MustParseAddr(tt.host), uint16(port)))
			p.send(p.invite("where", 1, testSDP("offer")))
			ok := p.expect("200 INVITE")
			if got, want := headerOf(ok, "Contact"), fmt.Sprintf("<sip:conf@%s:%d>", tt.wantHost, port); got != want {
				t.Errorf("Contact %s, want %s", got, want)
			}
			p.send(p.within(ok, "ACK", 1, nil))
			p.send(p.within(ok, "BYE", 2, nil))
			p.expect("200 BYE")

			ctx, done := context.WithTimeout(t.Context(), patience)
			defer done()
			go func() { _, _ = u.Invite(ctx, InviteRequest{To: "sip:x@" + p.addr(), SDP: testSDP("offer")}, nil) }()
			inv := p.expect("INVITE")
			if via := headerOf(inv, "Via"); !strings.HasPrefix(via, fmt.Sprintf("SIP/2.0/UDP %s:%d;", tt.wantHost, port)) {
				t.Errorf("Via %s", via)
			}
			p.reply(inv, 486)
			p.expect("ACK")
			a, err := u.LocalAddr(ctx, "sip:x@"+p.addr())
			if err != nil || !a.IsLoopback() {
				t.Errorf("LocalAddr %v, %v", a, err)
			}
		})
	}
}

func TestInvitationOfAnInvite(t *testing.T) {
	virtually(func(t *testing.T) {
		got := make(chan Invitation, 1)
		u := startUA(t, Config{}, func(_ context.Context, d *Dialog) {
			got <- d.Invitation()
			_ = d.Reject(404, "")
		})
		p := newRawPeer(t, u)
		inv := p.invite("seen", 1, nil, `Diversion: "First, Last" <sip:second@x;a=b>;reason=busy, <sip:first@x>`, "X-Mine: yes",
			`Proxy-Authorization: Digest username="u"`, "P-Asserted-Identity: <tel:+441>")
		inv = strings.Replace(inv, "INVITE sip:bob@", "INVITE sip:%2B44%201@", 1)
		inv = strings.Replace(inv, `From: "Alice" <sip:alice@`+p.addr()+">", `From: "A \"l\" ice" <tel:+44-20-1;phone-context=x>`, 1)
		p.send(inv)
		p.expect("404 INVITE")
		i := <-got
		if i.RequestURI.User != "+44 1" || i.From.User != "+44201" || i.From.Display != `A "l" ice` || i.Diversion != "sip:first@x" || i.Offer != nil ||
			i.Header("x-mine") != "yes" || i.Header("Proxy-Authorization") != "" || i.Header("P-Asserted-Identity") != "<tel:+441>" || i.To.Host != "127.0.0.1" {
			t.Errorf("%+v", i)
		}
	})(t)
}

func newRawPeerOn(t testing.TB, host string, to netip.AddrPort) *rawPeer {
	t.Helper()
	pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return &rawPeer{t: t, pc: pc, to: to}
}

func TestDigest(t *testing.T) {
	tests := []struct {
		name, challenge, value, answer string
		code                           int
		password                       string
		ok                             bool
	}{
		{"401 MD5", "WWW-Authenticate", `Digest realm="r", nonce="n1", algorithm=md5, qop="auth"`, "Authorization", 401, "p", true},
		{"407 SHA-256", "Proxy-Authenticate", `Digest realm="r", nonce="n1", algorithm=SHA-256, qop="auth"`, "Proxy-Authorization", 407, "p", true},
		{"no credentials", "WWW-Authenticate", `Digest realm="r", nonce="n1"`, "", 401, "", false},
		{"unknown algorithm", "WWW-Authenticate", `Digest realm="r", nonce="n1", algorithm=X`, "", 401, "p", false},
		{"broken challenge", "WWW-Authenticate", `Basic`, "", 401, "p", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, virtually(func(t *testing.T) {
			p := newRawPeer(t, nil)
			alice := startUA(t, Config{Timers: shortTimers}, nil)
			p.from(alice)
			r := InviteRequest{To: "sip:x@" + p.addr(), SDP: testSDP("offer"), Password: tt.password}
			if tt.password != "" {
				r.Username = "u"
			}
			type result struct {
				d   *Dialog
				err error
			}
			got := make(chan result, 1)
			go func() {
				d, err := alice.Invite(t.Context(), r, nil)
				got <- result{d, err}
			}()
			inv := p.expect("INVITE")
			p.reply(inv, tt.code, tt.challenge+": "+tt.value)
			p.expect("ACK")
			if !tt.ok {
				if res := <-got; res.err == nil || !strings.Contains(res.err.Error(), "401") {
					t.Fatalf("%v", res.err)
				}
				return
			}
			second := p.expect("INVITE")
			for headerOf(second, "CSeq") == headerOf(inv, "CSeq") {
				second = p.expect("INVITE")
			}
			auth := headerOf(second, tt.answer)
			if !strings.Contains(auth, `username="u"`) || !strings.Contains(auth, `uri="sip:x@`+p.addr()+`"`) || headerOf(second, "CSeq") != "2 INVITE" ||
				headerOf(second, "Call-ID") != headerOf(inv, "Call-ID") || headerOf(second, "From") != headerOf(inv, "From") {
				t.Errorf("%s", second)
			}
			p.reply(second, 200, "Contact: <sip:x@"+p.addr()+">", "Record-Route: <sip:"+p.addr()+";lr;a=1>", "Record-Route: <sip:"+p.addr()+";lr;a=2>")
			ack := p.expect("ACK")
			if headerOf(ack, tt.answer) != auth || headerOf(ack, "CSeq") != "2 ACK" || headerOf(ack, "Route") != "<sip:"+p.addr()+";lr;a=2>" {
				t.Errorf("%s", ack)
			}
			res := <-got
			if res.err != nil {
				t.Fatal(res.err)
			}
			go func() { p.reply(p.expect("BYE"), 200) }()
			bye(t, res.d)
		}))
	}
}

// A far end that answers 481 has lost the dialog.
func TestLostDialogEnds(t *testing.T) {
	virtually(func(t *testing.T) {
		p := newRawPeer(t, nil)
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		p.from(alice)
		got := make(chan *Dialog, 1)
		go func() { got <- dial(t, alice, "sip:x@"+p.addr()) }()
		p.reply(p.expect("INVITE"), 200, "Contact: <sip:x@"+p.addr()+">")
		p.expect("ACK")
		d := <-got
		errs := make(chan error, 1)
		go func() { errs <- d.Info(t.Context(), "application/dtmf", []byte("1")) }()
		p.reply(p.expect("INFO"), 481)
		if err := <-errs; err == nil {
			t.Error("INFO got through")
		}
		ended(t, d, ErrTransport)
		p.reply(p.expect("BYE"), 481)
		emptied(t, alice)
	})(t)
}

// Messages of one call are handled in the order they came in.
func TestOrderWithinACall(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("ordered", 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		const n = 40
		for i := range n {
			p.send(p.within(ok, "INFO", i+2, []byte("d"), "X-N: 1"))
		}
		for i := range n {
			if m := p.expect("200 INFO"); headerOf(m, "CSeq") != fmt.Sprintf("%d INFO", i+2) {
				t.Fatalf("response %d is for %s", i, headerOf(m, "CSeq"))
			}
			a.session.expect(t, "info application/sdp d")
		}
	})(t)
}

func TestRateLimitDropsAndCounts(t *testing.T) {
	virtually(func(t *testing.T) {
		m, count := counted(t)
		u := startUA(t, Config{SourceRate: 5, Metrics: m}, nil)
		p := newRawPeer(t, u)
		for range 50 {
			p.send(strings.Join(plain(p, "OPTIONS"), "\r\n") + "\r\n\r\n")
		}
		n := 0
		for p.read(200*time.Millisecond) != "" {
			n++
		}
		if n < 5 || n > 15 {
			t.Errorf("%d of 50 answered, want about 5", n)
		}
		if got := count("dropped_total"); int(got)+n != 50 {
			t.Errorf("%v dropped and %d answered, want 50 together", got, n)
		}
	})(t)
}

func TestParseErrorsAreCountedNotLogged(t *testing.T) {
	m, count := counted(t)
	u := startUA(t, Config{Metrics: m}, nil)
	p := newRawPeer(t, u)
	for range 20 {
		p.send("secret nonsense\r\n\r\n")
	}
	p.send(strings.Join(plain(p, "OPTIONS"), "\r\n") + "\r\n\r\n")
	p.expect("200 OPTIONS")
	if got := count("parse_errors_total"); got != 20 {
		t.Errorf("%v counted, want 20", got)
	}
}
