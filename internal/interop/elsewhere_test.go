package interop

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// elsewhere is an application whose room is at another focus.
func elsewhere(t *testing.T) *application {
	t.Helper()
	return serve(t, map[string]page{
		"/first": actions(join("ext-room", object{"exit_digit": "3"}, object{
			"next_page":      "/next",
			"secondary_call": object{"final_page": "/room-final", "error_page": "/room-error"},
		})),
		"/next": actions(object{"hang_up": object{}}),
	})
}

func toFocus(port int) string {
	return fmt.Sprintf("conference: {destinations: [{match: \"ext-*\", address: \"sip:{name}@127.0.0.1:%d\"}]}\n", port)
}

// TestRoomElsewhere has a phone join a room whose focus is a SIPp that sends
// back all it receives: the phone hears itself. The exit key ends the call.
func TestRoomElsewhere(t *testing.T) {
	t.Parallel()
	app := elsewhere(t)
	port := freePorts(t, "127.0.0.1")
	m := setup{app: app, services: meetingService(), more: toFocus(port)}.run(t)
	focus := sippCall{scenario: "focus", user: "focus", port: port, arguments: []string{"-rtp_echo"}}.start(t, m)
	awaitFocus(t, port)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA"}.start(t)
	anna.call(t, m, "meeting")
	m.expectMetric(t, `mediaserver_calls_active{direction="out"}`, 1)
	rest(t, 3*time.Second)
	anna.command(t, "sndcode", "3")
	anna.awaitEnd(t)
	focus.succeed(t)
	if !strings.Contains(focus.read("messages.log"), "INVITE sip:ext-room@127.0.0.1:") {
		t.Error("the focus was not called by the name of the room")
	}
	next := app.await(t, "/next", 1)[0]
	app.expectCourse(t, next.info.ID, "/first", "/room-final", "/next", "/final")
	if c := app.asked("/room-final")[0].info.Call; c.Cause != "completed" || c.To != "ext-room" || c.Direction != "out" {
		t.Errorf("secondary final page is told %+v", c)
	}
	expectConnected(t, app.asked("/first")[0], next)
	expectHeard(t, anna, anna.freq, 1500*time.Millisecond)
	m.expectMetric(t, `mediaserver_calls_total{cause="completed",direction="out"}`, 1)
	m.expectIdle(t)
}

// TestRoomElsewhereIsBusy has the focus refuse.
func TestRoomElsewhereIsBusy(t *testing.T) {
	t.Parallel()
	app := elsewhere(t)
	port := freePorts(t, "127.0.0.1")
	m := setup{app: app, services: meetingService(), more: toFocus(port)}.run(t)
	focus := sippCall{scenario: "focus_busy", user: "focus", port: port}.start(t, m)
	awaitFocus(t, port)
	r := record(t, "127.0.0.1")
	sippCall{scenario: "stay", user: "meeting", keys: map[string]string{"recorder": r.port()}}.start(t, m).succeed(t)
	focus.succeed(t)
	final := app.await(t, "/final", 1)[0]
	app.expectCourse(t, final.info.ID, "/first", "/room-error", "/final")
	if fault := app.asked("/room-error")[0].info.Fault; fault == nil || !strings.HasPrefix(fault.Result, "CONFERENCE_BUSY") {
		t.Errorf("secondary error page is told %+v", fault)
	}
	m.expectIdle(t)
}

// awaitFocus waits until SIPp listens, as far as the system tells.
func awaitFocus(t *testing.T, port int) {
	t.Helper()
	eventually(t, "SIPp listens", patience, func() bool {
		sockets, err := os.ReadFile("/proc/net/udp")
		return err != nil || strings.Contains(string(sockets), fmt.Sprintf("0100007F:%04X ", port))
	})
}
