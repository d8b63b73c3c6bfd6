package interop

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
)

// What the phones of a conference have to hear.
const (
	steady     = 5 * time.Second        // of undisturbed conference
	measured   = 200 * time.Millisecond // pieces in which levels are taken
	levelError = 1.5                    // dB
	ownBelow   = 40.0                   // dB, at least, by which the own tone is below the others
	longestGap = 60 * time.Millisecond
	muteLimit  = 200 * time.Millisecond
	// unmuteLimit holds as well the key itself, which baresip sends for 240 ms
	// and beside which no sound is let through.
	unmuteLimit = 600 * time.Millisecond
)

// TestPhonesInConference has three baresip phones talk, each with a tone of
// its own, two of them in µ-law and one in A-law, one of them by TCP, and a
// fourth that may only listen. A call of the test that only listens takes the
// time: its recorder knows when each packet came.
func TestPhonesInConference(t *testing.T) { phonesInConference(t, 0) }

// TestPhonesOnSharedPorts is the same conference on two shared RTP ports.
func TestPhonesOnSharedPorts(t *testing.T) { phonesInConference(t, 2) }

// phonesInConference holds the conference on so many shared ports; 0 = each
// call on a socket of its own.
func phonesInConference(t *testing.T, shared int) {
	t.Helper()
	app := conferenceApplication(t)
	m := setup{app: app, shared: shared, services: []service{
		{match: "talk", first: "/talk", final: "/final", error: "/error"},
		{match: "listen", first: "/listen", final: "/final", error: "/error"},
	}}.run(t)
	talkers := []*phone{
		phoneSetup{name: "anna", freq: 440, codec: "PCMU"}.start(t),
		phoneSetup{name: "bert", freq: 880, codec: "PCMA"}.start(t),
		phoneSetup{name: "carl", freq: 1320, codec: "PCMU", tcp: true}.start(t),
	}
	silent := phoneSetup{name: "dora", freq: 1760, codec: "PCMA"}.start(t)
	for _, p := range talkers {
		p.call(t, m, "talk")
	}
	silent.call(t, m, "listen")
	clock := record(t, "127.0.0.1")
	observer := listenByHand(t, m, "listen", "observer", clock)
	m.expectMetric(t, `mediaserver_conference_participants{role="talker"}`, 3)
	m.expectMetric(t, `mediaserver_conference_participants{role="listener"}`, 2)
	m.expectMetric(t, "mediaserver_sip_tcp_connections", 1)
	if shared > 0 {
		m.expectMetric(t, "mediaserver_rtp_shared_calls", 5)
	}
	rest(t, steady+time.Second)

	anna := talkers[0]
	muted := time.Now()
	anna.command(t, "sndcode", "1")
	rest(t, 1500*time.Millisecond)
	unmuted := time.Now()
	anna.command(t, "sndcode", "1")
	rest(t, 1500*time.Millisecond)
	anna.command(t, "sndcode", "3")
	anna.awaitEnd(t)
	expectExitByKey(t, app)
	observer.hangUp(t)
	for _, p := range []*phone{talkers[1], talkers[2], silent} {
		p.hangUp(t)
	}
	m.expectMetric(t, `mediaserver_dtmf_events_total{method="rfc4733"}`, 3)
	m.expectIdle(t)
	stumbles := m.stumbles(t)
	for _, p := range append(talkers[:3:3], silent) {
		expectOthers(t, p, talkers, silent, stumbles)
	}
	for _, p := range append(talkers[1:], silent) {
		expectMuted(t, p.name, p.recording(t), anna.freq)
	}
	expectLatencies(t, clock.expectCleanStream(t, m, 0), anna.freq, muted, unmuted)
}

// conferenceApplication places callers in one room.
func conferenceApplication(t *testing.T) *application {
	t.Helper()
	pages := object{"next_page": "/next", "secondary_call": object{"final_page": "/room-final"}}
	return serve(t, map[string]page{
		"/talk":   actions(join("conference", object{"mute_digit": "1", "exit_digit": "3"}, pages)),
		"/listen": actions(join("conference", object{"talker": false}, pages)),
		"/next":   actions(object{"hang_up": object{}}),
	})
}

// expectExitByKey checks what the pages are told of the one who left by a key.
func expectExitByKey(t *testing.T, app *application) {
	t.Helper()
	next := app.await(t, "/next", 1)[0]
	app.expectCourse(t, next.info.ID, "/talk", "/room-final", "/next", "/final")
	if next.info.Result == nil || next.info.Result.Action != "connect_to_conference" {
		t.Fatalf("next page is told the result %+v", next.info.Result)
	}
	seconds := next.info.Result.Result.Connected.String()
	whole, tenths, ok := strings.Cut(seconds, ".")
	if _, err := strconv.Atoi(whole); err != nil || !ok || len(tenths) != 1 {
		t.Errorf("duration %q has not one decimal", seconds)
	}
	expectConnected(t, app.asked("/talk")[0], next)
}

// expectConnected checks that the next page is told how long a connection
// lasted: about as long as it is asked after the first.
func expectConnected(t *testing.T, first, next request) {
	t.Helper()
	connected, err := next.info.Result.Result.Connected.Float64()
	if took := next.at.Sub(first.at).Seconds(); err != nil || math.Abs(took-connected) > 1 {
		t.Errorf("the next page is told %v s; from the first page to the next it took %.1f s", connected, took)
	}
}

// together is the steady part of a recording: after the tones of all others
// have come, for as long as the conference went on undisturbed.
func together(t *testing.T, p *phone, others []*phone) audio.Clip {
	t.Helper()
	c := p.recording(t)
	var s audio.Span
	for _, o := range others {
		pieces := audio.ToneSpans(c, o.freq, toneDBov-6, 500*time.Millisecond)
		if len(pieces) == 0 {
			t.Fatalf("%s does not hear %s at all", p.name, o.name)
		}
		s.From = max(s.From, pieces[0].From)
	}
	s.From += time.Second / 2
	s.To = s.From + steady
	c = part(c, s)
	if c.Duration() < steady {
		t.Fatalf("%s heard the others for %v only", p.name, c.Duration())
	}
	return c
}

// expectOthers checks the steady part of what a phone heard: each other
// talker as loud as it speaks, not itself, not the listener, and no gaps.
// Where the machine stumbled a third of the levels may be wrong, and gaps may
// last longer by the frames that are missing.
func expectOthers(t *testing.T, p *phone, talkers []*phone, silent *phone, stumbles int) {
	t.Helper()
	var others, absent []*phone
	for _, o := range append(talkers[:len(talkers):len(talkers)], silent) {
		if o == p || o == silent {
			absent = append(absent, o)
		} else {
			others = append(others, o)
		}
	}
	c := together(t, p, others)
	for _, o := range others {
		list := levels(c, o.freq, measured)
		if stumbles > 0 { // breaks in the phase of the tone
			list = list[len(list)/3:]
		}
		low, high := list[0], list[len(list)-1]
		t.Logf("%s hears %s at %.1f to %.1f dBov", p.name, o.name, low, high)
		if low < toneDBov-levelError || high > toneDBov+levelError {
			t.Errorf("%s hears %s at %.1f to %.1f dBov, want %.1f", p.name, o.name, low, high, toneDBov)
		}
	}
	for _, o := range absent {
		high := slices.Max(levels(c, o.freq, measured))
		t.Logf("%s hears %s at %.1f dBov at most", p.name, o.name, high)
		if high > toneDBov-ownBelow {
			t.Errorf("%s hears %s, who must not be heard, at %.1f dBov", p.name, o.name, high)
		}
	}
	gap := audio.LongestSilence(c, -45)
	t.Logf("%s: longest gap %v in %v", p.name, gap.Length(), c.Duration())
	if gap.Length() >= longestGap+time.Duration(stumbles)*packetTime {
		t.Errorf("%s hears a gap of %v at %v", p.name, gap.Length(), gap.From)
	}
}

// expectMuted checks that a tone ended, came back, and ended for good, and
// that no key was heard.
func expectMuted(t *testing.T, who string, c audio.Clip, freq float64) {
	t.Helper()
	pieces := audio.ToneSpans(c, freq, toneDBov-6, 400*time.Millisecond)
	if len(pieces) < 2 {
		t.Errorf("%s hears %.0f Hz at%s; it was muted for 1.5 s", who, freq, spans(pieces))
		return
	}
	last := len(pieces) - 1
	pause := audio.Span{From: pieces[last-1].To, To: pieces[last].From}
	if pause.Length() < 1300*time.Millisecond || pause.Length() > 1900*time.Millisecond {
		t.Errorf("%s: %.0f Hz was muted for %v of 1.5 s", who, freq, pause.Length())
	}
	pause.From += 3 * packetTime
	pause.To -= 3 * packetTime
	high := slices.Max(levels(part(c, pause), freq, measured))
	t.Logf("%s hears %.0f Hz at %.1f dBov while it is muted", who, freq, high)
	if high > toneDBov-ownBelow {
		t.Errorf("%s hears %.0f Hz at %.1f dBov while it is muted", who, freq, high)
	}
	expectNoKeys(t, who, c, "13")
}

// expectLatencies measures by the clock of the recorder how long after the
// command to the phone a tone ends and comes back.
func expectLatencies(t *testing.T, packets []packet, freq float64, muted, unmuted time.Time) {
	t.Helper()
	has := func(p packet) bool { return level(decode(t, []packet{p}), freq) > toneDBov-12 }
	var last, first time.Time
	for _, p := range between(packets, muted.Add(-time.Second), unmuted) {
		if has(p) {
			last = p.at
		}
	}
	for _, p := range between(packets, unmuted, unmuted.Add(2*time.Second)) {
		if has(p) {
			first = p.at
			break
		}
	}
	if last.IsZero() || first.IsZero() {
		t.Fatalf("%.0f Hz last at %v, again at %v", freq, last, first)
	}
	t.Logf("muted %v after the command, heard again %v after it", last.Sub(muted), first.Sub(unmuted))
	if d := last.Sub(muted); d > muteLimit {
		t.Errorf("muted only %v after the command", d)
	}
	if d := first.Sub(unmuted); d > unmuteLimit {
		t.Errorf("heard again only %v after the command", d)
	}
}
