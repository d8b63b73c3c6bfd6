package interop

import "testing"

// TestReliableRinging has SIPp require reliable provisional responses, agree
// on a session timer that the server asks for, and refresh it by UPDATE.
func TestReliableRinging(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService(), sip: ", session_expires_seconds: 90"}.run(t)
	sippCall{scenario: "reliable", user: "meeting"}.start(t, m).succeed(t)
	app.await(t, "/final", 1)
	m.expectIdle(t)
}
