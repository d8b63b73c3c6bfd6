package golden

import (
	"bytes"
	"errors"
	"testing"

	"mediaserver/sip"
)

// An UPDATE of a callee that has answered reliably before it picks up changes
// the session, and the answer to the INVITE does not change it back.
func TestCalleeChangesTheSessionBeforeItAnswers(t *testing.T) {
	hold := bytes.Replace(offer(9000, true), []byte("a=sendrecv"), []byte("a=inactive"), 1)
	before := func(r sip.InviteRequest, onProgress func(sip.Progress)) {
		_, err := r.Session.Reoffer("", hold)
		if e, ok := errors.AsType[*sip.StatusError](err); !ok || e.Code != 491 {
			t.Errorf("an offer while ours is open: %v", err)
		}
		onProgress(sip.Progress{Code: 183, Body: offer(9000, true), Reliable: true})
		body, err := r.Session.Reoffer("", hold)
		if err != nil || !bytes.Contains(body, []byte("a=inactive")) {
			t.Errorf("an offer after the answer: %v\n%s", err, body)
		}
	}
	callees := map[string]callee{bob: {rings: 2 * second, tone: toneQ, before: before}}
	connected(t, callees, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		b := x.reached(bob)
		b.hangUp()
		w.at(5 * second)
		a.hearsNot(toneQ, 2*second, 4*second)
		b.hearsNot(toneP, 2*second, 4*second)
	})
}

// Two ring with media of their own: the one that answers is heard, whoever was
// first.
func TestCallerHearsTheCalleeThatRangLast(t *testing.T) {
	before := func(_ sip.InviteRequest, onProgress func(sip.Progress)) {
		mute := bytes.Replace(offer(9100, true), []byte("a=sendrecv"), []byte("a=inactive"), 1)
		onProgress(sip.Progress{Code: 183, Body: mute})
	}
	callees := map[string]callee{bob: {early: second, rings: 3 * second, tone: toneQ, before: before}}
	connected(t, callees, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob}, dict{"pass_early_media": true})))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(6 * second)
		b := x.reached(bob)
		b.hangUp()
		w.at(7 * second)
		a.hears(toneQ, 1300*milli, 6*second)
		b.hears(toneP, 3300*milli, 6*second)
	})
}
