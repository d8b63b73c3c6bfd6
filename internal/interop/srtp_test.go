package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestProtectedPhonesInConference has two phones that protect their sound meet:
// one wants RTP/SAVP, one offers keys beside RTP/AVP.
func TestProtectedPhonesInConference(t *testing.T) { protectedPhones(t, 0) }

// TestProtectedPhonesOnSharedPorts is the same on two shared RTP ports.
func TestProtectedPhonesOnSharedPorts(t *testing.T) { protectedPhones(t, 2) }

func protectedPhones(t *testing.T, shared int) {
	t.Helper()
	app := conferenceApplication(t)
	m := setup{app: app, shared: shared, logLevel: "debug", services: []service{
		{match: "talk", first: "/talk", final: "/final", error: "/error"},
		{match: "secret", first: "/talk", final: "/final", error: "/error", srtp: "required"},
		{match: "open", first: "/talk", final: "/final", error: "/error", srtp: "off"},
	}}.run(t)
	anna := phoneSetup{name: "anna", freq: 440, codec: "PCMU", srtp: "srtp-mand"}.start(t)
	bert := phoneSetup{name: "bert", freq: 880, codec: "PCMA", srtp: "srtp"}.start(t)
	plain := phoneSetup{name: "carl", freq: 1320, codec: "PCMU"}.start(t)

	plain.command(t, "dial", "sip:secret@"+m.sip)
	plain.awaitEnd(t)
	if plain.has("CALL_ESTABLISHED") {
		t.Error("a call without keys to a service that requires them was answered")
	}
	phonesMeet(t, m, anna, "secret", bert, "talk")
	expectForged(t, m, 2)
	if log := m.output(); strings.Contains(log, "inline:") || strings.Contains(log, "crypto:") {
		t.Error("the log has keys in it")
	}
}

// TestProtectedCallsOut has the server call a phone by a trunk that requires
// keys, and one by a trunk that offers them, for a caller without any.
func TestProtectedCallsOut(t *testing.T) {
	for trunk, account := range map[string]string{"required": "srtp-mand", "optional": "srtp"} {
		t.Run(trunk, func(t *testing.T) {
			const number = "442079460111"
			bert := phoneSetup{name: number, freq: 880, codec: "PCMU", srtp: account}.start(t)
			app := serve(t, map[string]page{"/out": actions(object{"connect": object{"destinations": []string{"tel:" + number}}})})
			m := setup{
				app: app, services: []service{{match: "out", first: "/out", final: "/final", error: "/error"}},
				sip: fmt.Sprintf(", trunks: [{name: t, address: \"sip:127.0.0.1:%d\", srtp: %s}]", bert.port, trunk),
			}.run(t)
			carl := phoneSetup{name: "carl", freq: 1320, codec: "PCMU"}.start(t)
			carl.call(t, m, "out")
			eventually(t, "the phone called is in a call", patience, func() bool { return bert.has("CALL_ESTABLISHED") })
			rest(t, 3*time.Second)
			carl.hangUp(t)
			bert.awaitEnd(t)
			m.stumbles(t) // tells what the server saw, for a tone that is not pure
			expectHeard(t, carl, bert.freq, time.Second)
			expectHeard(t, bert, carl.freq, time.Second)
			expectForged(t, m, 1)
			if !strings.Contains(bert.output(), "SRTP is Enabled") {
				t.Errorf("the phone called says nothing of SRTP:\n%s", bert.output())
			}
		})
	}
}

// phonesMeet has two phones call services that lead to one room, and each hear
// the other there.
func phonesMeet(t *testing.T, m *mediaserver, anna *phone, annaCalls string, bert *phone, bertCalls string) {
	t.Helper()
	anna.call(t, m, annaCalls)
	bert.call(t, m, bertCalls)
	rest(t, 4*time.Second)
	anna.hangUp(t)
	bert.hangUp(t)
	m.expectIdle(t)
	expectHeard(t, anna, bert.freq, time.Second)
	expectHeard(t, bert, anna.freq, time.Second)
}

// expectHeard checks that a phone heard a tone, alone, for so long at least.
func expectHeard(t *testing.T, p *phone, freq float64, least time.Duration) {
	t.Helper()
	expectToneFor(t, p.name, p.recording(t), freq, least, baresipLimit)
}

// expectForged checks that what the protected calls sent was authentic, but for
// the RTCP packets in the clear (APP "PING") by which baresip opens its way: one
// for each time it starts a stream, which a call does once or twice.
func expectForged(t *testing.T, m *mediaserver, calls float64) {
	t.Helper()
	const pings = 2
	if got := m.metric(t, `mediaserver_rtp_packets_dropped_total{cause="forged"}`); got > pings*calls {
		t.Errorf("%v packets forged in %v calls", got, calls)
	}
}
