package golden

import (
	"testing"

	"mediaserver/sip"
)

func TestAnAnonymousCallerStaysUnknownToPagesAndCallees(t *testing.T) {
	connected(t, map[string]callee{bob: {tone: toneQ}}, options{}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{"tel:" + bob})))
		a := w.dial("Anonymous", phoneOptions{})
		w.at(2 * second)
		wantValue(t, w.request("first", "anonymous").info, "anonymous", "this_call", "call_from")
		if r, _ := x.request(bob); !sip.Withheld(r.From) {
			t.Errorf("the callee is called by %q", r.From)
		}
		a.hangUp()
		w.at(3 * second)
		wantValue(t, w.request("final", "anonymous").info, "anonymous", "this_call", "call_from")
	})
}
