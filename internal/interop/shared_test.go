package interop

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// TestBurstOnSharedPorts has one SIPp, which receives all media at one address,
// place 50 calls a second: the shared ports cannot tell them apart, so most
// calls get sockets of their own, and none may fail.
func TestBurstOnSharedPorts(t *testing.T) {
	const calls = 100
	app := meeting(t)
	m := setup{app: app, services: meetingService(), shared: 4}.run(t)
	burst := sippCall{scenario: "burst", user: "meeting", calls: calls, rate: 50, length: time.Second / 2}.start(t, m)
	burst.succeed(t)
	if ok, failed := burst.statistic(t, "SuccessfulCall(C)"), burst.statistic(t, "FailedCall(C)"); ok != calls || failed != 0 {
		t.Errorf("%d calls succeeded and %d failed of %d", ok, failed, calls)
	}
	if n := m.metric(t, "mediaserver_rtp_shared_refused_total"); n < calls/2 {
		t.Errorf("%v calls of one address got sockets of their own", n)
	}
	m.expectIdle(t)
	m.expectMetric(t, "mediaserver_rtp_shared_calls", 0)
	m.expectAlive(t)
}

// TestStallHeals stops the server for half a second. What it could not play is
// left out, not made up for: the sound is back within 100 ms, on time, and at
// no time more than a few packets come at once.
func TestStallHeals(t *testing.T) {
	for name, shared := range map[string]int{"with a socket per call": 0, "on shared ports": 2} {
		t.Run(name, func(t *testing.T) { stallHeals(t, shared) })
	}
}

func stallHeals(t *testing.T, shared int) {
	t.Helper()
	const stall, heal, frequency = 500 * time.Millisecond, 100 * time.Millisecond, 440
	app := serve(t, map[string]page{
		"/first": actions(join("meeting", nil, nil)),
		"/final": func(http.ResponseWriter, request) {},
	})
	m := setup{app: app, services: meetingService(), shared: shared}.run(t)
	r := record(t, "127.0.0.1")
	listener := listenByHand(t, m, "meeting", "listener", r)
	talker := sippCall{
		scenario: "talk", user: "meeting", caller: "talker",
		tone: tone(frequency, 7*time.Second), length: 6 * time.Second,
	}.start(t, m)
	m.expectMetric(t, `mediaserver_conference_participants{role="talker"}`, 2)
	rest(t, 1500*time.Millisecond)
	if err := m.signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	rest(t, stall)
	continued := time.Now()
	if err := m.signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	resumed := time.Now()
	rest(t, heal)
	skipped := m.metric(t, "mediaserver_frames_skipped_total")
	rest(t, time.Second)
	// What the machine took from the server besides is not the stall's doing.
	taken := int(m.metric(t, "mediaserver_frames_skipped_total") - skipped)
	talker.succeed(t)
	listener.hangUp(t)
	if skipped < 20 {
		t.Errorf("%v frames counted as skipped in a stall of %v", skipped, stall)
	}
	packets := r.heard()
	if first := between(packets, resumed, resumed.Add(heal)); len(first) == 0 {
		t.Fatalf("no packet within %v after the stall", heal)
	}
	if first := between(packets, continued, resumed.Add(heal)); len(first) > int(resumed.Add(heal).Sub(continued)/packetTime)+3 {
		t.Fatalf("%d packets within %v after the stall", len(first), heal)
	}
	after := between(packets, resumed.Add(heal), resumed.Add(heal+800*time.Millisecond))
	if n, want := len(after), int(800*time.Millisecond/packetTime); n < want-3-taken || n > want+3 {
		t.Errorf("%d packets in 800 ms after that, want %d", n, want)
	}
	came := time.Duration(len(after)) * packetTime
	expectToneFor(t, "the recorder", decode(t, after), frequency, came*8/10, came+100*time.Millisecond)
}
