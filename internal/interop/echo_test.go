package interop

import (
	"testing"
	"time"
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
	expectToneFor(t, anna.name, anna.recording(t), anna.freq, 1500*time.Millisecond, 4*time.Second)
}
