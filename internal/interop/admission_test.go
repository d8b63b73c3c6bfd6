package interop

import (
	"strings"
	"testing"
	"time"
)

// TestFullServerRefuses has one call fill a server: the next is refused with
// 503 and Retry-After, and taken when there is room again.
func TestFullServerRefuses(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService(), more: "admission: {max_calls: 1}\n"}.run(t)
	m.expectMetric(t, "mediaserver_participants_headroom", 1)
	r := record(t, "127.0.0.1")
	first := listenByHand(t, m, "meeting", "first", r)
	app.await(t, "/room-first", 1)
	m.expectMetric(t, "mediaserver_participants_headroom", 0)
	second := refused("meeting", "0 101", 503).start(t, m)
	second.succeed(t)
	if !strings.Contains(second.read("messages.log"), "Retry-After: ") {
		t.Error("503 without Retry-After")
	}
	first.hangUp(t)
	m.expectMetric(t, "mediaserver_calls_refused_total", 1)
	m.expectMetric(t, "mediaserver_participants_headroom", 1)
	r = record(t, "127.0.0.1")
	third := sippCall{
		scenario: "listen", user: "meeting", caller: "third", keys: map[string]string{"recorder": r.port()}, length: time.Second,
	}.start(t, m)
	third.succeed(t)
	m.expectIdle(t)
}
