package golden

import (
	"strings"
	"testing"

	"mediaserver/call"
	"mediaserver/call/trunk"
	"mediaserver/sip"
)

// twoTrunks are two ways for every number, the first of which has two
// addresses and room for some calls.
func twoTrunks(room int) *trunk.Table {
	return trunksOf(
		trunk.Config{
			Name: "a", Match: []string{"*"}, Line: trunk.Line{Addresses: []string{"sip:a1.test", "sip:a2.test"}},
			Limits: trunk.Limits{MaxCalls: room},
		},
		trunk.Config{Name: "b", Match: []string{"*"}, Line: trunk.Line{Addresses: []string{"sip:b.test"}}},
	)
}

func TestConnectGoesByTheNextWay(t *testing.T) {
	busy, full := &sip.StatusError{Code: 486}, &sip.StatusError{Code: 503}
	for _, tt := range []struct {
		name  string
		down  map[string]error
		tried string
		cause string // of a call that came to nothing
	}{
		{"the first takes it", nil, "a1.test", ""},
		{"the next address", map[string]error{"a1.test": full}, "a1.test a2.test", ""},
		{"the next trunk", map[string]error{"a1.test": sip.ErrTimeout, "a2.test": sip.ErrTransport}, "a1.test a2.test b.test", ""},
		{"busy is busy by any way", map[string]error{"a1.test": busy}, "a1.test", "busy (486)"},
		{"no way", map[string]error{"a1.test": full, "a2.test": full, "b.test": sip.ErrTimeout}, "a1.test a2.test b.test", "unobtainable (408)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trunks := twoTrunks(5)
			connected(t, map[string]callee{bob: {rings: second, tone: toneQ}}, options{outbound: call.Outbound{Trunks: trunks}}, func(w *world, x *exchange) {
				x.down = tt.down
				w.on("first", answer(connectTo([]string{"tel:" + bob})))
				a := w.dial(p, phoneOptions{})
				w.at(3 * second)
				if got := strings.Join(x.tried, " "); got != tt.tried {
					t.Errorf("tried %s", got)
				}
				if tt.cause != "" {
					wantCode(t, w.request("serror", p), "CONNECT_FAILED: actions[0].connect: "+tt.cause)
					return
				}
				calls := 0
				for _, s := range trunks.States() {
					calls += s.Calls
				}
				if calls != 1 {
					t.Errorf("%d calls are counted", calls)
				}
				x.reached(bob).hangUp()
				w.at(4 * second)
				a.hears(toneQ, 1300*milli, 3*second)
			})
			for _, s := range trunks.States() {
				if s.Calls != 0 {
					t.Errorf("%s has %d calls left", s.Name, s.Calls)
				}
			}
		})
	}
}

func TestConnectPassesOverAFullTrunk(t *testing.T) {
	trunks := twoTrunks(1)
	callees := map[string]callee{bob: {rings: 2 * second, tone: toneQ}, carol: {rings: second, refuses: 486}}
	connected(t, callees, options{outbound: call.Outbound{Trunks: trunks}}, func(w *world, x *exchange) {
		w.on("first", answer(connectTo([]string{bob, carol})))
		w.dial(p, phoneOptions{})
		w.at(3 * second)
		if got := strings.Join(x.tried, " "); strings.Count(got, "a1.test") != 1 || strings.Count(got, "b.test") != 1 || len(x.tried) != 2 {
			t.Errorf("tried %s", got)
		}
		x.reached(bob).hangUp()
		w.at(4 * second)
	})
}
