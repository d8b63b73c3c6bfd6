package sip

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// timedConfig has session intervals that pass a hundred times as fast.
func timedConfig(f func(string, int) bool) (Config, *tap) {
	ear := &tap{drop: f}
	timers := shortTimers
	timers.second = 10 * time.Millisecond
	return Config{Timers: timers, Filter: ear.filter}, ear
}

// awaitCount waits until a UA has seen n messages of a kind.
func (f *tap) awaitCount(t testing.TB, kind string, n int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); f.count(kind) < n; {
		if time.Now().After(end) {
			t.Fatalf("%d of %q, want %d", f.count(kind), kind, n)
		}
		<-tick.C
	}
}

func TestSessionIsRefreshedByUpdate(t *testing.T) {
	tests := []struct {
		name       string
		alice, bob time.Duration // asked for
	}{
		{"the caller asks", 90 * time.Second, 0},
		{"the callee asks, the caller refreshes", 0, 90 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, virtually(func(t *testing.T) {
			a := newAnswering()
			bc, heard := timedConfig(nil)
			bc.SessionExpires = tt.bob
			bob := startUA(t, bc, a.handle)
			ac, _ := timedConfig(nil)
			ac.SessionExpires = tt.alice
			alice := startUA(t, ac, nil)
			out := dial(t, alice, target(bob, "udp"))
			in := a.next(t)
			a.session.expect(t, "ack")
			heard.awaitCount(t, "UPDATE", 3)
			a.session.silent(t) // the session is as it was
			if out.Err() != nil || in.Err() != nil {
				t.Fatalf("the call ended: %v, %v", out.Err(), in.Err())
			}
			bye(t, out)
			ended(t, in, ErrRemoteBye)
			emptied(t, bob)
		}))
	}
}

// A caller that takes no UPDATE gets a re-INVITE with our session description
// as it was, so that its answer can be as it was.
func TestSessionIsRefreshedByReinvite(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		cfg, _ := timedConfig(nil)
		u := startUA(t, cfg, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("refresh", 1, testSDP("offer"), "Session-Expires: 90", "Allow: INVITE, ACK, BYE"))
		ok := p.expect("200 INVITE")
		if got := headerOf(ok, "Session-Expires"); got != "90;refresher=uas" {
			t.Errorf("Session-Expires %q", got)
		}
		if got := headerOf(ok, "Require"); got != "" {
			t.Errorf("Require %q of a caller that knows no timer", got)
		}
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		for range 2 {
			re := p.expect("INVITE")
			if !strings.HasSuffix(re, string(testSDP("answer"))) {
				t.Errorf("the session changed: %s", re)
			}
			if got := headerOf(re, "Supported"); !strings.Contains(got, "timer") || strings.Contains(got, "100rel") {
				t.Errorf("Supported %q", got)
			}
			if got := headerOf(re, "Session-Expires"); got != "90;refresher=uac" {
				t.Errorf("Session-Expires %q", got)
			}
			p.send(p.answerTo(re, testSDP("offer"), "Session-Expires: 90;refresher=uac", "Require: timer"))
			p.expect("ACK")
		}
		a.session.silent(t)
		p.send(p.within(ok, "BYE", 2, nil))
		p.expect("200 BYE")
	})(t)
}

// reanswering is a Session that hears of changed answers to refreshes.
type reanswering struct{ *sessionLog }

func (s reanswering) Reanswered(answer []byte) { s.events <- "reanswered " + owner0(answer) }

func TestRefreshTellsOfAnotherAnswer(t *testing.T) {
	virtually(func(t *testing.T) {
		log := newSessionLog()
		cfg, _ := timedConfig(nil)
		u := startUA(t, cfg, func(_ context.Context, d *Dialog) {
			d.SetSession(reanswering{log})
			_ = d.Answer(testSDP("answer"))
			<-d.Ended()
		})
		p := newRawPeer(t, u)
		p.send(p.invite("moved", 1, testSDP("offer"), "Session-Expires: 90"))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		log.expect(t, "ack")
		p.send(p.answerTo(p.expect("INVITE"), testSDP("elsewhere"), "Session-Expires: 90;refresher=uac"))
		log.expect(t, "reanswered elsewhere")
		p.send(p.within(ok, "BYE", 2, nil))
		p.expect("200 BYE")
	})(t)
}

func TestSessionWithoutRefreshIsHungUp(t *testing.T) {
	t.Run("the caller was to refresh", virtually(func(t *testing.T) {
		a := newAnswering()
		cfg, _ := timedConfig(nil)
		u := startUA(t, cfg, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("silent", 1, testSDP("offer"), "Session-Expires: 90;refresher=uac", "Supported: timer"))
		ok := p.expect("200 INVITE")
		if got := headerOf(ok, "Session-Expires"); got != "90;refresher=uac" || headerOf(ok, "Require") != "timer" {
			t.Errorf("Session-Expires %q, Require %q", got, headerOf(ok, "Require"))
		}
		p.send(p.within(ok, "ACK", 1, nil))
		start := time.Now()
		m := p.expect("BYE")
		if took := time.Since(start); took != 600*time.Millisecond { // 90 s less a third
			t.Errorf("hung up after %v", took)
		}
		if !strings.Contains(headerOf(m, "Reason"), "408") {
			t.Errorf("Reason %q", headerOf(m, "Reason"))
		}
		p.reply(m, 200)
		ended(t, a.next(t), ErrExpired)
		emptied(t, u)
	}))
	t.Run("refreshes are refused", virtually(func(t *testing.T) {
		a := newAnswering()
		cfg, _ := timedConfig(nil)
		u := startUA(t, cfg, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("refused", 1, testSDP("offer"), "Session-Expires: 90", "Allow: UPDATE"))
		p.send(p.within(p.expect("200 INVITE"), "ACK", 1, nil))
		for {
			m := p.read(patience)
			if kindOf([]byte(m)) == "BYE" {
				p.reply(m, 200)
				break
			}
			p.reply(m, 500)
		}
		ended(t, a.next(t), ErrExpired)
	}))
	t.Run("the far end has lost the call", virtually(func(t *testing.T) {
		a := newAnswering()
		cfg, _ := timedConfig(nil)
		u := startUA(t, cfg, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("lost", 1, testSDP("offer"), "Session-Expires: 90", "Allow: UPDATE"))
		p.send(p.within(p.expect("200 INVITE"), "ACK", 1, nil))
		p.reply(p.expect("UPDATE"), 481)
		p.reply(p.expect("BYE"), 481)
		ended(t, a.next(t), ErrTransport)
	}))
}

// A refresh of the far end keeps the call, with whatever request it comes, and
// may end the timer.
func TestRefreshOfTheFarEndIsTaken(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		cfg, _ := timedConfig(nil)
		u := startUA(t, cfg, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("refreshing", 1, testSDP("offer"), "Session-Expires: 90;refresher=uac", "Supported: timer"))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		p.send(p.within(ok, "UPDATE", 2, nil, "Session-Expires: 100;refresher=uac", "Supported: timer"))
		if got := headerOf(p.expect("200 UPDATE"), "Session-Expires"); got != "100;refresher=uac" {
			t.Errorf("Session-Expires %q", got)
		}
		p.send(p.within(ok, "INVITE", 3, testSDP("same"), "Session-Expires: 90;refresher=uac", "Supported: timer"))
		if got := headerOf(p.expect("200 INVITE"), "Session-Expires"); got != "90;refresher=uac" {
			t.Errorf("Session-Expires %q", got)
		}
		p.send(p.within(ok, "ACK", 3, nil))
		p.send(p.within(ok, "UPDATE", 4, nil, "Session-Expires: 60", "Supported: timer"))
		if got := headerOf(p.expect("422 UPDATE"), "Min-SE"); got != "90" {
			t.Errorf("Min-SE %q", got)
		}
		p.send(p.within(ok, "UPDATE", 5, nil, "Supported: timer"))
		if got := headerOf(p.expect("200 UPDATE"), "Session-Expires"); got != "" {
			t.Errorf("Session-Expires %q", got)
		}
		if m := p.read(time.Second); m != "" { // an interval and more: the timer is off
			t.Errorf("unexpected %s", m)
		}
		p.send(p.within(ok, "BYE", 6, nil))
		p.expect("200 BYE")
	})(t)
}

func TestShortSessionIntervalIsRefused(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Extensions: Extensions{MinSE: 2 * time.Minute}}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("short", 1, testSDP("offer"), "Session-Expires: 100", "Supported: timer"))
		if got := headerOf(p.expect("422 INVITE"), "Min-SE"); got != "120" {
			t.Errorf("Min-SE %q", got)
		}
		p.send(p.invite("nonsense", 1, testSDP("offer"), "Session-Expires: soon"))
		p.expect("400 INVITE")
	})(t)
}

// A 422 is answered with a longer interval, a second one with a still longer.
func TestLongerSessionIntervalIsTried(t *testing.T) {
	virtually(func(t *testing.T) {
		cfg, _ := timedConfig(nil)
		cfg.SessionExpires = 90 * time.Second
		u := startUA(t, cfg, nil)
		p := newRawPeer(t, nil)
		p.from(u)
		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()
		errs := make(chan error, 1)
		go func() {
			d, err := u.Invite(ctx, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer")}, nil)
			if err == nil {
				err = d.Bye(ctx)
			}
			errs <- err
		}()
		want := []struct{ expires, least, reply string }{{"90", "", "Min-SE: 200"}, {"200", "200", "Min-SE: 300"}, {"300", "300", ""}}
		for _, w := range want {
			inv := p.expect("INVITE")
			if headerOf(inv, "Session-Expires") != w.expires || headerOf(inv, "Min-SE") != w.least || !strings.Contains(headerOf(inv, "Supported"), "timer") {
				t.Errorf("Session-Expires %q, Min-SE %q, Supported %q", headerOf(inv, "Session-Expires"), headerOf(inv, "Min-SE"), headerOf(inv, "Supported"))
			}
			if w.reply != "" {
				p.reply(inv, 422, w.reply)
				p.expect("ACK")
				continue
			}
			p.send(p.answerTo(inv, testSDP("answer"), "Session-Expires: 300;refresher=uas", "Require: timer"))
		}
		p.expect("ACK")
		p.reply(p.expect("BYE"), 200)
		if err := <-errs; err != nil {
			t.Fatal(err)
		}

		// A 422 that asks for nothing new is a refusal.
		go func() {
			_, err := u.Invite(ctx, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer")}, nil)
			errs <- err
		}()
		p.reply(p.expect("INVITE"), 422, "Min-SE: 90")
		if e, ok := errors.AsType[*StatusError](<-errs); !ok || e.Code != 422 {
			t.Errorf("got %v", e)
		}
	})(t)
}

// A 2xx to a refresh that cannot be read leaves the interval as it was.
func TestRefreshGoesOnAfterAnUnreadableInterval(t *testing.T) {
	virtually(func(t *testing.T) {
		timers := shortTimers
		timers.second = 10 * time.Millisecond
		_, p, c := calling(t, Config{Timers: timers, Extensions: Extensions{SessionExpires: 90 * time.Second}})
		allow := "Allow: UPDATE"
		p.send(p.answerTo(p.expect("INVITE"), testSDP("answer"), allow, "Session-Expires: 90;refresher=uac", "Require: timer"))
		p.expect("ACK")
		d := c.answered()
		for range 3 {
			p.send(p.answerTo(p.expect("UPDATE"), nil, allow, "Session-Expires: soon"))
		}
		go func() { p.reply(p.expect("BYE"), 200) }()
		bye(t, d)
	})(t)
}

// answerTo is a 200 to a request of ours, with the tag "peer".
func (p *rawPeer) answerTo(req string, sdp []byte, extra ...string) string {
	return p.responseTo(req, 200, "peer", sdp, extra...)
}

// responseTo is a response to a request of ours that makes a dialog.
func (p *rawPeer) responseTo(req string, code int, tag string, sdp []byte, extra ...string) string {
	to := headerOf(req, "To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=" + tag
	}
	lines := append([]string{
		"SIP/2.0 " + strconv.Itoa(code) + " " + reasonOf(code, ""),
		"Via: " + headerOf(req, "Via"), "From: " + headerOf(req, "From"), "To: " + to,
		"Call-ID: " + headerOf(req, "Call-ID"), "CSeq: " + headerOf(req, "CSeq"),
		"Contact: <sip:" + tag + "@" + p.addr() + ">",
	}, extra...)
	if sdp != nil {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return text(string(sdp), lines...)
}

// A change of the session that is refused for its interval is made with a longer
// one, RFC 4028 §7.3, and not given up.
func TestLongerSessionIntervalIsTriedWithinACall(t *testing.T) {
	for method, change := range map[string]func(*Dialog, context.Context, []byte) ([]byte, error){
		"INVITE": (*Dialog).Reinvite, "UPDATE": (*Dialog).Update,
	} {
		t.Run(method, virtually(func(t *testing.T) {
			_, p, c := calling(t, Config{Extensions: Extensions{SessionExpires: 90 * time.Second}})
			p.send(p.answerTo(p.expect("INVITE"), testSDP("answer"), "Session-Expires: 90;refresher=uac", "Require: timer"))
			p.expect("ACK")
			d := c.answered()
			got := make(chan string, 1)
			go func() {
				answer, err := change(d, t.Context(), testSDP("hold"))
				got <- fmt.Sprint(owner0(answer), err)
			}()
			p.reply(p.expect(method), 422, "Min-SE: 200")
			again := p.expect(method)
			if e := headerOf(again, "Session-Expires"); e != "200;refresher=uac" {
				t.Errorf("Session-Expires %q", e)
			}
			p.send(p.answerTo(again, testSDP("held"), "Session-Expires: 200;refresher=uac", "Require: timer"))
			if s := <-got; s != "held<nil>" {
				t.Errorf("got %s", s)
			}
			go func() { p.reply(p.expect("BYE"), 200) }()
			bye(t, d)
		}))
	}
}
