package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// placed is an INVITE of ours that is on its way.
type placed struct {
	t     testing.TB
	heard chan Progress
	err   error
	d     *Dialog
	done  chan struct{}
}

// calling has a UA of its own call a raw peer, with an offer.
func calling(t testing.TB, cfg Config) (u *UA, p *rawPeer, c *placed) {
	t.Helper()
	u = startUA(t, cfg, nil)
	p = newRawPeer(t, nil)
	p.from(u)
	return u, p, placing(t, u, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer")})
}

func placing(t testing.TB, u *UA, r InviteRequest) *placed {
	t.Helper()
	c := &placed{t: t, heard: make(chan Progress, 64), done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	go func() {
		defer cancel()
		defer close(c.done)
		c.d, c.err = u.Invite(ctx, r, func(p Progress) { c.heard <- p })
	}()
	t.Cleanup(func() { <-c.done })
	return c
}

func (c *placed) progress(code int) Progress {
	c.t.Helper()
	for p := range c.heard {
		if p.Code == code {
			return p
		}
	}
	return Progress{}
}

func (c *placed) answered() *Dialog {
	c.t.Helper()
	if <-c.done; c.err != nil {
		c.t.Fatal(c.err)
	}
	return c.d
}

func reliably(n int) []string { return []string{"Require: 100rel", fmt.Sprintf("RSeq: %d", n)} }

// Three phones ring; each has its PRACK, one changes its session, one answers
// and wins, another is too late.
func TestForkedCall(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{Timers: shortTimers}, nil)
		p := newRawPeer(t, nil)
		p.from(u)
		s := newSessionLog()
		c := placing(t, u, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer"), Session: s})
		inv := p.expect("INVITE")
		if !strings.Contains(headerOf(inv, "Supported"), "100rel") || !strings.Contains(headerOf(inv, "Allow"), "PRACK") {
			t.Errorf("Supported %q, Allow %q", headerOf(inv, "Supported"), headerOf(inv, "Allow"))
		}
		p.send(p.responseTo(inv, 180, "one", nil))
		if e := c.progress(180); e.Reliable || e.Early == nil || e.Early.Tag() != "one" {
			t.Errorf("progress %+v", e)
		}
		for i, tag := range []string{"two", "three"} {
			first := 700 * (i + 1)
			p.send(p.responseTo(inv, 183, tag, testSDP("early-"+tag), reliably(first)...))
			prack := p.expect("PRACK")
			if headerOf(prack, "RAck") != fmt.Sprintf("%d 1 INVITE", first) || !strings.HasSuffix(headerOf(prack, "To"), tag) ||
				!strings.HasPrefix(prack, "PRACK sip:"+tag+"@") {
				t.Errorf("PRACK %s", prack)
			}
			p.reply(prack, 200)
			if e := c.progress(183); !e.Reliable || owner0(e.Body) != "early-"+tag || e.Early.Tag() != tag {
				t.Errorf("progress %+v", e)
			}
		}
		// A copy has its PRACK already; what overtakes another waits for it.
		p.send(p.responseTo(inv, 183, "two", testSDP("early-two"), reliably(700)...))
		p.send(p.responseTo(inv, 182, "two", nil, reliably(702)...))
		p.send(p.responseTo(inv, 181, "two", nil, reliably(701)...))
		prack := p.expect("PRACK")
		if headerOf(prack, "RAck") != "701 1 INVITE" {
			t.Errorf("RAck %q", headerOf(prack, "RAck"))
		}
		p.reply(prack, 200)
		if e := c.progress(181); e.Body != nil {
			t.Errorf("progress %+v", e)
		}
		// The early session of one may change, that of another is still open.
		p.send(p.fromCallee(inv, "two", "UPDATE", 1, testSDP("moved")))
		p.expect("200 UPDATE")
		s.expect(t, "offer moved")
		p.send(p.fromCallee(inv, "one", "UPDATE", 1, testSDP("never")))
		p.expect("491 UPDATE")
		p.send(p.fromCallee(inv, "two", "BYE", 2, nil))
		p.expect("481 BYE")
		p.send(p.fromCallee(inv, "nobody", "UPDATE", 1, nil))
		p.expect("481 UPDATE")

		p.send(p.responseTo(inv, 200, "two", nil))
		if ack := p.expect("ACK"); !strings.HasSuffix(headerOf(ack, "To"), "two") {
			t.Errorf("ACK %s", ack)
		}
		d := c.answered()
		if owner0(d.RemoteBody()) != "early-two" {
			t.Errorf("answer %q", d.RemoteBody())
		}
		// The loser is acknowledged twice, and hung up once.
		late := p.responseTo(inv, 200, "three", testSDP("x"))
		p.send(late)
		p.expect("ACK")
		lost := p.expect("BYE")
		p.reply(lost, 200)
		p.send(late)
		p.expect("ACK")
		// What the winner has sent so far counts.
		p.send(strings.Replace(p.fromCallee(inv, "two", "UPDATE", 1, nil), "branch=", "branch=z9hG4bKanother", 1))
		p.expect("500 UPDATE")
		p.send(p.fromCallee(inv, "two", "BYE", 3, nil))
		if p.expect("200 BYE"); !strings.Contains(lost, "tag=three") {
			t.Errorf("hung up: %s", lost)
		}
		ended(t, d, ErrRemoteBye)
		emptied(t, u)
	})(t)
}

// fromCallee is a request of one callee of our INVITE.
func (p *rawPeer) fromCallee(inv, tag, method string, cseq int, sdp []byte) string {
	lines := []string{
		method + " sip:mediaserver@" + p.to.String() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + p.addr() + fmt.Sprintf(";branch=z9hG4bK%s%s%s%d", headerOf(inv, "Call-ID"), tag, method, cseq),
		"From: " + headerOf(inv, "To") + ";tag=" + tag, "To: " + headerOf(inv, "From"),
		"Call-ID: " + headerOf(inv, "Call-ID"), fmt.Sprintf("CSeq: %d %s", cseq, method),
		"Contact: <sip:" + tag + "@" + p.addr() + ">", "Max-Forwards: 70",
	}
	if sdp != nil {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return text(string(sdp), lines...)
}

func TestUpdateOfAnEarlyDialog(t *testing.T) {
	virtually(func(t *testing.T) {
		u, p, c := calling(t, Config{Timers: shortTimers})
		inv := p.expect("INVITE")
		p.send(p.responseTo(inv, 180, "a", nil))
		early := c.progress(180).Early
		if _, err := early.Update(t.Context(), testSDP("x")); !errors.Is(err, ErrState) {
			t.Errorf("an offer while the first is open: %v", err)
		}
		p.send(p.responseTo(inv, 183, "a", testSDP("early"), reliably(1)...))
		p.reply(p.expect("PRACK"), 200)
		c.progress(183)
		got := make(chan string, 1)
		update := func() {
			answer, err := early.Update(t.Context(), testSDP("again"))
			got <- fmt.Sprint(owner0(answer), err)
		}
		go update()
		up := p.expect("UPDATE")
		p.send(p.fromCallee(inv, "a", "UPDATE", 1, testSDP("crossed")))
		p.expect("491 UPDATE")
		p.reply(up, 491) // it is tried again
		up = p.expect("UPDATE")
		if !strings.HasPrefix(up, "UPDATE sip:a@") {
			t.Errorf("got %s", up)
		}
		p.send(p.responseTo(up, 200, "a", testSDP("agreed")))
		if s := <-got; s != "agreed<nil>" {
			t.Errorf("Update: %s", s)
		}
		p.send(p.responseTo(inv, 200, "a", nil))
		p.expect("ACK")
		d := c.answered()
		go func() { _ = d.Bye(context.Background()) }()
		p.reply(p.expect("BYE"), 200)
		emptied(t, u)
		if _, err := early.Update(t.Context(), testSDP("x")); !errors.Is(err, ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
	})(t)
}

// Who has placed a call knows its Call-ID before anybody has rung, and of those who
// ring who it is that offers something, and that answers.
func TestDialogsOfACallAreNamed(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{Timers: shortTimers}, nil)
		p := newRawPeer(t, nil)
		p.from(u)
		s, named := newSessionLog(), make(chan string, 2)
		c := placing(t, u, InviteRequest{
			To: "sip:bob@" + p.addr(), SDP: testSDP("offer"), Session: s, Named: func(callID string) { named <- callID },
		})
		inv := p.expect("INVITE")
		if id := <-named; id == "" || !strings.Contains(inv, "\r\nCall-ID: "+id+"\r\n") {
			t.Errorf("named %q, sent %s", id, inv)
		}
		names := map[string]bool{"": true}
		for _, tag := range []string{"a", "b"} {
			p.send(p.responseTo(inv, 183, tag, testSDP(tag), reliably(1)...))
			p.reply(p.expect("PRACK"), 200)
			name := c.progress(183).Early.Name()
			p.send(p.fromCallee(inv, tag, "UPDATE", 1, testSDP("changed")))
			s.expect(t, "offer changed")
			p.expect("200 UPDATE")
			if names[name] || s.dialog != name {
				t.Errorf("%s is named %q and offers as %q", tag, name, s.dialog)
			}
			names[name] = true
		}
		p.send(p.responseTo(inv, 200, "b", nil))
		p.expect("ACK")
		d := c.answered()
		if d.Name() != s.dialog || len(named) > 0 {
			t.Errorf("%q answers, %q has offered; %d names more", d.Name(), s.dialog, len(named))
		}
		go func() { _ = d.Bye(context.Background()) }()
		p.reply(p.expect("BYE"), 200)
		emptied(t, u)
	})(t)
}

// The PRACK answers the offer that comes before the answer to a late offer; an
// offer that cannot be answered ends the call.
func TestOfferInReliableProgress(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{Timers: shortTimers}, nil)
		p := newRawPeer(t, nil)
		p.from(u)
		refused := errors.New("no")
		r := InviteRequest{To: "sip:bob@" + p.addr(), Answer: func(offer []byte) ([]byte, error) {
			if owner0(offer) == "bad" {
				return nil, refused
			}
			return testSDP("answer"), nil
		}}
		c := placing(t, u, r)
		inv := p.expect("INVITE")
		p.send(p.responseTo(inv, 183, "a", testSDP("offer"), reliably(5)...))
		prack := p.expect("PRACK")
		if !strings.HasSuffix(prack, string(testSDP("answer"))) {
			t.Errorf("got %s", prack)
		}
		p.reply(prack, 200)
		p.send(p.responseTo(inv, 200, "a", nil))
		if ack := p.expect("ACK"); strings.Contains(ack, "v=0") {
			t.Errorf("answered twice: %s", ack)
		}
		d := c.answered()
		go func() { _ = d.Bye(context.Background()) }()
		p.reply(p.expect("BYE"), 200)

		c = placing(t, u, r)
		inv = p.expect("INVITE")
		p.send(p.responseTo(inv, 183, "a", testSDP("bad"), reliably(5)...))
		p.reply(p.expect("CANCEL"), 200)
		p.reply(inv, 487)
		if <-c.done; !errors.Is(c.err, refused) {
			t.Errorf("got %v", c.err)
		}
		emptied(t, u)
	})(t)
}

// What one callee has numbered before the answer does not count for the one who
// answers.
func TestNumbersOfAForkAreItsOwn(t *testing.T) {
	virtually(func(t *testing.T) {
		u, p, c := calling(t, Config{Timers: shortTimers})
		inv := p.expect("INVITE")
		p.send(p.responseTo(inv, 180, "a", nil))
		c.progress(180)
		p.send(p.fromCallee(inv, "a", "INVITE", 100, testSDP("crossed")))
		p.expect("491 INVITE")
		p.send(p.responseTo(inv, 200, "b", testSDP("answer")))
		p.expect("ACK")
		d := c.answered()
		p.send(p.fromCallee(inv, "b", "BYE", 1, nil))
		p.expect("200 BYE")
		ended(t, d, ErrRemoteBye)
		emptied(t, u)
	})(t)
}

func TestForksAreBounded(t *testing.T) {
	virtually(func(t *testing.T) {
		_, p, c := calling(t, Config{Timers: shortTimers})
		inv := p.expect("INVITE")
		early := 0
		for i := range maxForks + 4 {
			p.send(p.responseTo(inv, 180, fmt.Sprintf("f%d", i), nil))
			if c.progress(180).Early != nil {
				early++
			}
		}
		if early != maxForks {
			t.Errorf("%d early dialogs, want %d", early, maxForks)
		}
		p.reply(inv, 486)
		if <-c.done; c.err == nil {
			t.Error("answered")
		}
	})(t)
}

// A callee that leaves our PRACKs without an answer gets no more of them.
func TestPRACKsAreBounded(t *testing.T) {
	virtually(func(t *testing.T) {
		_, p, c := calling(t, Config{Timers: Timers{T1: 100 * time.Millisecond}})
		inv := p.expect("INVITE")
		for i := range 2 * maxReliable {
			p.send(p.responseTo(inv, 183, "a", nil, reliably(i+1)...))
		}
		p.send(p.responseTo(inv, 181, "a", nil))
		n := 0
		for e := range c.heard {
			if e.Code == 181 {
				break
			}
			n++
		}
		if n != maxReliable {
			t.Errorf("%d reliable responses counted, want %d", n, maxReliable)
		}
		p.reply(inv, 486)
		<-c.done
	})(t)
}

// What the losers of a forked call have described is not what the winner is
// told when the session is refreshed, nor is it lost what the winner has.
func TestDescriptionsOfAForkAreItsOwn(t *testing.T) {
	for winner, want := range map[string]string{"a": "re-answer", "b": "offer"} {
		t.Run(winner, virtually(func(t *testing.T) {
			cfg, _ := timedConfig(nil)
			cfg.SessionExpires = 90 * time.Second
			u := startUA(t, cfg, nil)
			p := newRawPeer(t, nil)
			p.from(u)
			c := placing(t, u, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer"), Session: newSessionLog()})
			inv := p.expect("INVITE")
			for _, tag := range []string{"a", "b"} {
				p.send(p.responseTo(inv, 183, tag, testSDP("early-"+tag), reliably(1)...))
				p.reply(p.expect("PRACK"), 200)
				c.progress(183)
			}
			p.send(p.fromCallee(inv, "a", "UPDATE", 1, testSDP("moved")))
			p.expect("200 UPDATE")
			p.send(p.responseTo(inv, 200, winner, nil, "Session-Expires: 90;refresher=uac", "Require: timer"))
			p.expect("ACK")
			d := c.answered()
			refresh := p.expect("INVITE")
			if got := owner0([]byte(refresh)[strings.Index(refresh, "v=0"):]); got != want {
				t.Errorf("the refresh describes %q, want %q", got, want)
			}
			p.send(p.responseTo(refresh, 200, winner, testSDP("same")))
			p.expect("ACK")
			go func() { p.reply(p.expect("BYE"), 200) }()
			bye(t, d)
		}))
	}
}

// The answer of a gateway that has given it with 183, and not again.
func TestAnswerBeforeTheAnswerCounts(t *testing.T) {
	virtually(func(t *testing.T) {
		_, p, c := calling(t, Config{})
		inv := p.expect("INVITE")
		p.send(p.responseTo(inv, 183, "other", testSDP("never")))
		p.send(p.responseTo(inv, 183, "a", testSDP("early")))
		p.send(p.responseTo(inv, 180, "a", nil))
		p.send(p.responseTo(inv, 200, "a", nil))
		p.expect("ACK")
		d := c.answered()
		if got := owner0(d.RemoteBody()); got != "early" {
			t.Errorf("answer %q", got)
		}
		go func() { p.reply(p.expect("BYE"), 200) }()
		bye(t, d)
	})(t)
}
