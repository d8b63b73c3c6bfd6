package sip

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWhoCallsIsProvenByTheACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := far(t, Config{Defence: Defence{Failures: -1}}, answerAll, "203.0.113.1:5060")
		call := func(from *remote) (*Dialog, string) {
			known := map[*Dialog]bool{}
			for _, d := range r.u.dialogs.list() {
				known[d] = true
			}
			invite := from.request("INVITE")
			from.give(invite)
			time.Sleep(time.Millisecond)
			synctest.Wait()
			for _, d := range r.u.dialogs.list() {
				if !known[d] {
					return d, invite
				}
			}
			t.Fatal("no call")
			return nil, ""
		}
		d, invite := call(r)
		if d.Proven() {
			t.Error("anybody may have sent this INVITE")
		}
		r.give(r.ack(invite))
		synctest.Wait()
		if !d.Proven() {
			t.Error("the ACK with our tag proves who has called")
		}
		// Others may send in the name of who has a call.
		again, _ := call(r)
		if again.Proven() {
			t.Error("another call in the name of a source that is vouched for, without an ACK")
		}
		trusted := r.at("127.0.0.1:5060")
		if d, _ := call(trusted); !d.Proven() {
			t.Error("an exempt source needs no proof")
		}
	})
}
