package sip

import (
	"context"
	"crypto/md5" //nolint:gosec // what SIP asks for
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// challenged is a 401 or 407 with challenges.
func challenged(code int, challenges ...string) *sipgo.Response {
	res := sipgo.NewResponse(code, "")
	for _, c := range challenges {
		res.AppendHeader(sipgo.NewHeader(challengeName(code == codeProxyAuth), c))
	}
	return res
}

// credentialsIn reads a header that Digest made.
func credentialsIn(t *testing.T, h Header) *digest.Credentials {
	t.Helper()
	c, err := digest.ParseCredentials(h.Value)
	if err != nil {
		t.Fatalf("%s: %v", h.Value, err)
	}
	return c
}

// TestDigestVectors are the examples of RFC 7616 §3.9.1, and the input of that
// of §3.9.2 with a response that was made apart from this program, with
// SHA-512/256 of Python's hashlib.
func TestDigestVectors(t *testing.T) {
	const (
		nonce  = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
		cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	)
	for _, tt := range []struct {
		algorithm, user, password, realm, nonce, cnonce, uri string
		userhash                                             bool
		want                                                 string
	}{
		{"MD5", "Mufasa", "Circle of Life", "http-auth@example.org", nonce, cnonce, "/dir/index.html", false, "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", "Mufasa", "Circle of Life", "http-auth@example.org", nonce, cnonce, "/dir/index.html", false, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{
			"SHA-512-256", "Jäsøn Doe", "Secret, or not?", "api@example.org",
			"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", "/doe.json", true,
			"7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c",
		},
	} {
		g := NewDigest(tt.user, tt.password)
		s := &space{
			challenge: digest.Challenge{Realm: tt.realm, Nonce: tt.nonce, Algorithm: tt.algorithm, QOP: []string{"auth"}, Userhash: tt.userhash},
			cnonce:    tt.cnonce, count: 1,
		}
		value, err := g.credentials(s, "GET", tt.uri, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := credentialsIn(t, Header{Value: value})
		if c.Response != tt.want || c.Nc != 1 || c.QOP != "auth" || strings.Contains(value, tt.password) {
			t.Errorf("%s: %s", tt.algorithm, value)
		}
	}
}

func TestDigestOfBodiesAndSessions(t *testing.T) {
	sum := func(algorithm string, parts ...string) string {
		text := []byte(strings.Join(parts, ":"))
		if strings.HasPrefix(algorithm, "SHA-256") {
			h := sha256.Sum256(text)
			return hex.EncodeToString(h[:])
		}
		h := md5.Sum(text) //nolint:gosec // as above
		return hex.EncodeToString(h[:])
	}
	for _, algorithm := range []string{"MD5", "MD5-sess", "SHA-256", "SHA-256-sess"} {
		for _, qop := range []string{"auth", "auth-int"} {
			g := NewDigest("us", "secret")
			g.learn(challenged(401, fmt.Sprintf(`Digest realm="r", nonce="n", algorithm=%s, qop=%q, opaque="o"`, algorithm, qop)), map[string]int{})
			c := credentialsIn(t, g.headers("INVITE", "sip:x@h", []byte("body"))[0])
			a1 := sum(algorithm, "us", "r", "secret")
			if strings.HasSuffix(algorithm, "sess") {
				a1 = sum(algorithm, a1, "n", c.Cnonce)
			}
			a2 := sum(algorithm, "INVITE", "sip:x@h")
			if qop == "auth-int" {
				a2 = sum(algorithm, "INVITE", "sip:x@h", sum(algorithm, "body"))
			}
			want := sum(algorithm, a1, "n", "00000001", c.Cnonce, qop, a2)
			if c.Response != want || c.Algorithm != algorithm || c.Opaque != "o" || c.QOP != qop {
				t.Errorf("%s %s: %+v, want %s", algorithm, qop, c, want)
			}
		}
	}
}

func TestDigestChoosesAndRemembers(t *testing.T) {
	const (
		weak   = `Digest realm="r", nonce="weak", algorithm=MD5, qop="auth"`
		strong = `Digest realm="r", nonce="strong", algorithm=SHA-512-256, qop="auth-int, auth"`
		middle = `Digest realm="r", nonce="middle", algorithm=SHA-256, qop="auth"`
	)
	for _, tt := range []struct {
		name       string
		challenges []string
		want       string // nonce and qop; "" = none can be answered
	}{
		{"the strongest of three", []string{weak, strong, middle}, "strong auth"},
		{"without an algorithm", []string{`Digest realm="r", nonce="n"`}, "n "},
		{"an unknown one is left out", []string{`Digest realm="r", nonce="x", algorithm=AKAv1-MD5, qop="auth"`, weak}, "weak auth"},
		{"only an unknown one", []string{`Digest realm="r", nonce="x", algorithm=FOO`}, ""},
		{"another scheme", []string{`Bearer realm="r"`}, ""},
		{"an unknown qop", []string{`Digest realm="r", nonce="x", qop="token"`}, ""},
		{"no nonce", []string{`Digest realm="r"`}, ""},
		{"only auth-int", []string{`Digest realm="r", nonce="n", qop="auth-int"`}, "n auth-int"},
		{"a session without qop", []string{`Digest realm="r", nonce="n", algorithm=MD5-sess`}, ""},
	} {
		g := NewDigest("us", "secret")
		ok := g.learn(challenged(401, tt.challenges...), map[string]int{})
		if ok != (tt.want != "") {
			t.Errorf("%s: answered: %v", tt.name, ok)
			continue
		}
		if !ok {
			continue
		}
		if c := credentialsIn(t, g.headers("INVITE", "sip:h", nil)[0]); c.Nonce+" "+c.QOP != tt.want {
			t.Errorf("%s: %+v", tt.name, c)
		}
	}
}

func TestDigestCountsTheUsesOfANonce(t *testing.T) {
	g := NewDigest("us", "secret")
	g.learn(challenged(407, `Digest realm="p", nonce="a", qop="auth", opaque="o"`), map[string]int{})
	g.learn(challenged(401, `Digest realm="u", nonce="b", qop="auth"`), map[string]int{})
	for n := 1; n <= 3; n++ {
		hs := g.headers("INVITE", "sip:h", nil)
		if len(hs) != 2 || hs[0].Name != "Proxy-Authorization" || hs[1].Name != "Authorization" {
			t.Fatalf("%v", hs)
		}
		for _, h := range hs {
			if c := credentialsIn(t, h); c.Nc != n {
				t.Errorf("use %d: nc %d", n, c.Nc)
			}
		}
	}
	res := sipgo.NewResponse(200, "OK")
	res.AppendHeader(sipgo.NewHeader("Authentication-Info", `qop=auth, rspauth="x", nextnonce="c"`))
	g.renew(res)
	hs := g.headers("INVITE", "sip:h", nil)
	if p, u := credentialsIn(t, hs[0]), credentialsIn(t, hs[1]); p.Nonce != "a" || p.Nc != 4 || u.Nonce != "c" || u.Nc != 1 {
		t.Errorf("after nextnonce: %+v, %+v", p, u)
	}
}

func TestDigestGivesUp(t *testing.T) {
	again := func(stale bool) string {
		return fmt.Sprintf(`Digest realm="r", nonce="%s", qop="auth", stale=%v`, newTag(), stale)
	}
	t.Run("on the second refusal", func(t *testing.T) {
		g, asked := NewDigest("us", "wrong"), map[string]int{}
		if !g.learn(challenged(401, again(false)), asked) || g.learn(challenged(401, again(false)), asked) {
			t.Error("wrong credentials were tried otherwise than once")
		}
		if hs := g.headers("INVITE", "sip:h", nil); len(hs) != 0 {
			t.Error("refused credentials are offered again")
		}
	})
	t.Run("not on a stale nonce", func(t *testing.T) {
		g, asked := NewDigest("us", "secret"), map[string]int{}
		g.learn(challenged(401, again(false)), asked)
		if !g.learn(challenged(401, again(true)), asked) {
			t.Error("a stale nonce ended it")
		}
		if g.learn(challenged(401, again(true)), asked) {
			t.Error("stale for ever")
		}
	})
	t.Run("without credentials", func(t *testing.T) {
		if NewDigest("", "x").learn(challenged(401, again(false)), map[string]int{}) {
			t.Error("a challenge was answered")
		}
	})
}

func TestDigestBoundsItsRealms(t *testing.T) {
	g := NewDigest("us", "secret")
	for i := range 100 {
		g.learn(challenged(401, fmt.Sprintf(`Digest realm="%d", nonce="n"`, i)), map[string]int{})
	}
	if n := len(g.headers("INVITE", "sip:h", nil)); n != maxRealms {
		t.Errorf("%d realms", n)
	}
	if s := fmt.Sprintf("%v %+v %#v", g, g, g); strings.Contains(s, "secret") {
		t.Errorf("shows the password: %s", s)
	}
}

// settlement is a response to a request as text; its To gets a tag.
func settlement(req string, code int, lines ...string) string {
	all := []string{fmt.Sprintf("SIP/2.0 %d %s", code, reasonOf(code, ""))}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		value := headerOf(req, name)
		if name == "To" && !strings.Contains(value, "tag=") {
			value += ";tag=far"
		}
		all = append(all, name+": "+value)
	}
	return text("", append(all, lines...)...)
}

// settle makes the peer answer to where the request came from.
func (p *rawPeer) settle(u *UA, req string, code int, lines ...string) {
	p.to = udpAddrOf(u)
	p.send(settlement(req, code, lines...))
}

// RFC 3261 §10.2.4, and what border controllers make of it.
func TestGrantedTime(t *testing.T) {
	ours := mustURI(t, "sip:us@192.0.2.1:5060")
	for _, c := range []struct {
		name  string
		lines []string
		want  time.Duration
	}{
		{"nothing said", nil, time.Hour},
		{"for all", []string{"Expires: 600"}, 10 * time.Minute},
		{"for our contact", []string{"Expires: 600", "Contact: <sip:us@192.0.2.1>;expires=300"}, 5 * time.Minute},
		{"for ours among others", []string{"Contact: <sip:us@192.0.2.9>;expires=60, <sip:us@192.0.2.1>;expires=300"}, 5 * time.Minute},
		{"for others alone", []string{"Contact: <sip:us@192.0.2.9>;expires=60, <sip:us@192.0.2.8>;expires=70"}, time.Hour},
		{"for ours with another address", []string{"Contact: <sip:us@203.0.113.7:40000>;expires=60"}, time.Minute},
		{"longer than anybody wants", []string{"Expires: 4000000000"}, maxExpires},
	} {
		req := "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n"
		m, err := sipgo.NewParser().ParseSIP([]byte(settlement(req, 200, c.lines...)))
		if err != nil {
			t.Fatal(err)
		}
		if got := grantedTo(answered{res: m.(*sipgo.Response), contact: ours}, time.Hour); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestRegister(t *testing.T) {
	u := startUA(t, Config{}, nil)
	p := newRawPeer(t, u)
	p.to = udpAddrOf(u)
	type outcome struct {
		res RegisterResult
		err error
	}
	done := make(chan outcome, 1)
	g := NewDigest("us", "topsecret")
	thread := &Thread{}
	register := func(expires time.Duration) {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			res, err := u.Register(ctx, RegisterRequest{
				Registrar: "sip:example.net", Address: "sip:us@example.net", Proxy: "sip:" + p.addr(),
				Expires: expires, Digest: g, Thread: thread,
			})
			done <- outcome{res, err}
		}()
	}
	register(10 * time.Minute)
	first := p.expect("REGISTER")
	for name, want := range map[string]string{"From": "<sip:us@example.net>", "To": "<sip:us@example.net>", "Contact": "<sip:us@127.0.0.1", "Expires": "600", "CSeq": "1 REGISTER"} {
		if got := headerOf(first, name); !strings.Contains(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if !strings.HasPrefix(first, "REGISTER sip:example.net SIP/2.0\r\n") || headerOf(first, "Authorization") != "" {
		t.Error(first)
	}
	p.settle(u, first, 401, `WWW-Authenticate: Digest realm="example.net", nonce="n1", qop="auth", algorithm=SHA-256`)
	second := p.expect("REGISTER")
	if headerOf(second, "Call-ID") != headerOf(first, "Call-ID") || !strings.HasPrefix(headerOf(second, "CSeq"), "2 ") || strings.Contains(second, "topsecret") {
		t.Error(second)
	}
	p.settle(u, second, 423, "Min-Expires: 1800")
	third := p.expect("REGISTER")
	if headerOf(third, "Expires") != "1800" || !strings.Contains(headerOf(third, "Authorization"), "nc=00000002") {
		t.Error("after 423: " + third)
	}
	contact := headerOf(third, "Contact")
	p.settle(u, third, 200, "Expires: 7200", "Contact: <sip:other@192.0.2.9>;expires=5000, "+contact+";expires=1700",
		"Service-Route: <sip:edge.example.net;lr>, <sip:core.example.net;lr>", "P-Associated-URI: <sip:+441908@example.net>")
	o := <-done
	if o.err != nil || o.res.Expires != 1700*time.Second || strings.Join(o.res.ServiceRoute, " ") != "sip:edge.example.net;lr sip:core.example.net;lr" ||
		o.res.Address != "sip:+441908@example.net" {
		t.Errorf("%+v", o)
	}
	register(10 * time.Minute) // authorised at once
	fourth := p.expect("REGISTER")
	if !strings.Contains(headerOf(fourth, "Authorization"), "nc=00000003") || headerOf(fourth, "Call-ID") != headerOf(first, "Call-ID") {
		t.Error("the next one: " + fourth)
	}
	p.settle(u, fourth, 401, `WWW-Authenticate: Digest realm="example.net", nonce="n2", qop="auth", algorithm=SHA-256, stale=true`)
	fifth := p.expect("REGISTER")
	if auth := headerOf(fifth, "Authorization"); !strings.Contains(auth, `nonce="n2"`) || !strings.Contains(auth, "nc=00000001") {
		t.Error("after stale: " + auth)
	}
	p.settle(u, fifth, 403, "Retry-After: 30")
	o = <-done
	if e, ok := errors.AsType[*StatusError](o.err); !ok || e.Code != 403 || e.RetryAfter != 30*time.Second {
		t.Errorf("refused: %v", o.err)
	}
	register(0)
	last := p.expect("REGISTER")
	if headerOf(last, "Expires") != "0" {
		t.Error("the end: " + last)
	}
	p.settle(u, last, 200)
	if o = <-done; o.err != nil || o.res.Expires != 0 {
		t.Errorf("the end: %+v", o)
	}
}

func TestOptionsToAPeer(t *testing.T) {
	u := startUA(t, Config{}, nil)
	far := startUA(t, Config{}, nil)
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	code, rtt, err := u.Options(ctx, OptionsRequest{To: "sip:" + far.Addrs()[0].String()})
	if err != nil || code/100 != 2 && code/100 != 4 || rtt <= 0 {
		t.Errorf("%d after %v, %v", code, rtt, err)
	}
	silent := newRawPeer(t, nil)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := u.Options(short, OptionsRequest{To: "sip:" + silent.addr()}); err == nil {
		t.Error("an answer from nobody")
	}
}

// TestNextCallIsAuthorisedAtOnce: the nonce of a trunk is used again, in the
// BYE too, and the route that the registrar has named is kept.
func TestNextCallIsAuthorisedAtOnce(t *testing.T) {
	u := startUA(t, Config{}, nil)
	p := newRawPeer(t, u)
	g := NewDigest("us", "secret")
	for n := 1; n <= 2; n++ {
		made := make(chan *Dialog, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			d, err := u.Invite(ctx, InviteRequest{
				To: "sip:bob@far.example", Proxy: "sip:" + p.addr(), Routes: []string{"sip:" + p.addr() + ";lr"}, SDP: testSDP("offer"), Digest: g,
			}, nil)
			if err != nil {
				t.Error(err)
			}
			made <- d
		}()
		req := p.expect("INVITE")
		if n == 1 {
			p.settle(u, req, 407, `Proxy-Authenticate: Digest realm="r", nonce="n1", qop="auth"`)
			p.expect("ACK")
			req = p.expect("INVITE")
		}
		if auth := headerOf(req, "Proxy-Authorization"); !strings.Contains(auth, fmt.Sprintf("nc=%08x", 2*n-1)) {
			t.Errorf("call %d: %q", n, auth)
		}
		if headerOf(req, "Route") != "<sip:"+p.addr()+";lr>" {
			t.Errorf("Route: %q", headerOf(req, "Route"))
		}
		p.send(text(string(testSDP("answer")), strings.Split(strings.TrimSuffix(settlement(req, 200,
			"Contact: <sip:bob@"+p.addr()+">", "Content-Type: application/sdp"), "\r\nContent-Length: 0\r\n\r\n"), "\r\n")...))
		ack := p.expect("ACK")
		if headerOf(ack, "Proxy-Authorization") != headerOf(req, "Proxy-Authorization") {
			t.Error("the ACK has other credentials than the INVITE")
		}
		d := <-made
		if d == nil {
			return
		}
		go func() { _ = d.Bye(t.Context()) }()
		end := p.expect("BYE")
		if auth := headerOf(end, "Proxy-Authorization"); !strings.Contains(auth, fmt.Sprintf("nc=%08x", 2*n)) {
			t.Errorf("BYE %d: %q", n, auth)
		}
		p.settle(u, end, 200)
		emptied(t, u)
	}
}

// udpAddrOf is the address of the first listener.
func udpAddrOf(u *UA) netip.AddrPort { return u.Addrs()[0].(*net.UDPAddr).AddrPort() }

// TestChallengesWithinACall: a trunk that has called us wants credentials for
// our re-INVITE and our BYE.
func TestChallengesWithinACall(t *testing.T) {
	g := NewDigest("us", "secret")
	g.learn(challenged(401, `Digest realm="r", nonce="n0", qop="auth"`), map[string]int{}) // at REGISTER
	reinvited := make(chan error, 1)
	u := startUA(t, Config{Access: Access{Trunks: carrierHere()}}, func(ctx context.Context, d *Dialog) {
		d.SetDigest(g)
		if err := d.Answer(testSDP("answer")); err != nil {
			reinvited <- err
			return
		}
		_, err := d.Reinvite(ctx, testSDP("again"))
		reinvited <- err
		_ = d.Bye(ctx)
	})
	p := newRawPeer(t, u)
	inv := p.invite("challenged", 1, testSDP("offer"))
	p.send(inv)
	ok := p.expect("200 INVITE")
	p.send(p.within(ok, "ACK", 1, nil))
	first := p.expect("INVITE")
	p.reply(first, 401, `WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth"`)
	p.expect("ACK")
	second := p.expect("INVITE")
	if auth := headerOf(second, "Authorization"); !strings.Contains(auth, `nonce="n1"`) || !strings.Contains(auth, "nc=00000001") {
		t.Errorf("re-INVITE: %q", auth)
	}
	p.send(p.answerTo(second, testSDP("again")))
	if ack := p.expect("ACK"); headerOf(ack, "Authorization") != headerOf(second, "Authorization") {
		t.Error("the ACK of the re-INVITE has other credentials")
	}
	if err := <-reinvited; err != nil {
		t.Fatal(err)
	}
	end := p.expect("BYE")
	if auth := headerOf(end, "Authorization"); !strings.Contains(auth, "nc=00000002") {
		t.Errorf("BYE: %q", auth)
	}
	p.reply(end, 401, `WWW-Authenticate: Digest realm="r", nonce="n2", qop="auth", stale=true`)
	again := p.expect("BYE")
	if auth := headerOf(again, "Authorization"); !strings.Contains(auth, `nonce="n2"`) {
		t.Errorf("second BYE: %q", auth)
	}
	p.reply(again, 200)
	emptied(t, u)
}

// TestPatienceEndsAnInviteThatNobodyHears without a CANCEL.
func TestPatienceEndsAnInviteThatNobodyHears(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{}, nil)
		p := newRawPeer(t, u)
		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()
		_, err := u.Invite(ctx, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer"), Patience: 50 * time.Millisecond}, nil)
		if !errors.Is(err, ErrTimeout) || ctx.Err() != nil {
			t.Fatalf("got %v", err)
		}
		for m := p.read(200 * time.Millisecond); m != ""; m = p.read(200 * time.Millisecond) {
			if kindOf([]byte(m)) != "INVITE" {
				t.Errorf("sent %q", m)
			}
		}
	})(t)
}
