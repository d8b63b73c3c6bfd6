package interop

import (
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
)

// meeting is an application whose pages place every caller in one room.
func meeting(t *testing.T) *application {
	t.Helper()
	return serve(t, map[string]page{
		"/first": actions(join("meeting", nil, object{
			"secondary_call": object{"first_page": "/room-first", "final_page": "/room-final"},
			"next_page":      "/next",
		})),
	})
}

// meetingService answers sip:meeting@… with it.
func meetingService() []service {
	return []service{{match: "meeting", first: "/first", final: "/final", error: "/error"}}
}

// TestSIPpCallsMeet has a SIPp that sends a tone and one that listens meet in
// a room: over UDP, over TCP and over IPv6.
func TestSIPpCallsMeet(t *testing.T) {
	for _, way := range []struct {
		name, host string
		tcp        bool
		shared     int
	}{
		{name: "over UDP", host: "127.0.0.1"},
		{name: "over TCP", host: "127.0.0.1", tcp: true},
		{name: "over UDP and IPv6", host: "::1"},
		{name: "over TCP and IPv6", host: "::1", tcp: true},
		{name: "on shared ports", host: "127.0.0.1", shared: 1},
		{name: "on shared ports and IPv6", host: "::1", shared: 4},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			if way.host == "::1" {
				needIPv6(t)
			}
			app := meeting(t)
			m := setup{host: way.host, app: app, services: meetingService(), shared: way.shared}.run(t)
			r := record(t, way.host)
			listener := sippCall{
				scenario: "listen", user: "meeting", caller: "listener", tcp: way.tcp,
				keys: map[string]string{"recorder": r.port()}, length: 7 * time.Second,
			}.start(t, m)
			app.await(t, "/room-first", 1)
			talker := sippCall{
				scenario: "talk", user: "meeting", caller: "talker", tcp: way.tcp,
				tone: tone(440, 2*time.Second), length: 2200 * time.Millisecond,
			}.start(t, m)
			talker.succeed(t)
			listener.succeed(t)
			expectMeeting(t, app, m)
			m.expectTone(t, decode(t, r.expectCleanStream(t, m, 0)), 440, 2*time.Second)
		})
	}
}

// expectMeeting checks the pages of two callers that hung up themselves, and
// that nothing is left of them.
func expectMeeting(t *testing.T, app *application, m *mediaserver) {
	t.Helper()
	for _, q := range app.await(t, "/final", 2) {
		app.expectCourse(t, q.info.ID, "/first", "/room-first", "/room-final", "/final")
		if c := q.info.Call; c.State != "idle" || c.Cause != "hung_up" || c.Direction != "in" || c.RawCause != "200" {
			t.Errorf("final page is told %+v", c)
		}
	}
	var callers []string
	for _, q := range app.asked("/first") {
		if c := q.info.Call; c.State != "inbound" || c.Direction != "in" || c.Cause != "" {
			t.Errorf("first page is told %+v", c)
		}
		callers = append(callers, q.info.Call.From)
	}
	if len(callers) != 2 || callers[0] == callers[1] {
		t.Errorf("callers %q", callers)
	}
	for _, q := range slices.Concat(app.asked("/room-first"), app.asked("/room-final")) {
		if c := q.info.Call; c.Direction != "out" || c.To != "meeting" || !slices.Contains(callers, c.From) {
			t.Errorf("%s is told %+v", q.path, c)
		}
	}
	for _, q := range app.asked("/room-final") {
		if q.info.Call.Cause != "dropped" {
			t.Errorf("secondary final page is told %+v", q.info.Call)
		}
	}
	if n := len(app.asked("/error")); n > 0 {
		t.Errorf("%d requests of the error page", n)
	}
	m.expectMetric(t, `mediaserver_calls_total{cause="hung_up",direction="in"}`, 2)
	m.expectMetric(t, `mediaserver_page_requests_total{outcome="ok",page="first"}`, 2)
	m.expectMetric(t, `mediaserver_page_requests_total{outcome="ok",page="final"}`, 2)
	m.expectIdle(t)
}

// TestFilesAreHeard plays a file before the room and another one while the
// room has not begun: alone in it, the caller hears it over and over, without
// a gap.
func TestFilesAreHeard(t *testing.T) {
	t.Parallel()
	app := serve(t, map[string]page{
		"/first": actions(play("welcome.wav"), join("lonely", object{"while_stopped_media": play("wait.wav")}, nil)),
	})
	m := setup{
		app: app, services: meetingService(),
		files: map[string]*audio.Clip{"welcome.wav": tone(1320, time.Second), "wait.wav": tone(880, time.Second/2)},
	}.run(t)
	r := record(t, "127.0.0.1")
	sippCall{
		scenario: "listen", user: "meeting", keys: map[string]string{"recorder": r.port()}, length: 3 * time.Second,
	}.start(t, m).succeed(t)
	clip := decode(t, r.expectCleanStream(t, m, 0))
	m.expectTone(t, clip, 1320, time.Second)
	expectToneFor(t, "the recorder", clip, 880, 1500*time.Millisecond, 3*time.Second)
	pieces := audio.ToneSpans(clip, 880, toneDBov-6, packetTime)
	if len(pieces) == 0 {
		t.FailNow()
	}
	wait := audio.Span{From: pieces[0].From, To: pieces[len(pieces)-1].To}
	shortest := time.Duration(1+m.stumbles(t)) * packetTime
	if silences := audio.Silences(part(clip, wait), -40, shortest); len(silences) > 0 {
		t.Errorf("gaps where the file begins again:%s", spans(silences))
	}
	m.expectIdle(t)
}
