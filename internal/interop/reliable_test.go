package interop

import (
	"net/http"
	"testing"
)

// TestReliableRinging has SIPp require reliable provisional responses, agree
// on a session timer that the server asks for, and refresh it by UPDATE. The
// page waits for the PRACK of the 180: a call that is answered at once may be
// answered before, as there is no SDP in the 180 (RFC 3262 §3).
func TestReliableRinging(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	acknowledged := make(chan struct{})
	first := app.pages["/first"]
	app.pages["/first"] = func(w http.ResponseWriter, q request) {
		select {
		case <-acknowledged:
			first(w, q)
		case <-q.gone:
		}
	}
	m := setup{app: app, services: meetingService(), sip: ", session_expires_seconds: 90"}.run(t)
	call := sippCall{scenario: "reliable", user: "meeting"}.start(t, m)
	m.expectMetric(t, `mediaserver_sip_responses_total{code="200",direction="out"}`, 1)
	close(acknowledged)
	call.succeed(t)
	app.await(t, "/final", 1)
	m.expectIdle(t)
}
