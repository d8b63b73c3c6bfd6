package sip

import (
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

// first drops the first n messages of a kind.
func first(kind string, n int) func(string, int) bool {
	return func(k string, i int) bool { return k == kind && i <= n }
}

func TestLostMessages(t *testing.T) {
	tests := []struct {
		name         string
		alice, bob   func(string, int) bool // dropped on arrival
		kind         string                 // counted at the side that drops
		atLeast      int
		wantSessions []string
	}{
		{name: "the ACK twice: the 200 comes again, and the ACK", bob: first("ACK", 2), kind: "ACK", atLeast: 3, wantSessions: []string{"ack"}},
		{name: "the 200 twice", alice: first("200 INVITE", 2), kind: "200 INVITE", atLeast: 3, wantSessions: []string{"ack"}},
		{name: "the INVITE once", bob: first("INVITE", 1), kind: "INVITE", atLeast: 2, wantSessions: []string{"ack"}},
		{name: "the response to BYE", alice: first("200 BYE", 1), kind: "200 BYE", atLeast: 2, wantSessions: []string{"ack"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, virtually(func(t *testing.T) {
			at, bt := &tap{drop: tt.alice}, &tap{drop: tt.bob}
			a := newAnswering()
			bob := startUA(t, Config{Timers: shortTimers, Filter: bt.filter}, a.handle)
			alice := startUA(t, Config{Timers: shortTimers, Filter: at.filter}, nil)
			out := dial(t, alice, target(bob, "udp"))
			in := a.next(t)
			for _, e := range tt.wantSessions {
				a.session.expect(t, e)
			}
			bye(t, out)
			ended(t, in, ErrRemoteBye)
			a.session.silent(t)
			n := at.count(tt.kind)
			if tt.bob != nil {
				n = bt.count(tt.kind)
			}
			if n < tt.atLeast {
				t.Errorf("%d of %q, want %d or more", n, tt.kind, tt.atLeast)
			}
			emptied(t, bob)
		}))
	}
}

// The 200 is repeated after T1, then twice as long each time up to T2.
func TestAnswerIsRepeatedAsTheRFCSays(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		timers := Timers{T1: 40 * time.Millisecond, T2: 160 * time.Millisecond, NoACK: 700 * time.Millisecond}
		u := startUA(t, Config{Timers: timers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("repeat", 1, testSDP("offer")))
		p.expect("200 INVITE")
		var at []time.Duration
		start := time.Now()
		for {
			m := p.read(patience)
			if kindOf([]byte(m)) == "BYE" {
				p.reply(m, 200)
				break
			}
			at = append(at, time.Since(start))
		}
		want := []time.Duration{40 * time.Millisecond, 120 * time.Millisecond, 280 * time.Millisecond, 440 * time.Millisecond, 600 * time.Millisecond}
		if !slices.Equal(at, want) {
			t.Errorf("repeated at %v, want %v", at, want)
		}
		ended(t, a.next(t), ErrNoACK)
	})(t)
}

func TestNoACKEverEndsTheCallWithBye(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			bt := &tap{drop: func(kind string, _ int) bool { return kind == "ACK" }}
			a := newAnswering()
			timers := shortTimers
			timers.NoACK = 300 * time.Millisecond
			bob := startUA(t, Config{Timers: timers, Filter: bt.filter}, a.handle)
			alice := startUA(t, Config{Timers: shortTimers}, nil)
			out := dial(t, alice, target(bob, transport))
			ended(t, a.next(t), ErrNoACK)
			ended(t, out, ErrRemoteBye)
			a.session.silent(t)
			emptied(t, bob)
		})
	}
}

// A BYE of ours must wait for the ACK, RFC 3261 §15; the end does not.
func TestByeWaitsForTheACK(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("wait", 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		d := a.next(t)
		done := make(chan error, 1)
		go func() { done <- d.Bye(context.Background()) }()
		ended(t, d, ErrLocalBye)
		p.expect("200 INVITE") // still repeated
		p.send(p.within(ok, "ACK", 1, nil))
		m := p.expect("BYE")
		p.reply(m, 200)
		if err := <-done; err != nil {
			t.Error(err)
		}
		emptied(t, u)
	})(t)
}

func TestByeBeforeACK(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("early bye", 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		d := a.next(t)
		p.send(p.within(ok, "BYE", 2, nil))
		p.expect("200 BYE")
		ended(t, d, ErrRemoteBye)
		emptied(t, u)
		p.send(p.within(ok, "ACK", 1, nil)) // absorbed
		p.send(p.within(ok, "BYE", 3, nil))
		p.expect("481 BYE")
		a.session.silent(t)
	})(t)
}

// A re-INVITE overtakes the ACK of the INVITE: it is taken for one.
func TestReinviteBeforeACK(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("overtaken", 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "INVITE", 2, testSDP("hold")))
		p.send(p.within(ok, "ACK", 1, nil))
		re := p.expect("200 INVITE")
		for headerOf(re, "CSeq") != "2 INVITE" {
			re = p.expect("200 INVITE")
		}
		p.send(p.within(ok, "ACK", 2, nil))
		a.session.expect(t, "ack")
		a.session.expect(t, "offer hold")
		a.session.expect(t, "ack")
		// Late and repeated ones are absorbed.
		for range 3 {
			p.send(p.within(ok, "ACK", 1, nil))
			p.send(p.within(ok, "ACK", 2, nil))
		}
		p.send(p.within(ok, "BYE", 3, nil))
		p.expect("200 BYE")
		ended(t, a.next(t), ErrRemoteBye)
		a.session.silent(t)
	})(t)
}

func TestCancel(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			rings := make(chan *Dialog, 1)
			bob := startUA(t, Config{}, func(ctx context.Context, d *Dialog) {
				_ = d.Progress(180, "", nil)
				rings <- d
				<-ctx.Done()
				if !errors.Is(context.Cause(ctx), ErrCancelled) {
					t.Errorf("handler's context ended with %v", context.Cause(ctx))
				}
				if err := d.Answer(testSDP("late")); !errors.Is(err, ErrEnded) || !errors.Is(err, ErrCancelled) {
					t.Errorf("Answer after CANCEL: %v", err)
				}
			})
			at := &tap{}
			alice := startUA(t, Config{Filter: at.filter}, nil)
			why := errors.New("changed my mind")
			ctx, cancel := context.WithCancelCause(t.Context())
			_, err := alice.Invite(ctx, InviteRequest{To: target(bob, transport), SDP: testSDP("offer")}, func(p Progress) {
				if p.Code == 180 {
					cancel(why)
				}
			})
			if !errors.Is(err, why) {
				t.Fatalf("Invite: %v", err)
			}
			ended(t, <-rings, ErrCancelled)
			emptied(t, bob)
			emptied(t, alice)
			// A stream delivers several at once.
			if transport == "udp" && (at.count("200 CANCEL") != 1 || at.count("487 INVITE") != 1) {
				t.Errorf("%v", at.seen)
			}
		})
	}
}

// The answer and the CANCEL cross: the call that nobody wants is hung up.
func TestAnswerCrossesCancel(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		timers := shortTimers
		// Bob never hears the CANCEL, and answers.
		bt := &tap{drop: func(kind string, _ int) bool { return kind == "CANCEL" }}
		cancelled := make(chan struct{})
		bob := startUA(t, Config{Timers: timers, Filter: bt.filter}, func(ctx context.Context, d *Dialog) {
			_ = d.Progress(180, "", nil)
			<-cancelled
			a.handle(ctx, d)
		})
		alice := startUA(t, Config{Timers: timers}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := alice.Invite(ctx, InviteRequest{To: target(bob, "udp"), SDP: testSDP("offer")}, func(Progress) { cancel() })
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		close(cancelled)
		ended(t, a.next(t), ErrRemoteBye)
		a.session.expect(t, "ack")
		emptied(t, bob)
	})(t)
}

// Before a provisional response there is nothing to cancel; it waits.
func TestCancelWaitsForAProvisionalResponse(t *testing.T) {
	virtually(func(t *testing.T) {
		p := newRawPeer(t, nil)
		alice := startUA(t, Config{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := alice.Invite(ctx, InviteRequest{To: "sip:x@" + p.addr(), SDP: testSDP("offer")}, nil)
			result <- err
		}()
		p.from(alice)
		inv := p.expect("INVITE")
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if m := p.read(50 * time.Millisecond); kindOf([]byte(m)) == "CANCEL" {
			t.Fatal("CANCEL before a provisional response")
		}
		p.reply(inv, 180)
		c := p.expect("CANCEL")
		if headerOf(c, "Via") != headerOf(inv, "Via") || headerOf(c, "CSeq") != "1 CANCEL" {
			t.Errorf("CANCEL\n%s", c)
		}
		p.reply(c, 200)
		p.reply(inv, 487)
		p.expect("ACK")
		emptied(t, alice)
	})(t)
}

func TestForkedAnswersAreHungUp(t *testing.T) {
	virtually(func(t *testing.T) {
		p := newRawPeer(t, nil)
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		p.from(alice)
		got := make(chan *Dialog, 1)
		go func() { got <- dial(t, alice, "sip:x@"+p.addr()) }()
		inv := p.expect("INVITE")
		contact := "Contact: <sip:fork@" + p.addr() + ">"
		p.replyTag(inv, 200, "one", contact)
		if ack := p.expect("ACK"); !strings.Contains(headerOf(ack, "To"), "tag=one") {
			t.Errorf("ACK\n%s", ack)
		}
		d := <-got
		for _, fork := range []string{"two", "three"} {
			p.replyTag(inv, 200, fork, contact)
			if ack := p.expect("ACK"); !strings.Contains(headerOf(ack, "To"), "tag="+fork) {
				t.Errorf("ACK\n%s", ack)
			}
			b := p.expect("BYE")
			if !strings.Contains(headerOf(b, "To"), "tag="+fork) {
				t.Errorf("BYE\n%s", b)
			}
			p.reply(b, 200)
		}
		// The first is still alive, and its repeated 200 gets its ACK again.
		p.replyTag(inv, 200, "one", contact)
		if ack := p.expect("ACK"); !strings.Contains(headerOf(ack, "To"), "tag=one") || !strings.HasPrefix(ack, "ACK sip:fork@") {
			t.Errorf("ACK\n%s", ack)
		}
		if d.Err() != nil {
			t.Errorf("the call has ended: %v", d.Err())
		}
		go func() { p.reply(p.expect("BYE"), 200) }()
		bye(t, d)
		// After its end as well.
		p.replyTag(inv, 200, "four", contact)
		p.expect("ACK")
		p.reply(p.expect("BYE"), 200)
	})(t)
}

// An answer of another branch is hung up as well when the first has answered and
// hung up itself, RFC 3261 §13.2.2.4.
func TestForkedAnswerAfterTheEndIsHungUp(t *testing.T) {
	virtually(func(t *testing.T) {
		p := newRawPeer(t, nil)
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		p.from(alice)
		got := make(chan *Dialog, 1)
		go func() { got <- dial(t, alice, "sip:x@"+p.addr()) }()
		inv := p.expect("INVITE")
		contact := "Contact: <sip:fork@" + p.addr() + ">"
		p.replyTag(inv, 200, "one", contact)
		ack := p.expect("ACK")
		d := <-got
		p.send(p.callee(ack, "BYE", 1, nil))
		p.expect("200 BYE")
		ended(t, d, ErrRemoteBye)
		emptied(t, alice)
		p.replyTag(inv, 200, "two", contact)
		if ack := p.expect("ACK"); !strings.Contains(headerOf(ack, "To"), "tag=two") {
			t.Errorf("ACK\n%s", ack)
		}
		p.reply(p.expect("BYE"), 200)
	})(t)
}

// An ACK that found no way is sent when the 2xx comes again and there is one.
func TestACKThatFoundNoWayIsSentLater(t *testing.T) {
	z := newZone(t)
	alice := resolving(t, z)
	p := newRawPeer(t, alice)
	c := placing(t, alice, InviteRequest{To: "sip:x@" + p.addr(), SDP: testSDP("offer")})
	inv := p.expect("INVITE")
	contact := fmt.Sprintf("Contact: <sip:x@moving.test:%d>", portOf(t, p.addr()))
	p.reply(inv, 200, contact)
	d := c.answered()
	z.a("moving.test", "127.0.0.1")
	p.reply(inv, 200, contact)
	if ack := p.expect("ACK"); !strings.HasPrefix(ack, "ACK sip:x@moving.test") || strings.Count(ack, "Via:") != 1 {
		t.Errorf("ACK\n%s", ack)
	}
	go func() { p.reply(p.expect("BYE"), 200) }()
	bye(t, d)
}

// A failure in what makes the answer ends the call, and nobody waits for ever.
func TestFailureWhileAnAnswerIsHandledEndsTheCall(t *testing.T) {
	virtually(func(t *testing.T) {
		p := newRawPeer(t, nil)
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		p.from(alice)
		c := placing(t, alice, InviteRequest{To: "sip:x@" + p.addr(), Answer: func([]byte) ([]byte, error) { panic("no") }})
		p.send(p.answerTo(p.expect("INVITE"), testSDP("offer")))
		p.reply(p.expect("BYE"), 200)
		if <-c.done; c.err == nil {
			t.Error("answered")
		}
		emptied(t, alice)
	})(t)
}

// The end of the user agent does not wait for somebody who is told of progress.
func TestInviteReturnsWhenTheUserAgentIsGone(t *testing.T) {
	virtually(func(t *testing.T) {
		p := newRawPeer(t, nil)
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		p.from(alice)
		done, hears, told := make(chan error, 1), make(chan struct{}), make(chan struct{})
		go func() {
			_, err := alice.Invite(t.Context(), InviteRequest{To: "sip:x@" + p.addr(), SDP: testSDP("offer")}, func(Progress) {
				close(hears)
				<-told
			})
			done <- err
		}()
		p.reply(p.expect("INVITE"), 180)
		<-hears
		if err := alice.Close(); err != nil {
			t.Error(err)
		}
		close(told)
		select {
		case err := <-done:
			if err == nil {
				t.Error("answered")
			}
		case <-time.After(patience):
			t.Fatal("Invite still waits")
		}
	})(t)
}

func TestNoResponseIsErrTimeout(t *testing.T) {
	virtually(func(t *testing.T) {
		p := newRawPeer(t, nil)
		timers := Timers{T1: 5 * time.Millisecond}
		alice := startUA(t, Config{Timers: timers}, nil)
		_, err := alice.Invite(t.Context(), InviteRequest{To: "sip:x@" + p.addr(), SDP: testSDP("offer")}, nil)
		if !errors.Is(err, ErrTimeout) {
			t.Fatalf("got %v", err)
		}
		emptied(t, alice)
	})(t)
}

func TestNoConnectionIsErrTransport(t *testing.T) {
	alice := startUA(t, Config{}, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, err = alice.Invite(t.Context(), InviteRequest{To: "sip:x@" + addr + ";transport=tcp", SDP: testSDP("offer")}, nil)
	if !errors.Is(err, ErrTransport) {
		t.Fatalf("got %v", err)
	}
	if _, err = alice.Invite(t.Context(), InviteRequest{To: "sip:x@[::1]", SDP: testSDP("offer")}, nil); !errors.Is(err, ErrTransport) {
		t.Fatalf("got %v", err)
	}
	for _, uri := range []string{"", "sip:", "mailto:x@y", "sip:x@y z", "sips:x@y", "sip:x@y\r\nEvil: 1"} {
		if _, err = alice.Invite(t.Context(), InviteRequest{To: uri, SDP: testSDP("offer")}, nil); err == nil {
			t.Errorf("%q was dialled", uri)
		}
	}
}

// A CANCEL that comes after the answer is answered and changes nothing.
func TestCancelAfterAnswerHasNoEffect(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		inv := p.invite("late cancel", 1, testSDP("offer"))
		p.send(inv)
		ok := p.expect("200 INVITE")
		p.send(strings.Replace(strings.Replace(inv, "INVITE sip", "CANCEL sip", 1), "1 INVITE", "1 CANCEL", 1))
		if m := p.expect("200 CANCEL"); headerOf(m, "To") != headerOf(ok, "To") {
			t.Errorf("To %q, want %q", headerOf(m, "To"), headerOf(ok, "To"))
		}
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		if err := a.next(t).Err(); err != nil {
			t.Errorf("the call has ended: %v", err)
		}
		p.send(p.within(ok, "BYE", 2, nil))
		p.expect("200 BYE")
	})(t)
}

// A re-INVITE whose caller does not wait is cancelled; the call goes on.
func TestReinviteIsWithdrawn(t *testing.T) {
	virtually(func(t *testing.T) {
		p := newRawPeer(t, nil)
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		p.from(alice)
		got := make(chan *Dialog, 1)
		go func() { got <- dial(t, alice, "sip:x@"+p.addr()) }()
		contact := "Contact: <sip:x@" + p.addr() + ">"
		p.reply(p.expect("INVITE"), 200, contact)
		p.expect("ACK")
		d := <-got
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 1)
		go func() {
			_, err := d.Reinvite(ctx, testSDP("hold"))
			errs <- err
		}()
		inv := p.expect("INVITE")
		p.reply(inv, 100)
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		// While it is under way an offer of theirs must wait.
		c := p.expect("CANCEL")
		p.send(p.callee(inv, "INVITE", 5, testSDP("theirs")))
		m := p.expect("491 INVITE")
		p.send(p.callee(m, "ACK", 5, nil))
		p.reply(c, 200)
		p.reply(inv, 487)
		p.expect("ACK")
		p.reply(inv, 487) // the ACK was lost
		p.expect("ACK")
		go func() {
			again := p.expect("INVITE")
			p.reply(again, 200, contact)
		}()
		if _, err := d.Reinvite(t.Context(), testSDP("again")); err != nil {
			t.Error(err)
		}
		p.expect("ACK")
		go func() { p.reply(p.expect("BYE"), 200) }()
		bye(t, d)
	})(t)
}

// callee is a request of the far end in a dialog that the UA has started; m is
// any message of that dialog.
func (p *rawPeer) callee(m, method string, cseq int, sdp []byte) string {
	from, to := headerOf(m, "From"), headerOf(m, "To")
	if !strings.HasPrefix(m, "SIP/2.0") {
		from, to = to, from
	}
	lines := []string{
		method + " sip:x@" + p.to.String() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + p.addr() + fmt.Sprintf(";branch=z9hG4bKcallee%d", cseq),
		"From: " + from, "To: " + to, "Call-ID: " + headerOf(m, "Call-ID"), fmt.Sprintf("CSeq: %d %s", cseq, method),
		"Contact: <sip:x@" + p.addr() + ">", "Max-Forwards: 70",
	}
	if sdp != nil {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return text(string(sdp), lines...)
}

// After the first ACK a BYE does not wait for that of a re-INVITE.
func TestByeDoesNotWaitForTheACKOfAReinvite(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("no wait", 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		p.send(p.within(ok, "INVITE", 2, testSDP("hold")))
		a.session.expect(t, "ack")
		a.session.expect(t, "offer hold")
		p.expect("200 INVITE")
		d := a.next(t)
		go func() { p.reply(p.expect("BYE"), 200) }()
		bye(t, d)
	})(t)
}

// invite is an INVITE of this peer.
func (p *rawPeer) invite(callID string, cseq int, sdp []byte, extra ...string) string {
	lines := []string{
		"INVITE sip:bob@" + p.to.String() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + p.addr() + fmt.Sprintf(";branch=z9hG4bK%x-%d", callID, cseq),
		"From: \"Alice\" <sip:alice@" + p.addr() + ">;tag=raw",
		"To: <sip:bob@" + p.to.String() + ">",
		"Call-ID: " + strings.ReplaceAll(callID, " ", "-"),
		fmt.Sprintf("CSeq: %d INVITE", cseq),
		"Contact: <sip:alice@" + p.addr() + ">",
		"Max-Forwards: 70",
	}
	lines = append(lines, extra...)
	if sdp != nil {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return text(string(sdp), lines...)
}

// within is a request in the dialog that a response to our INVITE has made.
func (p *rawPeer) within(ok, method string, cseq int, sdp []byte, extra ...string) string {
	contact := strings.Trim(headerOf(ok, "Contact"), "<>")
	lines := []string{
		method + " " + contact + " SIP/2.0",
		"Via: SIP/2.0/UDP " + p.addr() + fmt.Sprintf(";branch=z9hG4bK%s%s%d", headerOf(ok, "Call-ID"), method, cseq),
		"From: " + headerOf(ok, "From"),
		"To: " + headerOf(ok, "To"),
		"Call-ID: " + headerOf(ok, "Call-ID"),
		fmt.Sprintf("CSeq: %d %s", cseq, method),
		"Contact: <sip:alice@" + p.addr() + ">",
		"Max-Forwards: 70",
	}
	lines = append(lines, extra...)
	if sdp != nil {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return text(string(sdp), lines...)
}

// from makes the UA the one that replies go to.
func (p *rawPeer) from(u *UA) {
	p.to = u.Addrs()[0].(interface{ AddrPort() netip.AddrPort }).AddrPort()
}

func (p *rawPeer) reply(req string, code int, extra ...string) {
	p.replyTag(req, code, "peer", extra...)
}

func (p *rawPeer) replyTag(req string, code int, tag string, extra ...string) {
	p.t.Helper()
	to := headerOf(req, "To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=" + tag
	}
	lines := append([]string{
		fmt.Sprintf("SIP/2.0 %d %s", code, reasonOf(code, "")),
		"Via: " + headerOf(req, "Via"), "From: " + headerOf(req, "From"), "To: " + to,
		"Call-ID: " + headerOf(req, "Call-ID"), "CSeq: " + headerOf(req, "CSeq"),
	}, extra...)
	p.send(text("", lines...))
}
