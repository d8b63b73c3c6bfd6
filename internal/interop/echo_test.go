package interop

import (
	"testing"
	"time"

	"mediaserver/audio"
)

// TestEcho has a phone and a SIPp that sends back all it receives in a room:
// the phone hears itself, by way of SIPp alone.
func TestEcho(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService()}.run(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
	anna.call(t, m, "meeting")
	app.await(t, "/room-first", 1)
	echo := sippCall{
		scenario: "echo", user: "meeting", caller: "echo", length: 3 * time.Second, arguments: []string{"-rtp_echo"},
	}.start(t, m)
	echo.succeed(t)
	anna.hangUp(t)
	m.expectIdle(t)
	c := anna.recording(t)
	heard := longestTone(c, anna.freq)
	if heard.Length() < 1500*time.Millisecond || heard.Length() > 3500*time.Millisecond {
		t.Errorf("the echo of 3 s was heard at%s", spans(audio.ToneSpans(c, anna.freq, toneDBov-6, packetTime)))
	}
	heard.From += 100 * time.Millisecond
	heard.To -= 100 * time.Millisecond
	t.Logf("heard the echo for %v, at %.1f dBov, %.3f %% of the energy", heard.Length(), level(part(c, heard), anna.freq), 100*purity(part(c, heard), anna.freq))
	expectPure(t, part(c, heard), anna.freq)
}
