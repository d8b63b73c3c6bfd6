package golden

import (
	"errors"
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/restapi"
	"mediaserver/sip"
)

// refers has a phone send the server to somebody else; it returns the code of
// the refusal, 0 if it was accepted.
func (p *phone) refers(to string) int {
	p.t.Helper()
	p.mu.Lock()
	s := p.session
	p.mu.Unlock()
	err := s.(sip.Referrer).Refer(&sip.Referral{To: to})
	if status, ok := errors.AsType[*sip.StatusError](err); ok {
		return status.Code
	}
	if err != nil {
		p.t.Errorf("Refer: %v", err)
	}
	return 0
}

// transfers is an outbound configuration with that policy.
func transfers(policy call.TransferPolicy) call.Outbound {
	return call.Outbound{Transfers: call.Transfers{
		Policy: func(call.FarEnd) call.TransferPolicy { return policy },
		Here:   func(host string) bool { return host == "media.test" || host == "media.test:5060" },
		Phone:  func(uri string) bool { return uri == "sip:"+dave+"@media.test" },
	}}
}

// support is a second service that plays.
func support() []restapi.Service {
	return []restapi.Service{{
		Name: "support", Match: []string{"2000"}, APIVersion: restapi.Version2,
		FirstPage: restapi.Page{URL: "http://app.test/qfirst"}, FinalPage: restapi.Page{URL: "http://app.test/qfinal"},
	}}
}

func TestACalleePutsTheCallerThroughToAServiceOfThisServer(t *testing.T) {
	o := options{more: support(), outbound: transfers(call.TransferLocal)}
	connected(t, map[string]callee{bob: {tone: toneQ}}, o, func(w *world, x *exchange) {
		w.file("welcome.wav", 1000, 4*second)
		w.on("first", answer(connectTo([]string{"tel:" + bob})))
		w.on("qfirst", answer(file("welcome.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		b := x.reached(bob)
		if code := b.refers("sip:2000@media.test:5060"); code != 0 {
			t.Fatalf("refused with %d", code)
		}
		w.at(8 * second)
		a.hears(toneQ, 500*milli, 2*second)
		a.hears(1000, 2500*milli, 5*second)
		a.hearsNot(toneQ, 2500*milli, 8*second)
		if !errors.Is(b.Err(), sip.ErrLocalBye) {
			t.Errorf("the callee was left with %v", b.Err())
		}
		wantValue(t, w.request("qfirst", p).info, "2000", "this_call", "call_to")
		w.wantAsked(p, "first", "qfirst", "qfinal", "sfinal", "next", "final")
		wantValue(t, w.request("sfinal", p).info, "hung_up", "this_call", "call_cause")
	})
}

func TestACallerSendsTheCalleeToAnotherPhone(t *testing.T) {
	o := options{outbound: transfers(call.TransferAny), record: true}
	connected(t, map[string]callee{bob: {tone: toneQ}, carol: {rings: second, tone: 1000}}, o, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{"tel:" + bob})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(2 * second)
		if code := a.refers("sip:" + carol + "@pbx.test"); code != 0 {
			t.Fatalf("refused with %d", code)
		}
		w.at(6 * second)
		b, c := x.reached(bob), x.reached(carol)
		b.hears(toneP, 500*milli, 3*second)
		b.hears(1000, 3300*milli, 6*second)
		c.hears(toneQ, 3300*milli, 6*second)
		if !errors.Is(a.Err(), sip.ErrLocalBye) {
			t.Errorf("the caller was left with %v", a.Err())
		}
		c.press("5")
		w.at(8 * second)
		if got := b.pressed(); got != "5" {
			t.Errorf("digits of the new far end: %q", got)
		}
		if r, _ := x.request(carol); r.From != bob {
			t.Errorf("the new far end was called by %q", r.From)
		}
		c.hangUp()
		w.at(9 * second)
		w.wantAsked(p, "first", "sfinal", "final")
		wantValue(t, w.request("final", p).info, "hung_up", "this_call", "call_cause")
	})
}

func TestAParticipantSendsItsPlaceToAnotherPhone(t *testing.T) {
	o := options{outbound: transfers(call.TransferAny)}
	connected(t, map[string]callee{bob: {tone: 1000}}, o, func(w *world, x *exchange) {
		w.on("first", answer(join("room", quiet())))
		a := w.dial(p, phoneOptions{})
		b := w.dial(q, phoneOptions{})
		a.say(toneP)
		b.say(toneQ)
		w.at(2 * second)
		if code := a.refers("sip:" + bob + "@pbx.test"); code != 0 {
			t.Fatalf("refused with %d", code)
		}
		a.hangUp() // at once, as many phones do
		w.at(5 * second)
		c := x.reached(bob)
		b.hears(1000, 2300*milli, 5*second)
		c.hears(toneQ, 2300*milli, 5*second)
		if room, ok := w.manager.Conference("room"); !ok || len(room.Participants) != 2 {
			t.Errorf("the room is %+v", room)
		}
		c.hangUp()
		w.at(6 * second)
		w.wantAsked(p, "first", "final")
		wantValue(t, w.request("final", p).info, "hung_up", "this_call", "call_cause")
	})
}

func TestATransferThatFailsLeavesTheCallAsItWas(t *testing.T) {
	for _, c := range []struct {
		name   string
		hangUp bool // the far end, meanwhile
	}{{"with its far end", false}, {"without its far end, which has hung up", true}} {
		t.Run(c.name, func(t *testing.T) {
			o := options{outbound: transfers(call.TransferAny)}
			callees := map[string]callee{bob: {tone: toneQ}, carol: {rings: second, refuses: 486}}
			connected(t, callees, o, func(w *world, x *exchange) {
				w.on("first", answer(connectTo([]string{"tel:" + bob})))
				a := w.dial(p, phoneOptions{})
				a.say(toneP)
				w.at(2 * second)
				b := x.reached(bob)
				if code := b.refers("sip:" + carol + "@pbx.test"); code != 0 {
					t.Fatalf("refused with %d", code)
				}
				if code := b.refers("sip:" + carol + "@pbx.test"); code != 491 {
					t.Errorf("a second one meanwhile: %d", code)
				}
				if c.hangUp {
					b.hangUp()
				}
				w.at(5 * second)
				if c.hangUp {
					w.wantAsked(p, "first", "sfinal", "next", "final")
					wantValue(t, w.request("sfinal", p).info, "hung_up", "this_call", "call_cause")
					return
				}
				b.hears(toneP, 500*milli, 5*second)
				if b.Err() != nil {
					t.Errorf("the far end has gone: %v", b.Err())
				}
			})
		})
	}
}

func TestATransferIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy call.TransferPolicy
		to     string
		code   int
	}{
		{"to a foreign host", call.TransferLocal, "sip:" + carol + "@pbx.test", 403},
		{"to a telephone number", call.TransferLocal, "tel:+" + carol, 403},
		{"to a service, where it is off", call.TransferOff, "sip:2000@media.test", 403},
		{"to anybody, where it is off", call.TransferOff, "sip:" + carol + "@pbx.test", 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options{more: support(), outbound: transfers(c.policy)}
			connected(t, map[string]callee{bob: {tone: toneQ}, carol: {}}, o, func(w *world, x *exchange) {
				w.on("first", answer(connectTo([]string{"tel:" + bob})))
				a := w.dial(p, phoneOptions{})
				w.at(2 * second)
				for _, far := range []*phone{a, x.reached(bob)} {
					if code := far.refers(c.to); code != c.code {
						t.Errorf("%s got %d, want %d", far.name, code, c.code)
					}
				}
				w.at(4 * second)
				if _, called := x.request(carol); called {
					t.Error("a call went out")
				}
				w.wantAsked(p, "first")
			})
		})
	}
}

func TestAnApplicationIsNotPutThroughToAnother(t *testing.T) {
	o := options{more: support(), outbound: transfers(call.TransferLocal)}
	run(t, o, func(w *world) {
		w.on("first", answer(dict{"sleep": dict{"seconds": 5}}, file("nothing.wav")))
		w.file("nothing.wav", 1000, 10*second)
		a := w.dial(p, phoneOptions{})
		w.at(7 * second)
		if code := a.refers("sip:2000@media.test"); code != 403 {
			t.Errorf("got %d", code)
		}
	})
}

func TestTransferOfACallThatCannotBe(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(dict{"sleep": dict{"seconds": 5}}))
		w.dial(p, phoneOptions{})
		w.at(time.Second)
		if _, err := w.manager.Transfer(t.Context(), "c-none", call.TransferOptions{To: "sip:x@y.test"}, nil); !errors.Is(err, call.ErrNoCall) {
			t.Errorf("no call: %v", err)
		}
		id := w.manager.Calls()[0].ID
		if _, err := w.manager.Transfer(t.Context(), id, call.TransferOptions{To: "sip:x@y.test"}, nil); !errors.Is(err, call.ErrNotTransferable) {
			t.Errorf("not answered: %v", err)
		}
	})
}

func TestACalleePutsTheCallerThroughToAPhoneOfThisServer(t *testing.T) {
	o := options{outbound: transfers(call.TransferLocal)}
	connected(t, map[string]callee{bob: {tone: toneQ}, dave: {tone: 1000}}, o, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{"tel:" + bob})))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		if code := x.reached(bob).refers("sip:" + dave + "@media.test;x=y"); code != 0 {
			t.Fatalf("refused with %d", code)
		}
		w.at(4 * second)
		a.hears(1000, 2300*milli, 4*second)
		x.reached(dave).hangUp()
		w.at(5 * second)
		wantValue(t, w.request("sfinal", p).info, "hung_up", "this_call", "call_cause")
	})
}
