package sip

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// phonesConfig lets nobody in but two phones.
func phonesConfig() Config {
	return Config{
		Access: Access{
			Allow:  []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			Phones: []Phone{{Name: "alice", Password: "wonder land"}, {Name: "bob", Password: "builder"}},
		},
		Registrar: RegistrarConfig{Domains: []string{"example.com"}, MaxContacts: 3},
	}
}

// loginPeer is a phone that speaks SIP by hand.
type loginPeer struct {
	*rawPeer
	user, password string
	callID         string
	seq            int
	nonce          string // last one used
}

func newLoginPeer(t testing.TB, u *UA, user, password string) *loginPeer {
	return &loginPeer{rawPeer: newRawPeer(t, u), user: user, password: password, callID: newTag()}
}

// request is a request with further header lines.
func (p *loginPeer) request(method, uri, user string, lines ...string) string {
	p.seq++
	return text("", append([]string{
		method + " " + uri + " SIP/2.0",
		"Via: SIP/2.0/UDP " + p.addr() + ";branch=" + newBranch() + ";rport",
		"From: <sip:" + user + "@example.com>;tag=a1",
		"To: <sip:" + user + "@example.com>",
		"Call-ID: " + p.callID,
		fmt.Sprintf("CSeq: %d %s", p.seq, method),
		"Max-Forwards: 70",
	}, lines...)...)
}

// credentials answers a challenge by a library that is not ours.
func (p *loginPeer) credentials(challenged, method, uri string, algorithm string, count int) string {
	p.t.Helper()
	for line := range strings.SplitSeq(challenged, "\r\n") {
		value, ok := strings.CutPrefix(line, "WWW-Authenticate: ")
		if !ok {
			continue
		}
		c, err := digest.ParseChallenge(value)
		if err != nil {
			p.t.Fatalf("challenge %q: %v", value, err)
		}
		if c.Algorithm != algorithm {
			continue
		}
		p.nonce = c.Nonce
		cred, err := digest.Digest(c, digest.Options{
			Method: method, URI: uri, Username: p.user, Password: p.password, Count: count,
		})
		if err != nil {
			p.t.Fatal(err)
		}
		return "Authorization: " + cred.String()
	}
	p.t.Fatalf("no challenge of %s in %q", algorithm, challenged)
	return ""
}

// ask sends a request and gives the first response but 100.
func (p *loginPeer) ask(msg string) string {
	p.t.Helper()
	p.send(msg)
	for end := time.Now().Add(patience); ; {
		res := p.read(time.Until(end))
		if res == "" {
			p.t.Fatalf("no response to %q", msg)
		}
		if !strings.HasPrefix(res, "SIP/2.0 100 ") {
			return res
		}
	}
}

// register registers, or tries to; lines are Contact, Expires and the like.
func (p *loginPeer) register(user string, lines ...string) string {
	p.t.Helper()
	const uri = "sip:example.com"
	res := p.ask(p.request("REGISTER", uri, user, lines...))
	if codeIn(res) != 401 {
		return res
	}
	return p.ask(p.request("REGISTER", uri, user, append(lines, p.credentials(res, "REGISTER", uri, "SHA-256", 1))...))
}

func codeIn(res string) (code int) {
	_, _ = fmt.Sscanf(res, "SIP/2.0 %d", &code)
	return code
}

func TestCallersNeedCredentials(t *testing.T) {
	for _, c := range []struct {
		name, user, password, algorithm string
		want                            int
	}{
		{"right password, SHA-256", "alice", "wonder land", "SHA-256", 404},
		{"right password, MD5", "alice", "wonder land", "MD5", 404},
		{"wrong password", "alice", "wonder", "SHA-256", 401},
		{"empty password", "alice", "", "MD5", 401},
		{"unknown name", "mallory", "wonder land", "SHA-256", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := startUA(t, phonesConfig(), nil)
			p := newLoginPeer(t, u, c.user, c.password)
			const uri = "sip:service@example.com"
			contact := "Contact: <sip:" + p.addr() + ">"
			challenged := p.ask(p.request("INVITE", uri, "alice", contact))
			if codeIn(challenged) != 401 || strings.Contains(challenged, "stale") {
				t.Fatalf("without credentials: %q", challenged)
			}
			res := p.ask(p.request("INVITE", uri, "alice", contact, p.credentials(challenged, "INVITE", uri, c.algorithm, 1)))
			if codeIn(res) != c.want || strings.Contains(res, "stale") {
				t.Errorf("got %q, want %d", res, c.want)
			}
		})
	}
}

func TestLoginIsToldWithTheCall(t *testing.T) {
	a := newAnswering()
	u := startUA(t, phonesConfig(), a.handle)
	other := startUA(t, Config{}, nil)
	ctx := t.Context()
	d, err := other.Invite(ctx, InviteRequest{
		To: target(u, "udp"), From: "alice", SDP: testSDP("offer"), Username: "alice", Password: "wonder land",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.next(t).Invitation().Login; got != "alice" {
		t.Errorf("login %q", got)
	}
	bye(t, d)
}

func TestUnknownAndKnownNamesLookTheSame(t *testing.T) {
	u := startUA(t, phonesConfig(), nil)
	answers := map[string]string{}
	for _, user := range []string{"alice", "mallory"} {
		p := newLoginPeer(t, u, user, "wrong")
		res := p.register(user, "Contact: <sip:"+user+"@"+p.addr()+">")
		var shape []string
		for line := range strings.SplitSeq(res, "\r\n") {
			name, _, _ := strings.Cut(line, ":")
			if before, _, ok := strings.Cut(line, "nonce="); ok {
				name = before
			}
			shape = append(shape, name)
		}
		answers[user] = strings.Join(shape, "\n")
	}
	if answers["alice"] != answers["mallory"] {
		t.Errorf("known:\n%s\nunknown:\n%s", answers["alice"], answers["mallory"])
	}
}

func TestNoncesAreGoodOnceForEachCount(t *testing.T) {
	u := startUA(t, phonesConfig(), nil)
	p := newLoginPeer(t, u, "alice", "wonder land")
	const uri = "sip:example.com"
	challenged := p.ask(p.request("REGISTER", uri, "alice"))
	for _, step := range []struct {
		name  string
		count int
		want  int
		stale bool
	}{
		{"first", 1, 200, false},
		{"next", 2, 200, false},
		{"again", 2, 401, true},
		{"ahead", 9, 200, false},
		{"behind, not used before", 5, 200, false},
		{"behind, used", 5, 401, true},
		{"far ahead", 500, 200, false},
		{"too far behind", 10, 401, true},
	} {
		res := p.ask(p.request("REGISTER", uri, "alice", p.credentials(challenged, "REGISTER", uri, "MD5", step.count)))
		if codeIn(res) != step.want || strings.Contains(res, "stale=true") != step.stale {
			t.Errorf("%s: %q", step.name, res)
		}
	}
}

func TestCopiesOfARequestAreAnsweredAgain(t *testing.T) {
	u := startUA(t, phonesConfig(), nil)
	p := newLoginPeer(t, u, "alice", "wonder land")
	const uri = "sip:example.com"
	challenged := p.ask(p.request("REGISTER", uri, "alice"))
	again := p.request("REGISTER", uri, "alice", "Contact: <sip:alice@"+p.addr()+">", p.credentials(challenged, "REGISTER", uri, "SHA-256", 1))
	first, second := p.ask(again), p.ask(again)
	if codeIn(first) != 200 || first != second {
		t.Errorf("first %q\nsecond %q", first, second)
	}
}

// judged gives a challenger a request by hand.
func judged(c *challenger, from, header string) (string, verdict) {
	u, err := New(Config{})
	if err != nil {
		panic(err)
	}
	msg := "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n" +
		"To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n" + header + "\r\nContent-Length: 0\r\n\r\n"
	m, err := sipgo.NewParser().ParseSIP([]byte(msg))
	if err != nil {
		panic(err)
	}
	return c.verify(u.newIncoming(m.(*sipgo.Request), source{addr: netip.MustParseAddrPort(from)}))
}

func TestCredentials(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	c := newChallenger(RegistrarConfig{Realm: "home"}, func() time.Time { return now })
	c.setPhones([]Phone{{Name: "alice", Password: "secret"}})
	addr := netip.MustParseAddr("192.0.2.9")
	md5 := digestHashes()[1]
	answer := func(nonce, uri string) string {
		return md5.sum(c.hashOf("alice", 1), nonce, md5.sum("REGISTER", uri))
	}
	plain := func(nonce, uri string) string {
		return `Authorization: Digest username="alice", realm="home", nonce="` + nonce + `", uri="` + uri + `", response="` + answer(nonce, uri) + `"`
	}
	nonce := c.nonce(addr)
	for _, s := range []struct {
		name, from, header string
		after              time.Duration
		want               verdict
	}{
		{"no header", "192.0.2.9:5060", "X: y", 0, noCredentials},
		{"another scheme", "192.0.2.9:5060", "Authorization: Basic YTpi", 0, noCredentials},
		{"another realm", "192.0.2.9:5060", strings.Replace(plain(nonce, "sip:example.com"), "home", "away", 1), 0, noCredentials},
		{"unknown algorithm", "192.0.2.9:5060", plain(nonce, "sip:example.com") + ", algorithm=SHA-1", 0, noCredentials},
		{"auth-int was not offered", "192.0.2.9:5060", plain(nonce, "sip:example.com") + `, qop=auth-int, nc=00000001, cnonce="a"`, 0, noCredentials},
		{"no count", "192.0.2.9:5060", plain(nonce, "sip:example.com") + `, qop=auth, cnonce="a"`, 0, noCredentials},
		{"a field given twice", "192.0.2.9:5060", plain(nonce, "sip:example.com") + `, username="bob"`, 0, noCredentials},
		{"URI of somebody else", "192.0.2.9:5060", plain(nonce, "sip:bob@example.com"), 0, wrongPassword},
		{"nonce of another source", "192.0.2.10:5060", plain(nonce, "sip:example.com"), 0, staleNonce},
		{"nonce not ours", "192.0.2.9:5060", plain("AAAA", "sip:example.com"), 0, staleNonce},
		{"nonce not ours and a wrong password", "192.0.2.9:5060", strings.Replace(plain("AAAA", "sip:example.com"), "response=\"", "response=\"0", 1), 0, staleNonce},
		{"nonce of another source and a wrong password", "192.0.2.10:5060", strings.Replace(plain(nonce, "sip:example.com"), "response=\"", "response=\"0", 1), 0, staleNonce},
		{"nonce too old and a wrong password", "192.0.2.9:5060", strings.Replace(plain(nonce, "sip:example.com"), "response=\"", "response=\"0", 1), nonceLife + time.Millisecond, wrongPassword},
		{"nonce of the future", "192.0.2.9:5060", plain(nonce, "sip:example.com"), -time.Second, staleNonce},
		{"nonce too old", "192.0.2.9:5060", plain(nonce, "sip:example.com"), nonceLife + time.Millisecond, staleNonce},
		{"without qop, once", "192.0.2.9:5060", plain(nonce, "sip:example.com"), nonceLife, loggedIn},
	} {
		t.Run(s.name, func(t *testing.T) {
			start := now
			now = now.Add(s.after)
			defer func() { now = start }()
			if login, v := judged(c, s.from, s.header); v != s.want || (login == "alice") != (v == loggedIn) {
				t.Errorf("got %q %v, want %v", login, v, s.want)
			}
		})
	}
}

// A password is judged only where it comes with a nonce of ours, which a forger of
// the address has not: else a few packets would ban all phones behind it.
func TestForgedCredentialsBanNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, phonesConfig(), nil, "203.0.113.1:5060")
		r.u.guard.vouch(r.src) // a phone there has logged in
		for range 900 {
			r.give(r.request("REGISTER", `Authorization: Digest username="alice", realm="mediaserver", nonce="AAAA", uri="sip:example.com", response="00"`))
			time.Sleep(time.Millisecond)
		}
		if len(r.u.Bans()) != 0 || !r.give(r.request("OPTIONS")) {
			t.Error("an outsider can cut phones off")
		}
	})
}

func TestNonceBookStaysWithinItsLimit(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	b := newNonceBook(8, time.Minute)
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Millisecond) }
	for i := range 100 {
		if !b.take(use{nonce: fmt.Sprint(i), issued: at(i), count: 1, request: "x"}, at(i)) {
			t.Fatalf("nonce %d was refused", i)
		}
		if len(b.used) > 8 {
			t.Fatalf("%d nonces are kept", len(b.used))
		}
	}
	for i := range 100 {
		if b.take(use{nonce: fmt.Sprint(i), issued: at(i), count: 1, request: "y"}, at(100)) {
			t.Errorf("nonce %d was taken twice", i)
		}
	}
}

func TestCopiesAreLetInForATime(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	b := newNonceBook(8, time.Hour)
	u := use{nonce: "n", issued: start, count: 1, request: "one"}
	for _, s := range []struct {
		request string
		after   time.Duration
		want    bool
	}{{"one", 0, true}, {"one", copyTime - 1, true}, {"two", 0, false}, {"one", copyTime, false}} {
		u.request = s.request
		if got := b.take(u, start.Add(s.after)); got != s.want {
			t.Errorf("%+v: %v", s, got)
		}
	}
}

func (c *challenger) hashOf(name string, which int) string { return (*c.logins.Load())[name][which] }

// Who may call without credentials may bear those for others; those for us have to be
// right.
func TestCredentialsForOthersAreNoneOfOurBusiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, phonesConfig(), answerAll, "192.0.2.7:5060")
		credentials := func(realm string) string {
			return `Authorization: Digest username="x", realm="` + realm + `", nonce="n", uri="sip:bob@192.0.2.1", response="00"`
		}
		r.give(r.request("INVITE", "Proxy-"+credentials("carrier.example")))
		r.expect("for a proxy", "100 INVITE", "200 INVITE")
		r.give(r.request("INVITE", credentials("carrier.example")))
		r.expect("for another realm", "100 INVITE", "200 INVITE")
		r.give(r.request("INVITE", credentials(DefaultRealm)))
		r.expect("for us, and wrong", "401 INVITE")
	})
}
