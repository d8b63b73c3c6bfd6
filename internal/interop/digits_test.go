package interop

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
)

// press is a digit of the tests.
func press(t *testing.T, b byte) dtmf.Digit {
	t.Helper()
	d, ok := dtmf.ParseDigit(b)
	if !ok {
		t.Fatalf("%q is no digit", b)
	}
	return d
}

// keyed is a meeting in which 1 mutes and unmutes and # leaves.
func keyed(t *testing.T) *application {
	t.Helper()
	return serve(t, map[string]page{
		"/first": actions(join("keyed", object{"mute_digit": "1", "exit_digit": "#"}, object{
			"secondary_call": object{"final_page": "/room-final"},
			"next_page":      "/next",
		})),
		"/listen": actions(join("keyed", object{"talker": false}, nil)),
		"/next":   actions(object{"hang_up": object{}}),
	})
}

func keyedServices() []service {
	return []service{
		{match: "keyed", first: "/first", final: "/final", error: "/error"},
		{match: "listen", first: "/listen", final: "/listen-final", error: "/error"},
	}
}

// keyedCapture is 1 s of tone, the key 1, 1 s of tone that is muted, the key 1
// again, 1 s of tone, silence, and the key #.
func keyedCapture(t *testing.T) []byte {
	t.Helper()
	c := newCapture()
	for _, key := range []byte("11#") {
		c.sound(*tone(440, time.Second))
		if key == '#' {
			c.sound(audio.Clip{Rate: rate, Samples: make([]int16, rate/2)})
		}
		c.key(press(t, key))
	}
	c.sound(*tone(440, time.Second)) // never heard: the caller has left
	return c.file.Bytes()
}

// keyedTone is the same with the keys as tones in the sound.
func keyedTone(t *testing.T) *audio.Clip {
	t.Helper()
	var samples []int16
	for _, key := range []string{"1", "1", "#"} {
		samples = append(samples, tone(440, time.Second).Samples...)
		digit, err := audio.DTMFTones(rate, key)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, digit.Samples[:rate/10]...) // without the pause
	}
	samples = append(samples, tone(440, 2*time.Second).Samples...)
	return &audio.Clip{Rate: rate, Samples: samples}
}

// TestKeysActAndAreNotHeard presses keys in the three ways in which they
// travel: mute, unmute, exit. Nobody hears them.
func TestKeysActAndAreNotHeard(t *testing.T) {
	for _, way := range []struct {
		name, method string
		call         func(t *testing.T) sippCall
	}{
		{"RFC 4733", "rfc4733", func(t *testing.T) sippCall {
			needRoot(t)
			return sippCall{scenario: "digits", pcap: keyedCapture(t)}
		}},
		{"SIP INFO", "info", func(t *testing.T) sippCall {
			return sippCall{scenario: "info", tone: tone(440, 10*time.Second)}
		}},
		{"tones in the sound", "inband", func(t *testing.T) sippCall {
			return sippCall{scenario: "inband", tone: keyedTone(t)}
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			for n := range attempts {
				again := false
				t.Run(fmt.Sprint("attempt ", n+1), func(t *testing.T) { again = !keysAct(t, way.method, way.call(t)) })
				if !again {
					return
				}
			}
			t.Errorf("the keys got lost %d times", attempts)
		})
	}
}

// attempts is how often keys are pressed when the machine, too busy for all
// the sound, has made holes in it: in a tone, which is then no key, or two of
// them, or in what is heard before a mute.
const attempts = 5

// keysAct has a SIPp press keys. It is false where the sound had holes, and not all
// keys of tones were heard, or not what was to be heard around them.
func keysAct(t *testing.T, method string, c sippCall) bool {
	t.Helper()
	app := keyed(t)
	m := setup{app: app, services: keyedServices()}.run(t)
	r := record(t, "127.0.0.1")
	listener := listenByHand(t, m, "listen", "listener", r)
	m.expectMetric(t, `mediaserver_conference_participants{role="listener"}`, 1)
	c.user, c.caller = "keyed", "presser"
	presser := c.start(t, m)
	left := presser.ends(sippLimit / 2)
	keys := m.metric(t, `mediaserver_dtmf_events_total{method="`+method+`"}`)
	if whole := left && keys == 3; method == "inband" && !whole && m.stumbles(t) > 0 {
		listener.hangUp(t)
		return false
	}
	presser.succeed(t)
	expectKeyedPages(t, app)
	m.expectMetric(t, `mediaserver_dtmf_events_total{method="`+method+`"}`, 3)
	listener.hangUp(t)
	m.expectIdle(t)
	sound := decode(t, r.expectCleanStream(t, m, 0))
	expectNoKeys(t, "the listener", sound, "1#")
	if err := mutedStretch(t, sound); err != nil {
		if m.stumbles(t) > 0 {
			t.Logf("once more: %v", err)
			return false
		}
		t.Error(err)
	}
	return true
}

// expectKeyedPages checks what the pages were told of who left by #.
func expectKeyedPages(t *testing.T, app *application) {
	t.Helper()
	next := app.await(t, "/next", 1)[0]
	app.expectCourse(t, next.info.ID, "/first", "/room-final", "/next", "/final")
	if c := app.asked("/room-final")[0].info.Call; c.Cause != "completed" {
		t.Errorf("secondary final page is told %+v", c)
	}
	if c := app.await(t, "/final", 1)[0].info.Call; c.Cause != "completed" {
		t.Errorf("final page is told %+v", c)
	}
	result := next.info.Result
	if result == nil || result.Action != "connect_to_conference" {
		t.Fatalf("next page is told the result %+v", result)
	}
	expectConnected(t, app.asked("/first")[0], next)
}

// mutedStretch says why it was not the tone that was heard, then nothing, and then
// the tone again; nil: it was.
func mutedStretch(t *testing.T, c audio.Clip) error {
	t.Helper()
	pieces := audio.ToneSpans(c, 440, toneDBov-6, 300*time.Millisecond)
	if len(pieces) == 0 {
		return errors.New("the tone was not heard at all")
	}
	heard := part(c, audio.Span{From: pieces[0].From, To: pieces[len(pieces)-1].To})
	silences := audio.Silences(heard, -60, 500*time.Millisecond)
	if len(silences) != 1 {
		return fmt.Errorf("while 440 Hz was to be heard, muted and heard again:%s; silences:%s", spans(pieces), spans(silences))
	}
	muted := silences[0]
	t.Logf("heard for %v, muted for %v, heard for %v", muted.From, muted.Length(), heard.Duration()-muted.To)
	if muted.From < 600*time.Millisecond || muted.Length() < 800*time.Millisecond || muted.Length() > 1600*time.Millisecond {
		return fmt.Errorf("muted at%s", spans(silences))
	}
	for _, s := range []audio.Span{{From: 0, To: muted.From}, {From: muted.To, To: heard.Duration()}} {
		piece := part(heard, s)
		if share := purity(piece, 440); share < pure {
			return fmt.Errorf("%s: 440 Hz has %.2f %% of the energy", spans([]audio.Span{s}), 100*share)
		}
	}
	return nil
}

// TestKeysOfSIPp has SIPp itself make the telephone events (play_dtmf), at a
// payload type of its own choice.
func TestKeysOfSIPp(t *testing.T) {
	t.Parallel()
	needRoot(t)
	app := keyed(t)
	m := setup{app: app, services: keyedServices()}.run(t)
	sippCall{scenario: "dtmf", user: "keyed"}.start(t, m).succeed(t)
	next := app.await(t, "/next", 1)[0]
	if !slices.Equal(app.course(next.info.ID)[:3], []string{"/first", "/room-final", "/next"}) {
		t.Errorf("pages %q", app.course(next.info.ID))
	}
	m.expectMetric(t, `mediaserver_dtmf_events_total{method="rfc4733"}`, 1)
	m.expectIdle(t)
}
