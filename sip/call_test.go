package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// networks are the ways a call can take.
var networks = []struct{ name, listen, transport string }{
	{"udp4", "udp://127.0.0.1:0", "udp"},
	{"tcp4", "tcp://127.0.0.1:0", "tcp"},
	{"udp6", "udp://[::1]:0", "udp"},
	{"tcp6", "tcp://[::1]:0", "tcp"},
}

func TestCall(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, virtually(func(t *testing.T) {
			a := newAnswering()
			bob := startUA(t, Config{Listen: []string{n.listen}}, a.handle)
			alice := startUA(t, Config{Listen: []string{n.listen}}, nil)
			out := dial(t, alice, target(bob, n.transport))
			in := a.next(t)
			a.session.expect(t, "ack")
			if got := owner0(out.RemoteBody()); got != "answer" {
				t.Errorf("answer %q", got)
			}
			inv := in.Invitation()
			if inv.From.User != "alice" || inv.RequestURI.User != "bob" || inv.Transport != n.transport ||
				owner0(inv.Offer) != "offer" || !inv.LocalAddr.IsLoopback() || !inv.RemoteAddr.Addr().IsLoopback() {
				t.Errorf("invitation %+v", inv)
			}
			if bob.Active() != 1 || alice.Active() != 1 {
				t.Errorf("%d and %d dialogs, want 1 and 1", bob.Active(), alice.Active())
			}
			bye(t, out)
			ended(t, out, ErrLocalBye)
			ended(t, in, ErrRemoteBye)
			emptied(t, bob)
			emptied(t, alice)
		}))
	}
}

func TestCalleeHangsUp(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, virtually(func(t *testing.T) {
			a := newAnswering()
			bob := startUA(t, Config{Listen: []string{n.listen}}, a.handle)
			alice := startUA(t, Config{Listen: []string{n.listen}}, nil)
			out := dial(t, alice, target(bob, n.transport))
			bye(t, a.next(t))
			ended(t, out, ErrRemoteBye)
			emptied(t, bob)
			emptied(t, alice)
		}))
	}
}

func TestProgress(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		bob := startUA(t, Config{}, func(ctx context.Context, d *Dialog) {
			if err := d.Progress(180, "", nil); err != nil {
				t.Error(err)
			}
			if err := d.Progress(183, "Early Media", testSDP("early")); err != nil {
				t.Error(err)
			}
			a.handle(ctx, d)
			if err := d.Progress(180, "", nil); !errors.Is(err, ErrEnded) {
				t.Errorf("Progress after the end: %v", err)
			}
		})
		alice := startUA(t, Config{}, nil)
		var got []Progress
		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()
		d, err := alice.Invite(ctx, InviteRequest{To: target(bob, "udp"), SDP: testSDP("offer")}, func(p Progress) { got = append(got, p) })
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].Code != 180 || got[1].Code != 183 || got[1].Reason != "Early Media" || owner0(got[1].Body) != "early" {
			t.Errorf("progress %v", got)
		}
		bye(t, d)
		emptied(t, bob)
	})(t)
}

// A call that is long without an answer says so every minute: proxies give it up
// after three, RFC 3261 §13.3.1.1.
func TestProgressIsRepeatedEveryMinute(t *testing.T) {
	for _, mode := range []string{"Supported: 100rel", "Require: 100rel"} {
		virtually(func(t *testing.T) {
			answer := make(chan struct{})
			u := startUA(t, Config{}, func(_ context.Context, d *Dialog) {
				_ = d.Progress(183, "", testSDP("early"))
				select {
				case <-answer:
					_ = d.Answer(testSDP("early"))
				case <-d.Ended():
				}
				<-d.Ended()
			})
			p := newRawPeer(t, u)
			p.send(p.invite("queue", 1, testSDP("offer"), mode))
			p.expect("100 INVITE")
			began := time.Now()
			for i := range 4 {
				m := p.read(2 * patience)
				if kindOf([]byte(m)) != "183 INVITE" {
					t.Fatalf("response %d: %q", i, m)
				}
				if got, want := time.Since(began), time.Duration(i)*time.Minute; got != want {
					t.Errorf("response %d came after %v, want %v", i, got, want)
				}
				if strings.HasPrefix(mode, "Require") {
					p.send(p.prackOf(m, 2+i, nil))
					p.expect("200 PRACK")
				}
			}
			close(answer)
			ok := p.expect("200 INVITE")
			p.send(p.within(ok, "ACK", 1, nil))
			if m := p.read(2 * time.Minute); m != "" {
				t.Errorf("after the answer came %s", m)
			}
		})(t)
	}
}

// A phone that has registered is reached by the way it takes, also after it has
// sent a re-INVITE whose Contact leads nowhere.
func TestWayToAPhoneStaysItsOwn(t *testing.T) {
	at := netip.MustParseAddrPort("192.0.2.1:5060")
	p := &peer{flow: &flow{to: at, pinned: true}}
	contact := sipgo.Uri{Scheme: "sip", User: "anna", Host: "phone.invalid.test"}
	moved := &flow{to: netip.AddrPortFrom(at.Addr(), 5062)}
	p.refresh(&sipgo.ContactHeader{Address: contact}, &sipgo.ViaHeader{Host: contact.Host}, moved)
	if f, err := p.way(t.Context(), contact); err != nil || f != moved {
		t.Errorf("way %v, %v", f, err)
	}
}

// clumsy is a Session that fails.
type clumsy struct{ *sessionLog }

func (clumsy) Reoffer(string, []byte) ([]byte, error) { panic("no") }

// A request whose handling fails is answered all the same, and the call goes on.
func TestFailureWithinACallIsAnswered(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers, Logger: slog.New(slog.DiscardHandler)}, func(_ context.Context, d *Dialog) {
			d.SetSession(clumsy{a.session})
			_ = d.Answer(testSDP("answer"))
			a.calls <- d
			<-d.Ended()
		})
		p := newRawPeer(t, u)
		p.send(p.invite("clumsy", 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		p.send(p.within(ok, "UPDATE", 2, testSDP("x")))
		p.expect("500 UPDATE")
		again := p.within(ok, "INVITE", 3, testSDP("x"))
		p.send(again)
		p.expect("500 INVITE")
		p.send(strings.ReplaceAll(again, "INVITE sip", "ACK sip"))
		p.hangUp(a.next(t), ok, 4)
	})(t)
}

func TestLateOffer(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		bob := startUA(t, Config{}, a.handle)
		alice := startUA(t, Config{}, nil)
		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()
		d, err := alice.Invite(ctx, InviteRequest{To: target(bob, "udp"), Answer: func(offer []byte) ([]byte, error) {
			if owner0(offer) != "answer" {
				t.Errorf("offer in the 2xx %q", owner0(offer))
			}
			return testSDP("late"), nil
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if in := a.next(t); in.Invitation().Offer != nil {
			t.Error("the INVITE had an offer")
		}
		a.session.expect(t, "ack late")
		bye(t, d)
		emptied(t, bob)
	})(t)
}

func TestReject(t *testing.T) {
	tests := []struct {
		name string
		h    Handler
		code int
		want StatusError
	}{
		{"with headers", func(_ context.Context, d *Dialog) {
			_ = d.Reject(503, "Later", Header{"Retry-After", "7"})
		}, 503, StatusError{Code: 503, Reason: "Later", RetryAfter: 7 * time.Second}},
		{"busy", func(_ context.Context, d *Dialog) { _ = d.Reject(486, "") }, 486, StatusError{Code: 486, Reason: "Busy Here"}},
		{"handler returns", func(context.Context, *Dialog) {}, 480, StatusError{Code: 480, Reason: "Temporarily Unavailable"}},
		{"handler panics", func(context.Context, *Dialog) { panic("test") }, 480, StatusError{Code: 480, Reason: "Temporarily Unavailable"}},
		{"bye before answer", func(ctx context.Context, d *Dialog) { _ = d.Bye(ctx) }, 603, StatusError{Code: 603, Reason: "Decline"}},
	}
	for _, tt := range tests {
		for _, transport := range []string{"udp", "tcp"} {
			t.Run(tt.name+" "+transport, func(t *testing.T) {
				bob := startUA(t, Config{}, tt.h)
				alice := startUA(t, Config{}, nil)
				_, err := alice.Invite(t.Context(), InviteRequest{To: target(bob, transport), SDP: testSDP("offer")}, nil)
				got, ok := errors.AsType[*StatusError](err)
				if !ok || *got != tt.want {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
				emptied(t, bob)
				emptied(t, alice)
			})
		}
	}
}

func TestReinvite(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		bob := startUA(t, Config{Timers: shortTimers}, a.handle)
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		out := dial(t, alice, target(bob, "udp"))
		in := a.next(t)
		a.session.expect(t, "ack")
		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()

		answer, err := out.Reinvite(ctx, testSDP("hold"))
		if err != nil || owner0(answer) != "re-answer" {
			t.Fatalf("Reinvite: %q, %v", answer, err)
		}
		a.session.expect(t, "offer hold")
		a.session.expect(t, "ack")

		// The other way.
		s := newSessionLog()
		out.SetSession(s)
		if answer, err = in.Reinvite(ctx, testSDP("back")); err != nil || owner0(answer) != "re-answer" {
			t.Fatalf("Reinvite: %q, %v", answer, err)
		}
		s.expect(t, "offer back")
		s.expect(t, "ack")

		a.session.refuse(&StatusError{Code: 606, RetryAfter: 3 * time.Second})
		_, err = out.Reinvite(ctx, testSDP("bad"))
		if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != 606 || e.RetryAfter != 3*time.Second {
			t.Fatalf("refused re-INVITE: %v", err)
		}
		a.session.expect(t, "offer bad")
		a.session.refuse(errors.New("no"))
		_, err = out.Reinvite(ctx, testSDP("bad"))
		if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != 488 {
			t.Fatalf("refused re-INVITE: %v", err)
		}
		a.session.expect(t, "offer bad")
		bye(t, out)
		if _, err := out.Reinvite(ctx, testSDP("x")); !errors.Is(err, ErrEnded) {
			t.Errorf("re-INVITE after the end: %v", err)
		}
	})(t)
}

// Both sides change the session at once: both get through in the end.
func TestReinviteGlare(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		bob := startUA(t, Config{Timers: shortTimers}, a.handle)
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		out := dial(t, alice, target(bob, "udp"))
		s := newSessionLog()
		out.SetSession(s)
		in := a.next(t)
		a.session.expect(t, "ack")
		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()
		errs := make(chan error, 2)
		for _, d := range []*Dialog{out, in} {
			go func() {
				_, err := d.Reinvite(ctx, testSDP("glare"))
				errs <- err
			}()
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		s.expect(t, "offer glare")
		a.session.expect(t, "offer glare")
		bye(t, out)
	})(t)
}

func TestInfo(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			a := newAnswering()
			bob := startUA(t, Config{}, a.handle)
			alice := startUA(t, Config{}, nil)
			out := dial(t, alice, target(bob, transport))
			a.session.expect(t, "ack")
			ctx, done := context.WithTimeout(t.Context(), patience)
			defer done()
			for _, digit := range []string{"1", "2", "3"} {
				if err := out.Info(ctx, "application/dtmf-relay", []byte("Signal="+digit)); err != nil {
					t.Fatal(err)
				}
				a.session.expect(t, "info application/dtmf-relay Signal="+digit)
			}
			a.session.refuse(errors.New("no"))
			err := out.Info(ctx, "application/x", []byte("?"))
			if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != 415 {
				t.Fatalf("refused INFO: %v", err)
			}
			bye(t, out)
			if err := out.Info(ctx, "application/dtmf", []byte("1")); !errors.Is(err, ErrEnded) {
				t.Errorf("INFO after the end: %v", err)
			}
		})
	}
}

func TestDrainRefusesNewCallsOnly(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		bob := startUA(t, Config{}, a.handle)
		alice := startUA(t, Config{}, nil)
		out := dial(t, alice, target(bob, "udp"))
		a.session.expect(t, "ack")
		bob.Drain(30 * time.Second)
		_, err := alice.Invite(t.Context(), InviteRequest{To: target(bob, "udp"), SDP: testSDP("offer")}, nil)
		if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != 503 || e.RetryAfter != 30*time.Second {
			t.Fatalf("draining: %v", err)
		}
		p := newRawPeer(t, bob)
		p.send(strings.Join(plain(p, "OPTIONS"), "\r\n") + "\r\n\r\n")
		if m := p.expect("503 OPTIONS"); headerOf(m, "Retry-After") != "30" {
			t.Errorf("Retry-After %q", headerOf(m, "Retry-After"))
		}
		if _, err := out.Reinvite(t.Context(), testSDP("hold")); err != nil {
			t.Errorf("re-INVITE while draining: %v", err)
		}
		bye(t, out)
	})(t)
}

func TestMaxDialogsRefusesTheNext(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		bob := startUA(t, Config{MaxDialogs: 1, RetryAfter: 9 * time.Second}, a.handle)
		alice := startUA(t, Config{}, nil)
		out := dial(t, alice, target(bob, "udp"))
		_, err := alice.Invite(t.Context(), InviteRequest{To: target(bob, "udp"), SDP: testSDP("offer")}, nil)
		if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != 503 || e.RetryAfter != 9*time.Second {
			t.Fatalf("full: %v", err)
		}
		bye(t, out)
		emptied(t, bob)
		bye(t, dial(t, alice, target(bob, "udp")))
	})(t)
}

func TestCloseHangsUp(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		bob := startUA(t, Config{}, a.handle)
		alice := startUA(t, Config{}, nil)
		out := dial(t, alice, target(bob, "udp"))
		in := a.next(t)
		a.session.expect(t, "ack")
		if err := bob.Close(); err != nil {
			t.Fatal(err)
		}
		ended(t, in, ErrLocalBye)
		ended(t, out, ErrRemoteBye)
		if _, err := bob.Invite(t.Context(), InviteRequest{To: target(alice, "udp"), SDP: testSDP("x")}, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Invite after Close: %v", err)
		}
	})(t)
}

func TestHostNamesAndOtherFromAddresses(t *testing.T) {
	a := newAnswering()
	bob := startUA(t, Config{}, a.handle)
	alice := startUA(t, Config{}, nil)
	port := bob.Addrs()[0].(*net.UDPAddr).Port
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	if _, err := alice.Invite(ctx, InviteRequest{
		To: fmt.Sprintf("sip:room@localhost:%d", port), From: "sip:+44 20@example.com", SDP: testSDP("x"),
	}, nil); !errors.Is(err, ErrBadURI) {
		t.Fatalf("a From with a space: %v", err)
	}
	d, err := alice.Invite(ctx, InviteRequest{
		To: fmt.Sprintf("sip:room@localhost:%d", port), From: "sip:+4420@example.com", DisplayName: `A "B"`, SDP: testSDP("x"),
		Headers: []Header{{"X-One", "a\r\nX-Two: b"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := a.next(t).Invitation()
	if in.From.URI != "sip:+4420@example.com" || in.From.Display != `A "B"` || in.To.User != "room" || in.Header("X-Two") != "" {
		t.Errorf("%+v", in)
	}
	bye(t, d)
	// By a proxy: the address says nothing about the way.
	d, err = alice.Invite(ctx, InviteRequest{To: "sip:room@unknown.invalid", Proxy: bob.Addrs()[0].String(), SDP: testSDP("x")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if in := a.next(t).Invitation(); in.RequestURI.Host != "unknown.invalid" {
		t.Errorf("%+v", in)
	}
	bye(t, d)
}

func TestListenNamesTheAddressInUse(t *testing.T) {
	u := startUA(t, Config{}, nil)
	for i, network := range []string{"udp", "tcp"} {
		addr := network + "://" + u.Addrs()[i].String()
		v, err := New(Config{Listen: []string{addr}})
		if err != nil {
			t.Fatal(err)
		}
		err = v.Listen()
		e, ok := errors.AsType[*ListenError](err)
		if !ok || e.Addr != addr || !strings.Contains(err.Error(), addr) {
			t.Errorf("got %v, want the address %s", err, addr)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
}
