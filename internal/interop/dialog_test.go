package interop

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHoldAndResume puts a call on hold in both ways and moves its audio to
// another port, while another caller sends a tone.
func TestHoldAndResume(t *testing.T) {
	t.Parallel()
	const each = time.Second
	app := meeting(t)
	m := setup{app: app, services: meetingService()}.run(t)
	r, second := record(t, "127.0.0.1"), record(t, "127.0.0.1")
	talker := sippCall{scenario: "talk", user: "meeting", caller: "talker", tone: tone(440, 9*time.Second), length: 9 * time.Second}.start(t, m)
	app.await(t, "/first", 1)
	holder := sippCall{
		scenario: "hold", user: "meeting", caller: "holder", length: each,
		keys: map[string]string{"recorder": r.port(), "second": second.port()},
	}.start(t, m)
	holder.succeed(t)
	gaps := gapsOf(r.heard(), each/2)
	if len(gaps) != 1 {
		t.Fatalf("RTP paused %d times before the second hold, want once: %v", len(gaps), gaps)
	}
	if gaps[0] < each*8/10 || gaps[0] > each*2 {
		t.Errorf("RTP paused for %v, the hold lasted %v", gaps[0], each)
	}
	first, moved := r.heard(), second.heard()
	if len(moved) == 0 {
		t.Fatal("no RTP at the new port")
	}
	if pause := moved[0].at.Sub(first[len(first)-1].at); pause < each*8/10 {
		t.Errorf("RTP paused for only %v while on hold by sendonly", pause)
	}
	if first[0].ssrc != moved[0].ssrc {
		t.Error("another SSRC after the hold")
	}
	if tail := between(first, moved[0].at.Add(100*time.Millisecond), time.Now()); len(tail) > 0 {
		t.Errorf("%d packets to the old port", len(tail))
	}
	expectPure(t, part(decode(t, moved), longestTone(decode(t, moved), 440)), 440)
	talker.succeed(t)
	m.expectIdle(t)
}

// gapsOf are the times without packets of at least shortest.
func gapsOf(packets []packet, shortest time.Duration) []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(packets); i++ {
		if d := packets[i].at.Sub(packets[i-1].at); d >= shortest {
			gaps = append(gaps, d)
		}
	}
	return gaps
}

// TestCancelBeforeAnswer gives up while the first page is waited for.
func TestCancelBeforeAnswer(t *testing.T) {
	t.Parallel()
	app := serve(t, map[string]page{"/slow": never})
	m := setup{app: app, services: []service{{match: "slow", first: "/slow", final: "/final", error: "/error"}}}.run(t)
	r := record(t, "127.0.0.1")
	sippCall{scenario: "cancel", user: "slow", keys: map[string]string{"recorder": r.port()}}.start(t, m).succeed(t)
	final := app.await(t, "/final", 1)[0]
	if c := final.info.Call; c.Cause != "hung_up" || c.State != "idle" || c.RawCause != "487" {
		t.Errorf("final page is told %+v", c)
	}
	app.expectCourse(t, final.info.ID, "/slow", "/final")
	if n := len(r.heard()); n > 0 {
		t.Errorf("%d packets to a call that was never answered", n)
	}
	m.expectIdle(t)
}

// TestLateOffer calls without a session description, takes the server's offer
// and chooses A-law.
func TestLateOffer(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService()}.run(t)
	r := record(t, "127.0.0.1")
	late := sippCall{
		scenario: "late_offer", user: "meeting", caller: "late",
		keys: map[string]string{"recorder": r.port()}, length: 6 * time.Second,
	}.start(t, m)
	app.await(t, "/first", 1)
	sippCall{scenario: "talk", user: "meeting", caller: "talker", tone: tone(880, time.Second), length: 1200 * time.Millisecond}.start(t, m).succeed(t)
	late.succeed(t)
	m.expectTone(t, decode(t, r.expectCleanStream(t, m, 8)), 880, time.Second)
	m.expectIdle(t)
}

// TestRefusals checks the codes with which calls are refused, and what pages
// are asked.
func TestRefusals(t *testing.T) {
	t.Parallel()
	app := serve(t, map[string]page{
		"/busy":   actions(object{"reject": object{"cause": "busy"}}),
		"/raw":    actions(object{"reject": object{"raw_cause": "480"}}),
		"/broken": text(500, "no"),
		"/empty":  actions(),
	})
	m := setup{app: app, services: []service{
		{match: "busy", first: "/busy", final: "/busy-final"},
		{match: "raw", first: "/raw", final: "/raw-final"},
		{match: "broken", first: "/broken", final: "/broken-final", error: "/broken-error"},
		{match: "empty", first: "/empty", final: "/empty-final"},
		{match: "codec", first: "/codec"},
	}}.run(t)
	for _, tt := range []struct {
		name, user, formats string
		code                int
		course              []string // pages after the first
		cause               string   // told to the final page
	}{
		{"no service", "nobody", "0 101", 404, nil, ""},
		{"no codec in common", "codec", "18 101", 488, nil, ""},
		{"the page rejects as busy", "busy", "0 101", 486, []string{"/busy-final"}, "completed"},
		{"the page rejects with a code", "raw", "0 101", 480, []string{"/raw-final"}, "completed"},
		{"the first page fails", "broken", "0 101", 603, []string{"/broken-error", "/broken-final"}, "failed"},
		{"the page does nothing", "empty", "0 101", 603, []string{"/empty-final"}, "completed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(tt.user, tt.formats, tt.code).start(t, m).succeed(t)
			if tt.course == nil {
				if n := len(app.asked("/" + tt.user)); n > 0 {
					t.Errorf("first page asked %d times", n)
				}
				return
			}
			final := app.await(t, tt.course[len(tt.course)-1], 1)[0]
			app.expectCourse(t, final.info.ID, append([]string{"/" + tt.user}, tt.course...)...)
			if c := final.info.Call; c.Cause != tt.cause || c.RawCause != strconv.Itoa(tt.code) {
				t.Errorf("final page is told %+v", c)
			}
		})
	}
	if fault := app.asked("/broken-error")[0].info.Fault; fault == nil || !strings.HasPrefix(fault.Result, "PAGE_HTTP_STATUS") {
		t.Errorf("error page is told %+v", fault)
	}
	m.expectMetric(t, `mediaserver_page_requests_total{outcome="page_http_status",page="first"}`, 1)
	m.expectIdle(t)
}

// refused is a call that is to be refused with a code.
func refused(user, formats string, code int) sippCall {
	return sippCall{
		name: "refused_" + user, scenario: "refused", user: user,
		keys: map[string]string{"formats": formats}, replace: []string{`response="404"`, `response="` + strconv.Itoa(code) + `"`},
	}
}

// TestDrain ends a server with calls: new ones are refused, those running may
// end by themselves.
func TestDrain(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService(), more: "shutdown_grace_seconds: 20\n"}.run(t)
	r := record(t, "127.0.0.1")
	running := listenByHand(t, m, "meeting", "running", r)
	app.await(t, "/room-first", 1)
	if err := m.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "not ready", patience, func() bool { return m.get("/readyz") == 503 })
	late := refused("meeting", "0 101", 503).start(t, m)
	late.succeed(t)
	if !strings.Contains(late.read("messages.log"), "Retry-After: ") {
		t.Error("503 without Retry-After")
	}
	m.expectAlive(t)
	refused := time.Now()
	eventually(t, "the call that runs is heard", patience, func() bool { return len(between(r.heard(), refused, time.Now())) > 50 })
	running.hangUp(t)
	if code := m.exit(t, patience); code != 0 {
		t.Errorf("the server ended with code %d", code)
	}
	if c := app.await(t, "/final", 1)[0].info.Call; c.Cause != "hung_up" {
		t.Errorf("final page is told %+v", c)
	}
}

// TestDrainHangsUp ends a server whose calls do not end by themselves.
func TestDrainHangsUp(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService(), more: "shutdown_grace_seconds: 1\n"}.run(t)
	r := record(t, "127.0.0.1")
	running := sippCall{scenario: "stay", user: "meeting", keys: map[string]string{"recorder": r.port()}}.start(t, m)
	app.await(t, "/room-first", 1)
	if err := m.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	running.succeed(t)
	if code := m.exit(t, patience); code != 0 {
		t.Errorf("the server ended with code %d", code)
	}
	final := app.await(t, "/final", 1)[0]
	app.expectCourse(t, final.info.ID, "/first", "/room-first", "/room-final", "/final")
	if c := final.info.Call; c.Cause != "dropped" {
		t.Errorf("final page is told %+v", c)
	}
}
