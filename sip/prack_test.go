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

// ringing is a Handler that rings with early media before it answers.
func (a *answering) ringing(early []byte) Handler {
	return func(ctx context.Context, d *Dialog) {
		d.SetSession(a.session)
		_ = d.Progress(180, "", nil)
		_ = d.Progress(183, "", early)
		_ = d.Answer(early)
		a.calls <- d
		<-d.Ended()
	}
}

// prackOf acknowledges a reliable response.
func (p *rawPeer) prackOf(res string, cseq int, sdp []byte) string {
	return p.within(res, "PRACK", cseq, sdp, "RAck: "+headerOf(res, "RSeq")+" "+headerOf(res, "CSeq"))
}

func rseq(t testing.TB, res string) int {
	t.Helper()
	n, err := strconv.Atoi(headerOf(res, "RSeq"))
	if err != nil || headerOf(res, "Require") != "100rel" {
		t.Fatalf("not reliable: RSeq %q, Require %q", headerOf(res, "RSeq"), headerOf(res, "Require"))
	}
	return n
}

// The whole of it, RFC 3262 §3: one after the other, repeated until the PRACK,
// the 200 behind that of the session description, and without one of its own.
func TestReliableProgress(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.ringing(testSDP("early")))
		p := newRawPeer(t, u)
		p.send(p.invite("reliable", 1, testSDP("offer"), "Require: 100rel"))
		ringing := p.expect("180 INVITE")
		first := rseq(t, ringing)
		if again := p.expect("180 INVITE"); headerOf(again, "RSeq") != headerOf(ringing, "RSeq") {
			t.Errorf("repeated with RSeq %q", headerOf(again, "RSeq"))
		}
		p.send(p.within(ringing, "PRACK", 2, nil, fmt.Sprintf("RAck: %d 1 INVITE", first+1)))
		p.expect("481 PRACK")
		p.send(p.prackOf(ringing, 3, nil))
		p.expect("200 PRACK")
		early := p.expect("183 INVITE")
		if n := rseq(t, early); n != first+1 || !strings.HasSuffix(early, string(testSDP("early"))) {
			t.Errorf("RSeq %d after %d: %s", n, first, early)
		}
		if m := p.expect("183 INVITE"); m != early {
			t.Errorf("repeated otherwise: %s", m)
		}
		p.send(p.prackOf(early, 4, nil))
		p.expect("200 PRACK")
		ok := p.expect("200 INVITE")
		if strings.Contains(ok, "v=0") {
			t.Errorf("the answer comes twice: %s", ok)
		}
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		p.send(p.prackOf(early, 5, nil))
		p.expect("481 PRACK")
		p.hangUp(a.next(t), ok, 6)
	})(t)
}

// The PRACK of a response without a session description may come after the
// answer, which does not wait for it: it is not one of a lost dialog.
func TestPRACKAfterTheAnswer(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, func(ctx context.Context, d *Dialog) {
			_ = d.Progress(180, "", nil)
			a.handle(ctx, d)
		})
		p := newRawPeer(t, u)
		p.send(p.invite("crossing", 1, testSDP("offer"), "Require: 100rel"))
		ringing := p.expect("180 INVITE")
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		p.send(p.prackOf(ringing, 2, nil))
		if m := p.expect("200 PRACK"); headerOf(m, "CSeq") != "2 PRACK" {
			t.Errorf("got %s", m)
		}
		p.send(p.prackOf(ringing, 3, nil))
		p.expect("481 PRACK")
		time.Sleep(4 * shortTimers.T1)
		for m := p.read(time.Millisecond); m != ""; m = p.read(time.Millisecond) {
			if kindOf([]byte(m)) == "180 INVITE" {
				t.Error("180 after the answer")
			}
		}
		p.hangUp(a.next(t), ok, 4)
	})(t)
}

// hangUp ends a call by a BYE of the peer and waits for the end.
func (p *rawPeer) hangUp(d *Dialog, ok string, cseq int) {
	p.t.Helper()
	p.send(p.within(ok, "BYE", cseq, nil))
	p.expect("200 BYE")
	ended(p.t, d, ErrRemoteBye)
	emptied(p.t, d.ua)
}

// Without an offer in the INVITE, ours goes with the first reliable response
// and the PRACK answers it, RFC 3262 §5.
func TestReliableOffer(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.ringing(testSDP("early")))
		p := newRawPeer(t, u)
		p.send(p.invite("late", 1, nil, "Require: 100rel"))
		early := p.expect("183 INVITE") // a 180 without offer is left out
		rseq(t, early)
		p.send(p.within(early, "UPDATE", 2, testSDP("crossed")))
		p.expect("491 UPDATE")
		p.send(p.prackOf(early, 3, testSDP("caller")))
		a.session.expect(t, "ack caller")
		ok := p.expect("200 INVITE")
		if strings.Contains(ok, "v=0") {
			t.Errorf("the offer comes twice: %s", ok)
		}
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		p.hangUp(a.next(t), ok, 4)
	})(t)
}

// A PRACK may offer another session, and an UPDATE after it, RFC 3311 §5.
func TestOffersBeforeTheAnswer(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		answer := make(chan struct{})
		u := startUA(t, Config{Timers: shortTimers}, func(ctx context.Context, d *Dialog) {
			d.SetSession(a.session)
			_ = d.Progress(183, "", testSDP("early"))
			<-answer
			_ = d.Answer(testSDP("early"))
			a.calls <- d
			<-d.Ended()
		})
		p := newRawPeer(t, u)
		p.send(p.invite("offers", 1, testSDP("offer"), "Require: 100rel", "Allow: UPDATE"))
		early := p.expect("183 INVITE")
		p.send(p.within(early, "UPDATE", 2, testSDP("too soon")))
		if m := p.expect("500 UPDATE"); headerOf(m, "Retry-After") == "" {
			t.Error("no Retry-After")
		}
		p.send(p.prackOf(early, 3, testSDP("second")))
		if m := p.expect("200 PRACK"); !strings.HasSuffix(m, string(testSDP("re-answer"))) {
			t.Errorf("no answer: %s", m)
		}
		a.session.expect(t, "offer second")
		p.send(p.within(early, "UPDATE", 4, testSDP("third"), "Session-Expires: 90", "Supported: timer"))
		m := p.expect("200 UPDATE")
		if !strings.HasSuffix(m, string(testSDP("re-answer"))) || headerOf(m, "Session-Expires") != "" {
			t.Errorf("got %s", m)
		}
		a.session.expect(t, "offer third")
		p.send(p.within(early, "INVITE", 5, testSDP("never")))
		p.expect("500 INVITE")
		// And the other way.
		d := u.dialogs.list()[0]
		got := make(chan string, 1)
		go func() {
			answer, err := d.Update(t.Context(), testSDP("ours"))
			got <- fmt.Sprint(owner0(answer), err)
		}()
		up := p.expect("UPDATE")
		p.send(p.within(early, "UPDATE", 6, testSDP("glare")))
		p.expect("491 UPDATE")
		p.send(p.answerTo(up, testSDP("theirs")))
		if s := <-got; s != "theirs<nil>" {
			t.Errorf("Update: %s", s)
		}
		close(answer)
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		p.hangUp(a.next(t), ok, 7)
	})(t)
}

func TestNoPRACKEverRefusesTheCall(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{Timers: Timers{T1: 5 * time.Millisecond, T2: 20 * time.Millisecond}}, func(_ context.Context, d *Dialog) {
			_ = d.Progress(180, "", nil)
			<-d.Ended()
			if !errors.Is(d.Err(), ErrNoACK) {
				t.Errorf("ended with %v", d.Err())
			}
		})
		p := newRawPeer(t, u)
		p.send(p.invite("silent", 1, testSDP("offer"), "Require: 100rel"))
		p.expect("180 INVITE")
		p.expect("504 INVITE")
		emptied(t, u)
	})(t)
}

func TestModesOfReliableProgress(t *testing.T) {
	tests := []struct {
		name     string
		mode     ReliableMode
		caller   string // header field
		code     string
		reliable bool
		header   string // of the refusal
	}{
		{"not asked for", ReliableSupported, "X-None: 1", "180 INVITE", false, ""},
		{"the caller knows it: not needed", ReliableSupported, "Supported: 100rel", "180 INVITE", false, ""},
		{"the caller wants it", ReliableSupported, "Require: 100rel", "180 INVITE", true, ""},
		{"off, and the caller knows it", ReliableOff, "Supported: 100rel", "180 INVITE", false, ""},
		{"off, and the caller wants it", ReliableOff, "Require: 100rel", "420 INVITE", false, "Unsupported"},
		{"required, and the caller knows it", ReliableRequired, "k: timer, 100rel", "180 INVITE", true, ""},
		{"required, and the caller does not know it", ReliableRequired, "X-None: 1", "421 INVITE", false, "Require"},
	}
	for _, tt := range tests {
		t.Run(tt.name, virtually(func(t *testing.T) {
			u := startUA(t, Config{Timers: shortTimers, Extensions: Extensions{Reliable: tt.mode}}, func(_ context.Context, d *Dialog) {
				_ = d.Progress(180, "", nil)
				<-d.Ended()
			})
			p := newRawPeer(t, u)
			inv := p.invite("mode", 1, testSDP("offer"), tt.caller)
			p.send(inv)
			m := p.expect(tt.code)
			if got := headerOf(m, "RSeq") != ""; got != tt.reliable {
				t.Errorf("reliable: %v", got)
			}
			if tt.header != "" && headerOf(m, tt.header) != "100rel" {
				t.Errorf("%s %q", tt.header, headerOf(m, tt.header))
			}
		}))
	}
}

// Two of our own: the answer comes with the PRACK, whatever is lost.
func TestReliableProgressBetweenUserAgents(t *testing.T) {
	tests := []struct {
		name       string
		alice, bob func(string, int) bool
	}{
		{"nothing is lost", nil, nil},
		{"the first 180s and 183s", func(k string, n int) bool { return strings.HasSuffix(k, " INVITE") && k[0] == '1' && n <= 2 }, nil},
		{"the first PRACKs", nil, func(k string, n int) bool { return k == "PRACK" && n%2 == 1 }},
		{"the first answers to PRACK", first("200 PRACK", 1), nil},
	}
	for _, tt := range tests {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late offer %v", tt.name, late), virtually(func(t *testing.T) {
				required := Extensions{Reliable: ReliableRequired}
				a := newAnswering()
				bob := startUA(t, Config{Timers: shortTimers, Extensions: required, Filter: (&tap{drop: tt.bob}).filter}, a.ringing(testSDP("early")))
				alice := startUA(t, Config{Timers: shortTimers, Extensions: required, Filter: (&tap{drop: tt.alice}).filter}, nil)
				r := InviteRequest{To: target(bob, "udp"), SDP: testSDP("offer")}
				if late {
					r.SDP = nil
					r.Answer = func(offer []byte) ([]byte, error) { return testSDP("to " + owner0(offer)), nil }
				}
				ctx, done := context.WithTimeout(t.Context(), patience)
				defer done()
				var heard []string
				d, err := alice.Invite(ctx, r, func(p Progress) { heard = append(heard, fmt.Sprintf("%d %v %s", p.Code, p.Reliable, owner0(p.Body))) })
				if err != nil {
					t.Fatal(err)
				}
				want := "[180 true  183 true early]"
				if late {
					want = "[183 true ]"
					a.session.expect(t, "ack to")
				}
				if got := fmt.Sprint(heard); got != want {
					t.Errorf("heard %s, want %s", got, want)
				}
				a.session.expect(t, "ack")
				if owner0(d.RemoteBody()) != "early" {
					t.Errorf("answer %q", d.RemoteBody())
				}
				bye(t, d)
				emptied(t, bob)
			}))
		}
	}
}
