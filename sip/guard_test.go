package sip

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// nobody exempt, so that the loopback interface is a place like any other.
func strict() Defence {
	return Defence{Exempt: []netip.Prefix{}, Failures: 5}
}

func prefixes(list ...string) []netip.Prefix {
	ps := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

// elsewhere is an allow list without this machine.
func elsewhere() []netip.Prefix { return prefixes("192.0.2.0/24") }

// remote is a far end without a network, in virtual time.
type remote struct {
	t    *testing.T
	u    *UA
	src  source
	sent *capture
	n    int
}

// far gives a UA without a network a far end at an address.
func far(t *testing.T, cfg Config, h Handler, addr string) *remote {
	t.Helper()
	m, _ := counted(t)
	cfg.Metrics = m
	u, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	u.handler = h
	if h == nil {
		u.handler = func(_ context.Context, d *Dialog) { _ = d.Reject(404, "") }
	}
	u.base = func() (context.Context, context.CancelCauseFunc) {
		return context.WithCancelCause(context.Background())
	}
	c := &capture{}
	s := &udpSocket{w: c, local: netip.MustParseAddrPort("192.0.2.1:5060")}
	t.Cleanup(func() {
		for _, d := range u.dialogs.list() {
			d.end(ErrClosed)
			d.remove()
		}
		_ = u.Close()
	})
	return &remote{t: t, u: u, src: source{sock: s, addr: netip.MustParseAddrPort(addr)}, sent: c}
}

// at is the same UA seen from another address.
func (r *remote) at(addr string) *remote {
	return &remote{t: r.t, u: r.u, src: source{sock: r.src.sock, addr: netip.MustParseAddrPort(addr)}, sent: r.sent, n: 1000}
}

// give hands a datagram in as a reader would; false: it was not looked at.
func (r *remote) give(msg string) bool {
	if !r.u.guard.admit(r.src, time.Now()) {
		return false
	}
	r.u.receive([]byte(msg), r.src)
	return true
}

func (r *remote) request(method string, more ...string) string {
	r.n++
	host := r.src.addr.Addr().String()
	if r.src.addr.Addr().Is6() {
		host = "[" + host + "]"
	}
	lines := append([]string{
		method + " sip:bob@192.0.2.1 SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%d-%s;rport", host, r.n, host),
		fmt.Sprintf("From: <sip:a@%s>;tag=%d", host, r.n),
		"To: <sip:bob@192.0.2.1>",
		fmt.Sprintf("Call-ID: %d@%s", r.n, host),
		"CSeq: 1 " + method,
		"Contact: <sip:a@" + host + ">",
	}, more...)
	return strings.Join(lines, "\r\n") + "\r\nContent-Length: 0\r\n\r\n"
}

// answers are the status codes that were sent since the last time.
func (r *remote) answers() (codes []string, size int) {
	synctest.Wait()
	r.sent.mu.Lock()
	defer r.sent.mu.Unlock()
	for _, b := range r.sent.sent {
		codes = append(codes, kindOf(b))
		size += len(b)
	}
	r.sent.sent = nil
	return codes, size
}

func (r *remote) expect(what string, want ...string) {
	r.t.Helper()
	if got, _ := r.answers(); strings.Join(got, ",") != strings.Join(want, ",") {
		r.t.Errorf("%s: answered %q, want %q", what, got, want)
	}
}

func TestJudgementBySource(t *testing.T) {
	trunk := Access{Allow: elsewhere(), Trunks: []SourceList{
		{Name: "first", Allow: prefixes("198.51.100.0/24")}, {Name: "second", Hosts: []netip.Addr{netip.MustParseAddr("203.0.113.9")}},
	}}
	for name, c := range map[string]struct {
		access Access
		from   string
		want   string // trunk, "" for none, "403" for a refusal
	}{
		"the default lets everybody in":        {Access{}, "198.51.100.7:5060", ""},
		"a source of the allow list":           {trunk, "192.0.2.44:5060", ""},
		"a source of a trunk's list":           {trunk, "198.51.100.7:5060", "first"},
		"the host of a trunk's address":        {trunk, "203.0.113.9:40000", "second"},
		"IPv4 as an IPv6 socket sees it":       {trunk, "[::ffff:198.51.100.7]:5060", "first"},
		"anybody else":                         {trunk, "203.0.113.10:5060", "403"},
		"another family is not in a list":      {trunk, "[2001:db8::1]:5060", "403"},
		"a list of nothing but another family": {Access{Allow: prefixes("::/0")}, "198.51.100.7:5060", "403"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := ""
				r := far(t, Config{}, func(_ context.Context, d *Dialog) { got = d.Invitation().Source; _ = d.Reject(486, "") }, c.from)
				r.u.SetAccess(c.access)
				r.give(r.request("INVITE"))
				if codes, _ := r.answers(); strings.Contains(strings.Join(codes, ","), "403") {
					got = "403"
				}
				if got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestWhoHasNoBusinessHereHearsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{Access: Access{Allow: elsewhere()}, Defence: Defence{Failures: -1}}, nil, "203.0.113.1:5060")
		for _, method := range []string{"OPTIONS", "REGISTER", "BYE", "CANCEL", "MESSAGE", "SUBSCRIBE", "FOO", "ACK", "REFER", "NOTIFY"} {
			r.give(r.request(method))
			r.expect(method)
		}
		r.give("FOO sip:x SIP/9.0\r\nVia: x\r\nFrom: x\r\nTo: x\r\nCall-ID: x\r\nCSeq: x\r\n\r\n")
		r.expect("nonsense")
		r.give(r.request("INVITE"))
		r.expect("an INVITE", "403 INVITE")
		known := r.at("192.0.2.9:5060")
		known.give(known.request("OPTIONS"))
		known.expect("OPTIONS of who may call", "200 OPTIONS")
	})
}

func TestACallGoesOnFromAnotherAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{Access: Access{Allow: elsewhere()}}, answerAll, "192.0.2.9:5060")
		invite := r.request("INVITE")
		r.give(invite)
		ack := r.ack(invite)
		r.give(ack)
		r.answers()
		roamed := r.at("203.0.113.1:5060")
		roamed.give(strings.NewReplacer("ACK sip", "BYE sip", "1 ACK", "2 BYE").Replace(ack))
		roamed.expect("its BYE", "200 BYE")
	})
}

func TestSilentDefenceDoesNotEvenRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{Access: Access{Allow: elsewhere()}, Defence: Defence{Silent: true}}, nil, "203.0.113.1:5060")
		r.give(r.request("INVITE"))
		r.expect("an INVITE")
	})
}

func TestOptionsAreAnsweredAsConfigured(t *testing.T) {
	for _, c := range []struct {
		policy       Answering
		known, else_ []string
	}{
		{AnswerKnown, []string{"200 OPTIONS"}, nil},
		{AnswerNone, nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := far(t, Config{Access: Access{Allow: elsewhere()}, Defence: Defence{AnswerOptions: c.policy}}, nil, "192.0.2.9:5060")
			r.give(r.request("OPTIONS"))
			r.expect(string(c.policy)+", allowed", c.known...)
			other := r.at("203.0.113.1:5060")
			other.give(other.request("OPTIONS"))
			other.expect(string(c.policy)+", not allowed", c.else_...)
		})
	}
}

func TestScannersHearNothingAndAreBanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{}, nil, "203.0.113.1:5060")
		for i := range 4 {
			if !r.give(r.request("OPTIONS", "User-Agent: friendly-scanner")) {
				t.Fatalf("banned by packet %d already: anybody could have sent it", i)
			}
		}
		r.expect("a scanner")
		if r.give(r.request("OPTIONS")) {
			t.Error("not banned")
		}
		bans := r.u.Bans()
		if len(bans) != 1 || bans[0].Reason != offenceScanner || bans[0].Source.String() != "203.0.113.1/32" {
			t.Fatalf("bans %+v", bans)
		}
		other := r.at("203.0.113.2:5060")
		other.give(other.request("OPTIONS"))
		other.expect("its neighbour", "200 OPTIONS")
		time.Sleep(61 * time.Second)
		if !r.give(r.request("OPTIONS")) || len(r.u.Bans()) != 0 {
			t.Error("the ban does not end")
		}
	})
}

func TestScannersAreKnownByName(t *testing.T) {
	for agent, want := range map[string]bool{
		"friendly-scanner": true, "SIPVicious": true, "sipcli/v1.8": true, "sundayddr": true,
		"MySipClient/2": false, "baresip v3 (x86_64/Linux)": false, "Linphone/5.0": false, "": false, "SIPp": false,
	} {
		if got := marked(agent); got != want {
			t.Errorf("%q: %v", agent, got)
		}
	}
}

func TestTrustedSourcesAreNeverBanned(t *testing.T) {
	for name, cfg := range map[string]Config{
		"a trunk":                 {Access: Access{Allow: elsewhere(), Trunks: []SourceList{{Name: "t", Allow: prefixes("203.0.113.0/24")}}}},
		"an explicit allow list":  {Access: Access{Allow: prefixes("203.0.113.0/24")}},
		"an exempt source":        {Defence: Defence{Exempt: prefixes("203.0.113.1/32")}},
		"a defence that is off":   {Defence: Defence{Off: true}},
		"a UA that limits nobody": {SourceRate: -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := far(t, cfg, nil, "203.0.113.1:5060")
				for range 500 {
					r.give("nonsense")
					r.give(r.request("OPTIONS", "User-Agent: friendly-scanner"))
				}
				if len(r.u.Bans()) != 0 || !r.give(r.request("BYE")) {
					t.Error("banned")
				}
			})
		})
	}
}

func TestCallsToNobodyBan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{}, nil, "203.0.113.1:5060")
		n := 0
		for ; n < 100 && r.give(r.request("INVITE")); n++ {
			synctest.Wait()
		}
		if n != 20 {
			t.Errorf("banned after %d calls to nobody, want 20", n)
		}
	})
}

// answerAll is a Handler that answers and waits.
func answerAll(_ context.Context, d *Dialog) {
	_ = d.Answer(testSDP("answer"))
	<-d.Ended()
}

// ack acknowledges the 200 that was sent last.
func (r *remote) ack(invite string) string {
	r.t.Helper()
	synctest.Wait()
	for _, b := range r.sent.all() {
		if kindOf(b) == "200 INVITE" && headerOf(string(b), "Call-ID") == headerOf(invite, "Call-ID") {
			return strings.Join([]string{
				"ACK sip:bob@192.0.2.1 SIP/2.0", "Via: " + headerOf(invite, "Via") + "a", "From: " + headerOf(invite, "From"),
				"To: " + headerOf(string(b), "To"), "Call-ID: " + headerOf(invite, "Call-ID"), "CSeq: 1 ACK", "", "",
			}, "\r\n")
		}
	}
	r.t.Fatal("not answered")
	return ""
}

func TestWhoHasACallIsNotBannedForWhatOthersSendInItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{Access: Access{Allow: prefixes("0.0.0.0/0")}}, answerAll, "203.0.113.1:5060")
		invite := r.request("INVITE")
		r.give(invite)
		r.give(r.ack(invite))
		for range 900 {
			r.give("forged nonsense")
			r.give(r.request("OPTIONS", "User-Agent: friendly-scanner"))
			time.Sleep(time.Millisecond)
		}
		if len(r.u.Bans()) != 0 || !r.give(r.request("OPTIONS")) {
			t.Error("an outsider can cut a caller off")
		}
	})
}

func TestUnfinishedCallsOfASourceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Defence: Defence{PendingPerSource: 3, Pending: 5, Failures: -1}}
		r := far(t, cfg, answerAll, "203.0.113.1:5060")
		var invites []string
		for range 4 {
			invites = append(invites, r.request("INVITE"))
			r.give(invites[len(invites)-1])
		}
		synctest.Wait()
		if n := strings.Count(strings.Join(r.sent.lines(), "\n"), "503 "); n != 1 || r.u.Active() != 3 {
			t.Fatalf("%d refused and %d calls, want 1 and 3", n, r.u.Active())
		}
		other := r.at("203.0.113.2:5060")
		for range 3 {
			other.give(other.request("INVITE"))
		}
		synctest.Wait()
		if r.u.Active() != 5 {
			t.Fatalf("%d calls, want 5 of all sources", r.u.Active())
		}
		ack := r.ack(invites[0])
		r.give(ack)
		synctest.Wait()
		for range 4 { // it is vouched for now, and needs no place
			r.give(r.request("INVITE"))
		}
		synctest.Wait()
		if r.u.Active() != 9 {
			t.Errorf("%d calls after an ACK, want 9", r.u.Active())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if p := r.u.guard.pending; p.total != 0 || len(p.bySource) != 0 {
			t.Errorf("%d places are never given back", p.total)
		}
		if n := r.u.txs.len(); n != 0 {
			t.Errorf("%d transactions stay", n)
		}
	})
}

func TestSourcesThatCannotBeAnsweredAreDropped(t *testing.T) {
	for _, addr := range []string{
		"203.0.113.1:0", "224.0.0.1:5060", "255.255.255.255:5060", "0.0.0.0:5060", "[ff02::1]:5060", "[::]:5060",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := far(t, Config{}, nil, addr)
			if r.give(r.request("OPTIONS")) {
				t.Errorf("%s was looked at", addr)
			}
		})
	}
}

func TestOversizedMessagesAreNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{}, nil, "203.0.113.1:5060")
		for _, more := range []string{
			strings.Repeat("X: y\r\n", maxHeaders+1) + "X: z", "X: " + strings.Repeat("y", maxMessage), strings.Repeat("X: y\r\n z\r\n", maxHeaders/2) + "X: z",
		} {
			msg := r.request("OPTIONS", more)
			r.give(msg)
			codes, size := r.answers()
			if strings.Contains(strings.Join(codes, ""), "200") || size > len(msg) {
				t.Errorf("%d bytes were answered with %q", len(msg), codes)
			}
		}
		if _, err := r.u.parse(bytes.Repeat([]byte("a"), maxMessage+1), maxMessage); err == nil {
			t.Error("parsed")
		}
	})
}

func TestNamesAreShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{}, nil, "203.0.113.1:5060")
		long := strings.Repeat("x", maxName+1)
		for _, field := range []string{"Call-ID: ", "tag=", "branch=z9hG4bK"} {
			msg := r.request("OPTIONS")
			r.give(strings.Replace(msg, field, field+long, 1))
			r.expect(field, "400 OPTIONS")
		}
	})
}

func TestConnectionsOfASourceAreBounded(t *testing.T) {
	d := strict()
	d.ConnsPerSource = 3
	m, count := counted(t)
	u := startUA(t, Config{Defence: d, Metrics: m, Listen: []string{"tcp://127.0.0.1:0", "ws://127.0.0.1:0"}}, nil)
	for i, said := range []string{"\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"} { // the second is no handshake
		var conns []net.Conn
		for range 6 {
			c, err := net.Dial("tcp", u.Addrs()[i].String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conns = append(conns, c)
		}
		closed := 0
		for _, c := range conns {
			_ = c.SetDeadline(time.Now().Add(patience))
			_, _ = c.Write([]byte(said))
			if n, _ := c.Read(make([]byte, 2)); n == 0 {
				closed++
			}
		}
		for _, c := range conns {
			_ = c.Close()
		}
		if closed != 3 {
			t.Errorf("%s: %d of 6 were refused, want 3", u.cfg.Listen[i], closed)
		}
		u.guard.conns.waitEmpty(t)
	}
	if n := count("dropped_total"); n != 6 {
		t.Errorf("%v refusals are counted, want 6", n)
	}
}

// waitEmpty waits until no connection counts.
func (c *crowd) waitEmpty(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		c.mu.Lock()
		n := len(c.each)
		c.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d sources have connections", n)
		}
	}
}

// drip is a connection that gives one byte at a time and notes the deadlines.
type drip struct {
	net.Conn
	text      string
	deadlines map[time.Time]bool
}

func (d *drip) SetReadDeadline(at time.Time) error { d.deadlines[at] = true; return nil }

func (d *drip) Read(b []byte) (int, error) {
	if d.text == "" {
		return 0, net.ErrClosed
	}
	time.Sleep(time.Second)
	b[0], d.text = d.text[0], d.text[1:]
	return 1, nil
}

func TestSlowMessagesHaveOneDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{}, nil, "203.0.113.1:5060")
		d := &drip{text: "OPTIONS sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP h", deadlines: map[time.Time]bool{}}
		c := &streamConn{transport: viaTCP, remote: r.src.addr, done: make(chan struct{})}
		r.u.serveBytes(c, d)
		if len(d.deadlines) != 1 {
			t.Errorf("%d deadlines: each byte buys more time", len(d.deadlines))
		}
	})
}

func TestAccessListsAreCopied(t *testing.T) {
	list := prefixes("192.0.2.0/24")
	r := newRights(Access{Allow: list})
	list[0] = netip.MustParsePrefix("0.0.0.0/0")
	if r.get().allows(netip.MustParseAddr("203.0.113.1")) {
		t.Error("the caller's list is used")
	}
}

// BenchmarkAdmit is what every datagram pays before it is looked at.
func BenchmarkAdmit(b *testing.B) {
	u, s, _ := detachedUA(b, &capture{})
	u.guard.vouch(s)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		u.guard.admit(s, now)
	}
	_ = u.Close()
}

// len is the number of transactions.
func (t *transactions) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.server) + len(t.client)
}
