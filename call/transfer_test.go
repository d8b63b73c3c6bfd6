package call

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

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
