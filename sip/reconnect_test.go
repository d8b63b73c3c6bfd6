package sip

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// A phone whose connection has ended in a call is reached by the one that it has
// opened since (RFC 5626 §5.3): it has registered anew, or said something in the call.
func TestPhonesAreReachedAfterTheyHaveComeBack(t *testing.T) {
	for name, c := range map[string]struct {
		listen   string
		comeBack func(ctx context.Context, phone *UA, again RegisterRequest, d *Dialog) error
	}{
		"by TCP, registered":        {"tcp", registersAgain},
		"by WebSocket registered":   {"ws", registersAgain},
		"by TCP, in the call":       {"tcp", saysSomething},
		"by WebSocket, in the call": {"ws", saysSomething},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := phonesConfig()
			cfg.Listen = []string{c.listen + "://127.0.0.1:0"}
			u := startUA(t, cfg, nil)
			far := newAnswering()
			phone := startUA(t, Config{Listen: []string{"udp://127.0.0.1:0"}}, far.handle)
			server := u.Addrs()[0].String()
			ctx, done := context.WithTimeout(t.Context(), patience)
			defer done()
			request := RegisterRequest{
				Registrar: "sip:" + server + ";transport=" + c.listen, Address: "sip:bob@" + server,
				Expires: time.Minute, Digest: NewDigest("bob", "builder"), Thread: &Thread{},
			}
			if _, err := phone.Register(ctx, request); err != nil {
				t.Fatal(err)
			}
			session := newSessionLog()
			d := dial(t, u, "sip:bob@example.com")
			d.SetSession(session)
			atPhone := far.next(t)
			far.session.expect(t, "ack")
			old := d.peer.conn()
			old.close()
			for _, conn := range phone.streams.list() {
				<-conn.done
			}
			if err := c.comeBack(ctx, phone, request, atPhone); err != nil {
				t.Fatal(err)
			}
			if err := d.Info(ctx, "application/dtmf", []byte("5")); err != nil {
				t.Errorf("INFO: %v", err)
			}
			bye(t, d)
			ended(t, atPhone, ErrRemoteBye)
		})
	}
}

func registersAgain(ctx context.Context, phone *UA, again RegisterRequest, _ *Dialog) error {
	_, err := phone.Register(ctx, again)
	return err
}

func saysSomething(ctx context.Context, _ *UA, _ RegisterRequest, d *Dialog) error {
	return d.Info(ctx, "application/dtmf", []byte("1"))
}

// A phone has come back to where its dialog goes, or to its only place if that is a
// connection that was not there when the dialog began.
func TestComingBack(t *testing.T) {
	began := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	before, since := began.Add(-time.Minute), began.Add(time.Minute)
	tcp, udp := &flow{conn: &streamConn{done: make(chan struct{})}}, &flow{sock: &udpSocket{}}
	type registered struct {
		uri  string
		flow *flow
		at   []time.Time // it is refreshed at all but the first
	}
	for name, tt := range map[string]struct {
		list   []registered
		target string
		want   string // host, "" = it has not come back
	}{
		"nowhere":                            {nil, "sip:a@192.0.2.1", ""},
		"the same place":                     {[]registered{{"sip:a@192.0.2.1", tcp, []time.Time{since}}}, "sip:%61@192.0.2.1", "192.0.2.1"},
		"the same place, there all the time": {[]registered{{"sip:a@192.0.2.1", udp, []time.Time{before}}}, "sip:a@192.0.2.1", "192.0.2.1"},
		"the same of two": {
			[]registered{{"sip:a@192.0.2.1", udp, []time.Time{before}}, {"sip:a@192.0.2.2", tcp, []time.Time{since}}},
			"sip:a@192.0.2.2", "192.0.2.2",
		},
		"another, new":                {[]registered{{"sip:a@192.0.2.1", tcp, []time.Time{since}}}, "sip:a@192.0.2.9:4000", "192.0.2.1"},
		"another, when it began":      {[]registered{{"sip:a@192.0.2.1", tcp, []time.Time{began}}}, "sip:a@192.0.2.9:4000", ""},
		"another, only refreshed":     {[]registered{{"sip:a@192.0.2.1", tcp, []time.Time{before, since}}}, "sip:a@192.0.2.9:4000", ""},
		"another, without connection": {[]registered{{"sip:a@192.0.2.1", udp, []time.Time{since}}}, "sip:a@192.0.2.9:4000", ""},
		"one of two": {
			[]registered{{"sip:a@192.0.2.1", udp, []time.Time{before}}, {"sip:a@192.0.2.2", tcp, []time.Time{since}}},
			"sip:a@192.0.2.9:4000", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var now time.Time
			r := &registrar{cfg: RegistrarConfig{}.withDefaults(), now: func() time.Time { return now }, contacts: map[string][]*binding{}}
			cseq := uint32(0)
			for _, at := range tt.list {
				uri := mustURI(t, at.uri)
				for _, now = range at.at {
					cseq++
					b := &binding{uri: uri, id: comparable0(&uri), flow: at.flow, expires: time.Time{}.Add(time.Hour), callID: "1", cseq: cseq}
					if ref := r.update("a", registration{callID: "1", cseq: cseq, contacts: []*binding{b}}); ref != nil {
						t.Fatal(ref)
					}
				}
			}
			now = since.Add(time.Second)
			target, got := mustURI(t, tt.target), ""
			if b := r.back("a", &target, began); b != nil {
				got = b.uri.Host
			}
			if got != tt.want {
				t.Errorf("come back to %q, want %q", got, tt.want)
			}
		})
	}
}

// What is for a phone whose connection has ended does not go to another device of the
// same user: that would refuse it with 481, and the call be over.
func TestAnotherDeviceIsNotTheOneThatHasGone(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			cfg := phonesConfig()
			cfg.Listen = []string{"ws://127.0.0.1:0", "udp://127.0.0.1:0", "tcp://127.0.0.1:0"}
			u := startUA(t, cfg, nil)
			heard := &tap{}
			desk := startUA(t, Config{Listen: []string{"udp://127.0.0.1:0"}, Filter: heard.filter}, nil) // refuses all calls
			ctx, done := context.WithTimeout(t.Context(), patience)
			defer done()
			registers := func() RegisterRequest {
				server := strings.TrimPrefix(target(u, transport), "sip:bob@")
				return RegisterRequest{
					Registrar: "sip:" + server, Address: "sip:bob@" + server,
					Expires: time.Minute, Digest: NewDigest("bob", "builder"), Thread: &Thread{},
				}
			}()
			register := func() {
				t.Helper()
				if _, err := desk.Register(ctx, registers); err != nil {
					t.Fatal(err)
				}
			}
			register()
			web := registeredBrowser(t, u)
			d := web.isCalled(u)
			register()
			_ = web.ws.Close()
			<-d.peer.conn().done
			if list := u.Contacts("bob"); len(list) != 1 || list[0].Transport != transport {
				t.Fatalf("contacts %+v", list)
			}
			if err := d.Info(ctx, "application/dtmf", []byte("5")); !errors.Is(err, ErrTransport) {
				t.Errorf("INFO to nobody: %v", err)
			}
			if n := heard.count("INFO"); n != 0 || d.Err() != nil {
				t.Fatalf("%d INFO came to another device; %v", n, d.Err())
			}
			web = registeredBrowser(t, u)
			told := make(chan error, 1)
			go func() { told <- d.Info(ctx, "application/dtmf", []byte("6")) }()
			web.said(web.answerTo(web.expectWS("INFO"), nil))
			if err := <-told; err != nil {
				t.Errorf("INFO: %v", err)
			}
			go func() { told <- d.Bye(ctx) }()
			web.said(web.answerTo(web.expectWS("BYE"), nil))
			if err := <-told; err != nil {
				t.Errorf("BYE: %v", err)
			}
		})
	}
}

// registeredBrowser is a browser at which bob has registered, always with the same Contact.
func registeredBrowser(t *testing.T, u *UA) *browser {
	t.Helper()
	b := newBrowser(t, u)
	b.registers("bob", "builder", "peer")
	return b
}

// registers has a phone log in at the browser and register with a Contact of that user.
func (b *browser) registers(user, password, contact string) {
	b.t.Helper()
	p := &loginPeer{rawPeer: b.rawPeer, user: user, password: password, callID: newTag()}
	const uri = "sip:example.com"
	b.said(p.request("REGISTER", uri, user))
	challenged := b.expectWS("401 REGISTER")
	b.said(p.request("REGISTER", uri, user, "Contact: <sip:"+contact+"@"+b.addr()+">", p.credentials(challenged, "REGISTER", uri, "SHA-256", 1)))
	b.expectWS("200 REGISTER")
}

// isCalled calls bob, whose browser answers.
func (b *browser) isCalled(u *UA) *Dialog {
	b.t.Helper()
	made := make(chan *Dialog, 1)
	go func() { made <- dial(b.t, u, "sip:bob@example.com") }()
	b.said(b.answerTo(b.expectWS("INVITE"), testSDP("answer")))
	b.expectWS("ACK")
	return <-made
}

// A request that goes by a proxy goes there, wherever the phone is registered.
func TestRoutesCountMoreThanRegistrations(t *testing.T) {
	cfg := phonesConfig()
	cfg.Listen = []string{"ws://127.0.0.1:0", "udp://127.0.0.1:0"}
	u := startUA(t, cfg, nil)
	registeredBrowser(t, u)
	gone := &streamConn{done: make(chan struct{}), transport: viaWS}
	close(gone.done)
	p := &peer{ua: u, flow: &flow{ua: u, conn: gone}, phone: "bob", target: u.phones.registrar.of("bob")[0].uri}
	proxy := mustURI(t, "sip:127.0.0.1:5070;transport=udp;lr")
	for _, routed := range []bool{false, true} {
		if routed {
			p.routes = append(p.routes, proxy)
		}
		f, err := p.way(t.Context(), proxy)
		if err != nil {
			t.Fatal(err)
		}
		if byProxy := f.to.Port() == 5070; byProxy != routed {
			t.Errorf("routed: %v, to %v", routed, f.to)
		}
	}
}

// A phone that is not there any more, though its connection has not ended, is called
// once in vain: then its registration is over, and it is known not to be there.
func TestPhonesThatAreSilentAreNotRegistered(t *testing.T) {
	cfg := phonesConfig()
	cfg.Timers, cfg.Listen = shortTimers, []string{"ws://127.0.0.1:0"}
	u := startUA(t, cfg, nil)
	b := newBrowser(t, u)
	b.registers("alice", "wonder land", "alice")
	r := InviteRequest{To: "sip:alice@example.com", SDP: testSDP("offer")}
	if _, err := u.Invite(t.Context(), r, nil); !errors.Is(err, ErrTimeout) {
		t.Errorf("first call: %v", err)
	}
	if list := u.Contacts("alice"); len(list) != 0 {
		t.Errorf("contacts %+v", list)
	}
	_, err := u.Invite(t.Context(), r, nil)
	if status, ok := errors.AsType[*StatusError](err); !ok || status.Code != codeUnavailable {
		t.Errorf("second call: %v, want 480", err)
	}
}
