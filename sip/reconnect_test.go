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

// A phone that is at several places is not taken for one that has come back.
func TestComingBack(t *testing.T) {
	u := startUA(t, phonesConfig(), nil)
	p := newLoginPeer(t, u, "alice", "wonder land")
	at := func(uri string) string {
		parsed := mustURI(t, uri)
		b := u.phones.registrar.back("alice", &parsed)
		if b == nil {
			return ""
		}
		return b.uri.Host
	}
	if got := at("sip:alice@192.0.2.1"); got != "" {
		t.Errorf("one that is nowhere has come back to %s", got)
	}
	if res := p.register("alice", "Contact: <sip:alice@192.0.2.1>"); !strings.HasPrefix(res, "SIP/2.0 200") {
		t.Fatal(res)
	}
	if got := at("sip:alice@192.0.2.9:4000"); got != "192.0.2.1" {
		t.Errorf("come back to %q, want its only place", got)
	}
	if res := p.register("alice", "Contact: <sip:alice@192.0.2.2>"); !strings.HasPrefix(res, "SIP/2.0 200") {
		t.Fatal(res)
	}
	for uri, want := range map[string]string{"sip:alice@192.0.2.9:4000": "", "sip:%61lice@192.0.2.1": "192.0.2.1", "sip:alice@192.0.2.2": "192.0.2.2"} {
		if got := at(uri); got != want {
			t.Errorf("%s: come back to %q, want %q", uri, got, want)
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
	p := &loginPeer{rawPeer: b.rawPeer, user: "alice", password: "wonder land", callID: newTag()}
	const uri = "sip:example.com"
	b.said(p.request("REGISTER", uri, "alice"))
	challenged := b.expectWS("401 REGISTER")
	b.said(p.request("REGISTER", uri, "alice", "Contact: <sip:alice@"+b.addr()+">", p.credentials(challenged, "REGISTER", uri, "SHA-256", 1)))
	b.expectWS("200 REGISTER")
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
