package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
)

// TestKeysByHandshakeAndCheckedWays has two phones meet: one gets its keys by
// DTLS, one by DTLS too, over a way that it has checked by ICE, with RTCP beside
// RTP.
func TestKeysByHandshakeAndCheckedWays(t *testing.T) {
	app := conferenceApplication(t)
	m := setup{app: app, logLevel: "debug", services: []service{
		{match: "secret", first: "/talk", final: "/final", error: "/error", srtp: "required"},
	}}.run(t)
	anna := phoneSetup{name: "anna", freq: 440, codec: "PCMU", srtp: "dtls_srtp"}.start(t)
	bert := phoneSetup{name: "bert", freq: 880, codec: "PCMA", srtp: "dtls_srtp", ice: true, mux: true}.start(t)
	phonesMeet(t, m, anna, "secret", bert, "secret")
	for _, p := range []*phone{anna, bert} {
		if !strings.Contains(p.output(), "verified sha-256 fingerprint OK") {
			t.Errorf("%s says nothing of our certificate", p.name)
		}
	}
	if got := strings.Count(m.output(), "the media have keys by DTLS"); got != 2 {
		t.Errorf("keys for %d calls, want 2", got)
	}
	if got := strings.Count(m.output(), "RTCP has keys by DTLS"); got != 1 {
		t.Errorf("keys of their own for RTCP of %d calls, want 1: the other has it with RTP", got)
	}
	if !strings.Contains(m.output(), "the far end has nominated a way") {
		t.Error("no way was nominated")
	}
}

// TestCheckedWaysOnSharedPorts has a phone with ICE, in the clear, call a server
// with shared ports: it gets a port of its own.
func TestCheckedWaysOnSharedPorts(t *testing.T) {
	app := conferenceApplication(t)
	m := setup{app: app, shared: 2, logLevel: "debug", services: []service{
		{match: "talk", first: "/talk", final: "/final", error: "/error"},
	}}.run(t)
	anna := phoneSetup{name: "anna", freq: 440, codec: "PCMU", ice: true}.start(t)
	bert := phoneSetup{name: "bert", freq: 880, codec: "PCMA"}.start(t)
	phonesMeet(t, m, anna, "talk", bert, "talk")
	if got := strings.Count(m.output(), "the far end has nominated a way"); got != 2 {
		t.Errorf("%d ways were nominated, want those of RTP and RTCP", got)
	}
}

// TestHandshakeOfACallOut has the server call a phone by a trunk that gets keys by
// DTLS, for a caller without any.
func TestHandshakeOfACallOut(t *testing.T) {
	const number = "442079460111"
	bert := phoneSetup{name: number, freq: 880, codec: "PCMU", srtp: "dtls_srtp"}.start(t)
	app := serve(t, map[string]page{"/out": actions(object{"connect": object{"destinations": []string{"tel:" + number}}})})
	m := setup{
		app: app, services: []service{{match: "out", first: "/out", final: "/final", error: "/error"}}, logLevel: "debug",
		sip: fmt.Sprintf(", trunks: [{name: t, address: \"sip:127.0.0.1:%d\", srtp: required, keying: dtls}]", bert.port),
	}.run(t)
	carl := phoneSetup{name: "carl", freq: 1320, codec: "PCMU"}.start(t)
	carl.call(t, m, "out")
	eventually(t, "the phone called is in a call", patience, func() bool { return bert.has("CALL_ESTABLISHED") })
	rest(t, 3*time.Second)
	carl.hangUp(t)
	bert.awaitEnd(t)
	expectHeard(t, carl, bert.freq, time.Second)
	expectHeard(t, bert, carl.freq, time.Second)
	if !strings.Contains(m.output(), "the media have keys by DTLS") {
		t.Error("no keys by DTLS")
	}
}

// TestHoldWithHandshake connects a phone with keys by DTLS to one in the clear,
// by a server that believes announced addresses only and offers RTCP beside
// RTP. The caller holds and resumes: the keys are those of the beginning, and
// it is heard. (baresip 1.0 itself waits for another handshake before it
// listens again.)
func TestHoldWithHandshake(t *testing.T) {
	t.Parallel()
	bert := phoneSetup{name: "bert", freq: 620, codec: "PCMU", mux: true}.start(t)
	app := connecting(t, fmt.Sprintf("sip:bert@127.0.0.1:%d", bert.port))
	m := setup{
		app: app, services: []service{{match: "meeting", first: "/first", final: "/final", error: "/error", srtp: "required"}},
		rtp: ", source: strict, rtcp_mux: true", logLevel: "debug",
	}.run(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA", srtp: "dtls_srtp"}.start(t)
	anna.call(t, m, "meeting")
	eventually(t, "bert is in a call", patience, func() bool { return bert.has("CALL_ESTABLISHED") })
	rest(t, 700*time.Millisecond)
	anna.command(t, "hold", "")
	rest(t, time.Second)
	anna.command(t, "resume", "")
	rest(t, 5*time.Second)
	bert.hangUp(t)
	anna.awaitEnd(t)
	var heard time.Duration
	for _, s := range audio.ToneSpans(bert.recording(t), anna.freq, toneDBov-6, packetTime) {
		heard += s.Length()
	}
	if heard < 2*time.Second { // more than was said before the hold
		t.Errorf("bert hears anna for %v", heard)
	}
	if got := strings.Count(m.output(), "the media have keys by DTLS"); got != 1 {
		t.Errorf("%d handshakes, want 1", got)
	}
	expectForged(t, m, 1)
	m.expectIdle(t)
}
