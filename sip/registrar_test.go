package sip

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// contactsIn are the values of the Contact header fields of a response.
func contactsIn(res string) []string {
	var list []string
	for line := range strings.SplitSeq(res, "\r\n") {
		if v, ok := strings.CutPrefix(line, "Contact: "); ok {
			list = append(list, v)
		}
	}
	return list
}

func TestRegistrations(t *testing.T) {
	type step struct {
		name     string
		lines    []string
		user     string // of To; "" = alice
		want     int
		contacts []string // nil = not looked at
	}
	one, two := "<sip:alice@192.0.2.1:5070>", "<sip:alice@192.0.2.2:5070;transport=udp>"
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"a contact is kept, shown and removed", []step{
			{"new", []string{"Contact: " + one, "Expires: 120"}, "", 200, []string{one + ";expires=120"}},
			{"shown", nil, "", 200, []string{one + ";expires=120"}},
			{"refreshed", []string{"Contact: " + one + ";expires=300"}, "", 200, []string{one + ";expires=300"}},
			{"removed", []string{"Contact: " + one + ";expires=0"}, "", 200, []string{}},
			{"removed again", []string{"Contact: " + one, "Expires: 0"}, "", 200, []string{}},
		}},
		{"several contacts, by q", []step{
			{
				"two in one",
				[]string{"Contact: " + one + ";q=0.2, " + two + ";q=0.75", "Expires: 100"},
				"", 200,
				[]string{two + ";expires=100;q=0.75", one + ";expires=100;q=0.2"},
			},
			{"all are removed", []string{"Contact: *", "Expires: 0"}, "", 200, []string{}},
		}},
		{"the contact compares as a URI", []step{
			{"new", []string{"Contact: <sip:alice@host.example:5070>;expires=100"}, "", 200, nil},
			{"same", []string{"Contact: <sip:%61lice@HOST.example:5070;ob>;expires=100"}, "", 200, []string{"<sip:%61lice@HOST.example:5070;ob>;expires=100"}},
			{"another user", []string{"Contact: <sip:Alice@host.example:5070>;expires=0"}, "", 200, []string{"<sip:%61lice@HOST.example:5070;ob>;expires=100"}},
		}},
		{"a contact named twice is what is said last", []step{
			{"twice", []string{"Contact: " + one + ";expires=100;q=0.5, " + one + ";expires=200"}, "", 200, []string{one + ";expires=200"}},
			{"written otherwise", []string{"Contact: <sip:%61lice@192.0.2.1:5070>;expires=100", "Contact: " + one + ";expires=0"}, "", 200, []string{}},
		}},
		{"bounds of time", []step{
			{"too brief", []string{"Contact: " + one + ";expires=59"}, "", 423, nil},
			{"brief enough", []string{"Contact: " + one + ";expires=60"}, "", 200, []string{one + ";expires=60"}},
			{"too long", []string{"Contact: " + one + ";expires=7200"}, "", 200, []string{one + ";expires=3600"}},
			{"far too long", []string{"Contact: " + one + ";expires=99999999999999999999"}, "", 200, []string{one + ";expires=3600"}},
			{"unreadable is no wish", []string{"Contact: " + one + ";expires=soon", "Expires: whenever"}, "", 200, []string{one + ";expires=3600"}},
		}},
		{"what cannot be", []step{
			{"* with other contacts", []string{"Contact: *, " + one, "Expires: 0"}, "", 400, nil},
			{"* without Expires", []string{"Contact: *"}, "", 400, nil},
			{"* that stays", []string{"Contact: *", "Expires: 60"}, "", 400, nil},
			{"no SIP address", []string{"Contact: <mailto:alice@example.com>"}, "", 400, nil},
			{"q above one", []string{"Contact: " + one + ";q=1.5"}, "", 400, nil},
			{"q that is none", []string{"Contact: " + one + ";q=NaN"}, "", 400, nil},
			{"of another user", []string{"Contact: " + one}, "bob", 403, nil},
			{"of nobody", []string{"Contact: " + one}, "mallory", 403, nil},
			{"too many at once", []string{"Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>"}, "", 403, nil},
			{"an extension", []string{"Contact: " + one, "Require: outer-space"}, "", 420, nil},
			{"nothing was kept", nil, "", 200, []string{}},
		}},
		{"the newest contacts stay", []step{
			{"three", []string{"Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>", "Expires: 60"}, "", 200, nil},
			{"a fourth", []string{"Contact: <sip:4@h>;expires=60"}, "", 200, []string{"<sip:4@h>;expires=60", "<sip:3@h>;expires=60", "<sip:2@h>;expires=60"}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := phonesConfig()
			u := startUA(t, cfg, nil)
			p := newLoginPeer(t, u, "alice", "wonder land")
			for _, s := range c.steps {
				user := s.user
				if user == "" {
					user = "alice"
				}
				res := p.register(user, s.lines...)
				if codeIn(res) != s.want {
					t.Fatalf("%s: %q, want %d", s.name, res, s.want)
				}
				if got := contactsIn(res); s.contacts != nil && !slices.Equal(got, s.contacts) {
					t.Errorf("%s: contacts %q, want %q", s.name, got, s.contacts)
				}
				if s.want == 423 && headerOf(res, "Min-Expires") != "60" {
					t.Errorf("%s: %q", s.name, res)
				}
			}
		})
	}
}

func TestOlderRegistrationDoesNotUndoANewerOne(t *testing.T) {
	u := startUA(t, phonesConfig(), nil)
	p := newLoginPeer(t, u, "alice", "wonder land")
	const contact = "Contact: <sip:alice@192.0.2.1>"
	p.seq = 10
	if res := p.register("alice", contact); codeIn(res) != 200 {
		t.Fatal(res)
	}
	for _, lines := range [][]string{{contact + ";expires=0"}, {"Contact: *", "Expires: 0"}} {
		p.seq = 1
		if res := p.register("alice", lines...); codeIn(res) != 500 {
			t.Errorf("%q: %q", lines, res)
		}
	}
	p.seq, p.callID = 1, newTag() // a phone that has begun anew
	if res := p.register("alice", contact+";expires=0"); codeIn(res) != 200 || len(contactsIn(res)) != 0 {
		t.Error(res)
	}
}

func TestRegisterElsewhereIsNotFound(t *testing.T) {
	u := startUA(t, phonesConfig(), nil)
	p := newLoginPeer(t, u, "alice", "wonder land")
	const uri = "sip:elsewhere.example"
	challenged := p.ask(p.request("REGISTER", uri, "alice"))
	res := p.ask(p.request("REGISTER", uri, "alice", p.credentials(challenged, "REGISTER", uri, "SHA-256", 1)))
	if codeIn(res) != 404 {
		t.Error(res)
	}
}

// What a listener names itself is an address of ours, where phones register.
func TestRegisterAtWhatAListenerAdvertises(t *testing.T) {
	cfg := phonesConfig()
	cfg.Listen = []string{"udp://127.0.0.1:0?advertise=pbx.example.net:5070", "tcp://127.0.0.1:0?advertise=203.0.113.5"}
	u := startUA(t, cfg, nil)
	p := newLoginPeer(t, u, "alice", "wonder land")
	for uri, want := range map[string]int{
		"sip:PBX.example.net:5070": 200, "sip:203.0.113.5": 200, "sip:203.0.113.6": 404, "sip:auto": 404,
	} {
		challenged := p.ask(p.request("REGISTER", uri, "alice"))
		res := p.ask(p.request("REGISTER", uri, "alice", p.credentials(challenged, "REGISTER", uri, "SHA-256", 1)))
		if codeIn(res) != want {
			t.Errorf("%s: %s", uri, res)
		}
	}
}

func TestWithoutPhonesThereIsNoRegistrar(t *testing.T) {
	u := startUA(t, Config{}, nil)
	p := newLoginPeer(t, u, "alice", "wonder land")
	if res := p.ask(p.request("REGISTER", "sip:example.com", "alice", "Contact: <sip:alice@192.0.2.1>")); codeIn(res) != 405 {
		t.Error(res)
	}
}

func TestRegistrationsEndWithTheirTime(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	r := &registrar{cfg: RegistrarConfig{}.withDefaults(), now: func() time.Time { return now }, contacts: map[string][]*binding{}}
	f := &flow{to: netip.MustParseAddrPort("192.0.2.9:5060"), sock: &udpSocket{}}
	want := registration{callID: "1", cseq: 1, contacts: []*binding{
		{id: "a", flow: f, expires: time.Time{}.Add(time.Minute)}, {id: "b", flow: f, expires: time.Time{}.Add(time.Hour)},
	}}
	if ref := r.update("alice", want); ref != nil {
		t.Fatal(ref)
	}
	for _, s := range []struct {
		after time.Duration
		want  int
	}{{0, 2}, {time.Minute - 1, 2}, {time.Minute, 1}, {time.Hour, 0}} {
		start := now
		now = now.Add(s.after)
		if n := r.count(); n != s.want {
			t.Errorf("after %v: %d contacts", s.after, n)
		}
		if n := len(r.of("alice")); n != s.want {
			t.Errorf("after %v: %d contacts found", s.after, n)
		}
		now = start
	}
	if len(r.contacts) != 0 {
		t.Error("ended contacts are kept")
	}
}

func TestRegistrationsEndWithTheirConnection(t *testing.T) {
	u := startUA(t, phonesConfig(), nil)
	nc, err := net.Dial("tcp", u.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := newLoginPeer(t, u, "alice", "wonder land")
	in := bufio.NewReader(nc)
	ask := func(msg string) string {
		if _, err := nc.Write([]byte(strings.Replace(msg, "SIP/2.0/UDP", "SIP/2.0/TCP", 1))); err != nil {
			t.Fatal(err)
		}
		_ = nc.SetReadDeadline(time.Now().Add(patience))
		var res strings.Builder
		for !strings.HasSuffix(res.String(), "\r\n\r\n") {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			res.WriteString(line)
		}
		return res.String()
	}
	const uri = "sip:example.com"
	challenged := ask(p.request("REGISTER", uri, "alice"))
	res := ask(p.request("REGISTER", uri, "alice", "Contact: <sip:alice@10.1.2.3:5060;transport=tcp>", p.credentials(challenged, "REGISTER", uri, "SHA-256", 1)))
	if codeIn(res) != 200 {
		t.Fatal(res)
	}
	list := u.Contacts("alice")
	if len(list) != 1 || list[0].Transport != "tcp" || list[0].Source.String() != nc.LocalAddr().String() {
		t.Fatalf("contacts %+v", list)
	}
	conn := u.phones.registrar.of("alice")[0].flow.conn
	nc.Close()
	select {
	case <-conn.done:
	case <-time.After(patience):
		t.Fatal("the connection is not given up")
	}
	if list := u.Contacts("alice"); len(list) != 0 {
		t.Errorf("contacts %+v", list)
	}
}

func TestPhonesThatAreGoneAreNotRegistered(t *testing.T) {
	cfg := phonesConfig()
	u := startUA(t, cfg, nil)
	for _, phone := range cfg.Access.Phones {
		p := newLoginPeer(t, u, phone.Name, phone.Password)
		if res := p.register(phone.Name, "Contact: <sip:x@192.0.2.1>"); codeIn(res) != 200 {
			t.Fatal(res)
		}
	}
	cfg.Access.Phones = cfg.Access.Phones[1:]
	u.SetAccess(cfg.Access)
	if len(u.Contacts("alice")) != 0 || len(u.Contacts("bob")) != 1 {
		t.Errorf("alice %v, bob %v", u.Contacts("alice"), u.Contacts("bob"))
	}
	cfg.Access.Phones = []Phone{{Name: "bob", Password: "builder2"}}
	u.SetAccess(cfg.Access)
	if list := u.Contacts("bob"); len(list) != 0 {
		t.Errorf("with another password: %v", list)
	}
}

// answerer is a registered phone behind NAT that speaks SIP by hand: its
// Contact names a place that does not exist.
func registeredPeer(t testing.TB, u *UA, user, password, q string) *loginPeer {
	t.Helper()
	p := newLoginPeer(t, u, user, password)
	res := p.register(user, fmt.Sprintf("Contact: <sip:%s@10.255.255.1:%s>;q=%s", user, p.addr()[strings.LastIndexByte(p.addr(), ':')+1:], q))
	if codeIn(res) != 200 {
		t.Fatal(res)
	}
	return p
}

// answer makes a response to a request out of its header fields.
func answer(req string, code int, tag, body string, lines ...string) string {
	out := []string{fmt.Sprintf("SIP/2.0 %d %s", code, reasonOf(code, ""))}
	head, _, _ := strings.Cut(req, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "via", "from", "call-id", "cseq":
			out = append(out, line)
		case "to":
			if !strings.Contains(line, "tag=") {
				line += ";tag=" + tag
			}
			out = append(out, line)
		}
	}
	return text(body, append(out, lines...)...)
}

// called is the end of a call that Invite placed.
type called struct {
	d   *Dialog
	err error
}

func invitePhone(t testing.TB, u *UA, to string) <-chan called {
	out := make(chan called, 1)
	ctx, done := context.WithTimeout(t.Context(), patience)
	t.Cleanup(done)
	go func() {
		d, err := u.Invite(ctx, InviteRequest{To: to, From: "service", SDP: testSDP("offer")}, func(Progress) {})
		out <- called{d, err}
	}()
	return out
}

func TestPhonesRing(t *testing.T) {
	sdpType := "Content-Type: application/sdp"
	t.Run("all contacts, and the first answer wins", func(t *testing.T) {
		u := startUA(t, phonesConfig(), nil)
		one := registeredPeer(t, u, "alice", "wonder land", "0.5")
		two := registeredPeer(t, u, "alice", "wonder land", "1")
		call := invitePhone(t, u, "sip:alice@example.com")
		first, second := one.expect("INVITE"), two.expect("INVITE")
		if !strings.HasPrefix(first, "INVITE sip:alice@10.255.255.1:") || headerOf(first, "To") != "<sip:alice@example.com>" {
			t.Errorf("INVITE %q", first)
		}
		one.send(answer(first, 180, "one", ""))
		two.send(answer(second, 180, "two", ""))
		one.send(answer(first, 200, "one", string(testSDP("one")), sdpType, "Contact: <sip:alice@10.255.255.1>"))
		if got := one.expect("ACK"); !strings.HasPrefix(got, "ACK sip:alice@10.255.255.1 ") {
			t.Errorf("ACK %q", got)
		}
		cancelled := two.expect("CANCEL")
		two.send(answer(cancelled, 200, "two", ""))
		two.send(answer(second, 487, "two", ""))
		two.expect("ACK")
		c := <-call
		if c.err != nil {
			t.Fatal(c.err)
		}
		if got := owner0(c.d.RemoteBody()); got != "one" {
			t.Errorf("answered by %q", got)
		}
		hangUp := make(chan error, 1)
		go func() { hangUp <- c.d.Bye(t.Context()) }()
		one.send(answer(one.expect("BYE"), 200, "one", ""))
		if err := <-hangUp; err != nil {
			t.Error(err)
		}
	})
	t.Run("two answer at once, one is hung up", func(t *testing.T) {
		u := startUA(t, phonesConfig(), nil)
		peers := []*loginPeer{registeredPeer(t, u, "alice", "wonder land", "1"), registeredPeer(t, u, "alice", "wonder land", "1")}
		call := invitePhone(t, u, "sip:alice@example.com")
		invites := []string{peers[0].expect("INVITE"), peers[1].expect("INVITE")}
		for i, p := range peers {
			p.send(answer(invites[i], 200, "x", string(testSDP("x")), sdpType, "Contact: <sip:alice@10.255.255.1>"))
		}
		for _, p := range peers {
			p.expect("ACK")
		}
		c := <-call
		if c.err != nil {
			t.Fatal(c.err)
		}
		done := make(chan struct{})
		go func() { defer close(done); _ = c.d.Bye(t.Context()) }()
		for _, p := range peers {
			p.send(answer(p.expect("BYE"), 200, "x", ""))
		}
		<-done
		emptied(t, u)
	})
	for _, c := range []struct {
		name  string
		codes []int
		want  int
	}{
		{"busy says more than not there", []int{480, 486, 404}, 486},
		{"declined for all", []int{0, 603, 0}, 603},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := startUA(t, phonesConfig(), nil)
			var peers []*loginPeer
			for range c.codes {
				peers = append(peers, registeredPeer(t, u, "alice", "wonder land", "1"))
			}
			call := invitePhone(t, u, "sip:alice@"+u.Addrs()[0].String())
			invites := make([]string, len(peers))
			for i, p := range peers {
				invites[i] = p.expect("INVITE")
				p.send(answer(invites[i], 180, "x", ""))
			}
			for i, p := range peers {
				if c.codes[i] != 0 {
					p.send(answer(invites[i], c.codes[i], "x", ""))
				}
			}
			for i, p := range peers {
				if c.codes[i] == 0 {
					p.send(answer(p.expect("CANCEL"), 200, "x", ""))
					p.send(answer(invites[i], 487, "x", ""))
				}
			}
			got := <-call
			if status, ok := errors.AsType[*StatusError](got.err); !ok || status.Code != c.want {
				t.Errorf("got %v, want %d", got.err, c.want)
			}
		})
	}
}

func TestPhonesThatCannotRing(t *testing.T) {
	u := startUA(t, phonesConfig(), nil)
	for _, c := range []struct {
		name, to string
		want     int
	}{
		{"not registered", "sip:alice@example.com", 480},
		{"not registered, by address", "sip:alice@" + u.Addrs()[0].String(), 480},
		{"nobody at our domain", "sip:mallory@example.com", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := <-invitePhone(t, u, c.to)
			if status, ok := errors.AsType[*StatusError](got.err); !ok || status.Code != c.want {
				t.Errorf("got %v, want %d", got.err, c.want)
			}
			if _, err := u.LocalAddr(t.Context(), c.to); err == nil {
				t.Error("there is a way to it")
			}
		})
	}
}

func TestAPhoneIsNoWayToAnotherPhone(t *testing.T) {
	u := startUA(t, phonesConfig(), nil) // its services are none: 404
	bob := registeredPeer(t, u, "bob", "builder", "1")
	other := startUA(t, Config{}, nil)
	_, err := other.Invite(t.Context(), InviteRequest{
		To: "sip:bob@" + u.Addrs()[0].String(), From: "alice", SDP: testSDP("offer"), Username: "alice", Password: "wonder land",
	}, nil)
	if status, ok := errors.AsType[*StatusError](err); !ok || status.Code != 404 {
		t.Errorf("got %v", err)
	}
	if got := bob.read(50 * time.Millisecond); got != "" {
		t.Errorf("bob was sent %q", got)
	}
}

// TestPhonesAreCalledTheWayTheyCame: a user agent registers by each transport
// and is called back, over the connection there is.
func TestPhonesAreCalledTheWayTheyCame(t *testing.T) {
	for _, transport := range []string{"udp", "tcp", "ws"} {
		t.Run(transport, func(t *testing.T) {
			cfg := phonesConfig()
			cfg.Listen = []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0", "ws://127.0.0.1:0"}
			cfg.Listen = slices.DeleteFunc(cfg.Listen, func(l string) bool { return !strings.HasPrefix(l, transport) })
			u := startUA(t, cfg, nil)
			far := newAnswering()
			listen := []string{"udp://127.0.0.1:0"}
			phone := startUA(t, Config{Listen: listen}, far.handle)
			server := u.Addrs()[0].String()
			ctx, done := context.WithTimeout(t.Context(), patience)
			defer done()
			request := RegisterRequest{
				Registrar: "sip:" + server + ";transport=" + transport, Address: "sip:bob@" + server,
				Expires: time.Minute, Digest: NewDigest("bob", "builder"), Thread: &Thread{},
			}
			granted, err := phone.Register(ctx, request)
			if err != nil || granted.Expires != time.Minute {
				t.Fatalf("Register: %+v, %v", granted, err)
			}
			if list := u.Contacts("bob"); len(list) != 1 || list[0].Transport != transport {
				t.Fatalf("contacts %+v", list)
			}
			d := dial(t, u, "sip:bob@example.com")
			if got := far.next(t).Invitation().Transport; got != transport {
				t.Errorf("called by %s", got)
			}
			bye(t, d)
			request.Expires = 0
			if _, err := phone.Register(ctx, request); err != nil || len(u.Contacts("bob")) != 0 {
				t.Errorf("unregister: %v, %+v", err, u.Contacts("bob"))
			}
		})
	}
}
