package call

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/mixer"
	"mediaserver/sip"
)

// A far end that has agreed to call somebody else may hang up before it says how
// that went, and be seen to have gone before we know.
func TestTransferIsToldBeforeTheEnd(t *testing.T) {
	refused := &sip.StatusError{Code: codeBusy}
	for name, test := range map[string]struct {
		err   error
		cause Cause
		told  []EventType
	}{
		"agreed":  {nil, Completed, []EventType{CallStarted, CallRinging, CallAnswered, CallTransferred, CallEnded}},
		"refused": {refused, HungUp, []EventType{CallStarted, CallRinging, CallAnswered, CallEnded}},
	} {
		t.Run(name, func(t *testing.T) {
			takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
				far := newVisitor()
				c := far.answered(t, m)
				_, err := c.send(t.Context(), "another", func() (int, error) {
					if _, err := c.send(t.Context(), "third", nil); !errors.Is(err, ErrTransferring) {
						t.Errorf("a second one: %v", err)
					}
					far.leaves(sip.ErrRemoteBye)
					synctest.Wait()
					return codeOK, test.err
				})
				if (err == nil) != (test.err == nil) {
					t.Errorf("error %v", err)
				}
				wantEnd(t, c, test.cause, codeOK)
				d.want(t, test.told...)
			})
		})
	}
}

// Both calls of a far end that puts two others through may lose it at once.
func TestCallsThatArePutThroughOutliveTheirFarEnd(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		far, second := newVisitor(), newVisitor()
		c, other := far.answered(t, m), second.answered(t, m)
		time.AfterFunc(time.Millisecond, func() { second.leaves(sip.ErrRemoteBye) }) // the media take a frame
		c.transfer(t.Context(), target{other: other}, &sip.Referral{})
		if synctest.Wait(); c.hasEnded() || other.hasEnded() {
			t.Fatalf("ended: %v and %v", c.hasEnded(), other.hasEnded())
		}
		c.HangUp(Completed)
		wantEnd(t, other, HungUp, codeOK)
	})
}

// A far end that puts two others through is told of as who is there then: who was
// behind the other call, not itself, who leaves both.
func TestTransferIsToldWithWhoIsThereNow(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		var told []Event
		d.told = func(e Event) {
			if e.Type == CallTransferred {
				told = append(told, e)
			}
		}
		far, second := newVisitor(), newVisitor()
		c, other := far.answered(t, m), second.answered(t, m)
		c.base.From, other.base.From = "agent", "agent"
		seat, err := c.enterRoom(ConferenceOptions{Name: "sales"}.withDefaults())
		if err != nil || !c.adopt(seat) {
			t.Fatal(err)
		}
		carl := newVisitor().answered(t, m)
		carl.base.Direction, carl.base.To = Out, "carl"
		other.adopt(carl)
		c.transfer(t.Context(), target{other: other}, &sip.Referral{})
		if len(told) != 2 || told[0].Started.From != "carl" || told[1].Started.From != "sales" {
			t.Errorf("told %+v", told)
		}
		other.released(carl)
	})
}

func TestApplicationsAreNotPutThroughToEachOther(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c, other := newVisitor().answered(t, m), newVisitor().answered(t, m)
		status, ok := errors.AsType[*sip.StatusError](wantCompany(c, other))
		if !ok || status.Code != codeForbidden {
			t.Errorf("two applications: %v", status)
		}
		seat, err := other.enterRoom(ConferenceOptions{Name: "room"}.withDefaults())
		if err != nil || !other.adopt(seat) {
			t.Fatal(err)
		}
		if err := wantCompany(c, other); err != nil {
			t.Errorf("an application and a room: %v", err)
		}
	})
}

// ringer is a Dialer whose far end rings for ten seconds and then answers, or is busy.
type ringer struct {
	answers bool
	ringing func() // while it rings
}

func (r *ringer) Route(context.Context, string) (netip.Addr, error) {
	return netip.MustParseAddr("192.0.2.1"), nil
}

func (r *ringer) Dial(_ context.Context, _ sip.InviteRequest, onProgress func(sip.Progress)) (OutboundDialog, error) {
	onProgress(sip.Progress{Code: codeRinging})
	time.Sleep(5 * time.Second)
	onProgress(sip.Progress{Code: codeRinging})
	r.ringing()
	time.Sleep(5 * time.Second)
	if r.answers {
		return newVisitor(), nil
	}
	return nil, &sip.StatusError{Code: codeBusy}
}

// loudest is the loudest that a member hears within a cycle of the ringing tone.
func loudest(m *mixer.Member) float64 {
	level := math.Inf(-1)
	for range 150 {
		time.Sleep(20 * time.Millisecond)
		level = max(level, m.HeardLevel())
	}
	return level
}

// Who is connected with a call that is being transferred hears that the new far end
// rings, whichever of the two calls it is.
func TestWhoIsLeftInATransferHearsRinging(t *testing.T) {
	for name, test := range map[string]struct{ secondary, answers bool }{
		"of the caller, answered": {false, true},
		"of the caller, busy":     {false, false},
		"of the callee, answered": {true, true},
		"of the callee, busy":     {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &ringer{answers: test.answers}
			takesTurns(t, func(cfg *Config) { cfg.Dialer = r }, func(t *testing.T, m *Manager, _ *diary) {
				c, s := newVisitor().answered(t, m), newVisitor().answered(t, m)
				s.primary, s.seat = c, &farSeat{call: s, talker: true}
				if !c.adopt(s) {
					t.Fatal("not adopted")
				}
				var talking sync.WaitGroup
				talking.Go(func() { _, _ = c.Connect(context.Background(), s) })
				time.Sleep(time.Second)
				moved, hears := c, s.audio().home
				if test.secondary {
					moved, hears = s, s.seat.(*farSeat).near()
				}
				if level := loudest(hears); level > -60 {
					t.Errorf("%v dBov before", level)
				}
				r.ringing = func() {
					if level := loudest(hears); level < -40 || level > -10 {
						t.Errorf("%v dBov while it rings", level)
					}
				}
				moved.transfer(t.Context(), target{to: Destination{Kind: ToSIP, Value: "sip:a@far.example"}}, &sip.Referral{})
				time.Sleep(100 * time.Millisecond) // the tone ends with a frame
				if level := loudest(hears); level > -60 {
					t.Errorf("%v dBov after", level)
				}
				c.HangUp(Completed)
				talking.Wait()
			})
		})
	}
}

// Of two calls that are put through to each other one may end at that moment: the
// other keeps its far end.
func TestFarEndStaysWhereTheOtherCallEnds(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		far := newVisitor()
		c, other := far.answered(t, m), newVisitor().answered(t, m)
		other.taken <- struct{}{} // it is about to end
		time.AfterFunc(time.Second, func() { other.work(func() { other.end(Completed, 0) }) })
		c.transfer(t.Context(), target{other: other}, &sip.Referral{})
		if synctest.Wait(); c.hasEnded() || c.far() != far || c.moves.under.Load() {
			t.Errorf("it does not go on as it was: ended %v", c.hasEnded())
		}
		if n := d.count(CallTransferred); n != 0 {
			t.Errorf("%d transfers", n)
		}
	})
}

func TestCallThatIsBusyIsNotPutThrough(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c, other := newVisitor().answered(t, m), newVisitor().answered(t, m)
		other.taken <- struct{}{}
		time.AfterFunc(5*time.Second, func() { <-other.taken })
		_, err := c.putThrough(t.Context(), other)
		if status, ok := errors.AsType[*sip.StatusError](err); !ok || status.Code != codePending {
			t.Errorf("error %v", err)
		}
		if synctest.Wait(); c.hasEnded() || other.hasEnded() || other.moves.under.Load() {
			t.Error("they do not go on as they were")
		}
	})
}

func TestCallIsNotPutThroughToOneThatIsBeingTransferred(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		far, second := newVisitor(), newVisitor()
		c, other := far.answered(t, m), second.answered(t, m)
		c.moves.under.Store(true)
		other.moves.under.Store(true)
		c.transfer(t.Context(), target{other: other}, &sip.Referral{})
		if c.far() != far || other.far() != second || c.moves.under.Load() || !other.moves.under.Load() {
			t.Error("they do not go on as they were")
		}
	})
}

// A far end whose place another has taken may still be asked to leave: what it says
// meanwhile must not count.
func TestFarEndThatWasHasNoSay(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		far := newVisitor()
		far.noOffer = true // so that the answer comes with the ACK
		c := far.answered(t, m)
		if _, err := c.newcomer(newVisitor()).answerFor(t.Context(), c, "next"); err != nil {
			t.Fatal(err)
		}
		if err := far.session.Info(1, "application/dtmf", []byte("5")); err != nil {
			t.Error(err)
		}
		err := far.session.(sip.Referrer).Refer(&sip.Referral{To: "sip:x@far.example"})
		if status, ok := errors.AsType[*sip.StatusError](err); !ok || status.Code != codeNoDialog {
			t.Errorf("REFER: %v", err)
		}
		far.session.Acknowledged([]byte("no answer to our offer"))
		time.Sleep(time.Second)
		if c.hasEnded() {
			t.Error("it has ended the call")
		}
		if n := len(c.digits); n != 0 {
			t.Errorf("%d digits", n)
		}
	})
}

func TestFarEndStaysWhereNobodyCanTakeItsPlace(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, d *diary) {
		far := newVisitor()
		far.noOffer = true
		c := far.answered(t, m)
		<-c.audio().home.Remove() // no worker serves its port any more
		x := c.newcomer(newVisitor())
		if _, err := x.answerFor(t.Context(), c, "next"); !errors.Is(err, errExchange) {
			t.Errorf("error %v", err)
		}
		x.discard()
		if err := far.session.Info(1, "application/dtmf", []byte("5")); err != nil {
			t.Error(err)
		}
		if synctest.Wait(); len(c.digits) != 1 {
			t.Error("its digit does not count")
		}
		d.want(t, CallStarted, CallRinging, CallAnswered, CallDigit)
	})
}

// Where a room has taken the place of a far end, who was there at first calls on: by
// the name of a room nobody can be called back.
func TestARoomThatTakesAPlaceDoesNotCall(t *testing.T) {
	takesTurns(t, nil, func(t *testing.T, m *Manager, _ *diary) {
		c, other := newVisitor().answered(t, m), newVisitor().answered(t, m)
		c.base.From = "caller"
		seat, err := other.enterRoom(ConferenceOptions{Name: "room"}.withDefaults())
		if err != nil || !other.adopt(seat) {
			t.Fatal(err)
		}
		c.transfer(t.Context(), target{other: other}, &sip.Referral{})
		if party := c.farParty(); party != "room" {
			t.Fatalf("the far end is %q", party)
		}
		if s, err := c.place(t.Context(), ConferenceOptions{Name: "second"}.withDefaults()); err != nil || s.base.From != "caller" {
			t.Errorf("calls as %q: %v", s.base.From, err)
		}
		if from := c.callerFor(); from != "caller" {
			t.Errorf("sends on as %q", from)
		}
	})
}
