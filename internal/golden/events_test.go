package golden

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mediaserver/call"
)

// happenings are the events of a world, in order.
type happenings struct {
	mu   sync.Mutex
	list []call.Event
}

// Emit notes an event.
func (h *happenings) Emit(e call.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, e)
}

func (h *happenings) all() []call.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

// told are the events of some kinds as text: "type who". who is the caller of
// the call, with a ' for a secondary call; else the room.
func (h *happenings) told(kinds ...string) []string {
	from := map[string]string{}
	var out []string
	for _, e := range h.all() {
		if e.Type == call.CallStarted {
			from[e.Call] = e.Started.From
			if e.Primary != "" {
				from[e.Call] += "'"
			}
		}
		kind, _, _ := strings.Cut(string(e.Type), ".")
		if !slices.Contains(kinds, kind) {
			continue
		}
		who := from[e.Call]
		if e.Call == "" {
			who = e.Conference
		}
		text := string(e.Type) + " " + who
		if e.Cause != call.NoCause {
			text += " " + e.Cause.String()
		}
		if e.Sound != nil && e.Sound.Outcome != "" {
			text += " " + e.Sound.Outcome
		}
		out = append(out, text)
	}
	return out
}

func wantTold(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wantPairs asserts that everything was closed exactly once, after its
// opening.
func wantPairs(t *testing.T, list []call.Event) {
	t.Helper()
	open := map[string]bool{}
	for _, e := range list {
		kind, _, _ := strings.Cut(string(e.Type), ".")
		id := map[string]string{
			"call": e.Call, "participant": e.Participant, "conference": e.Conference, "instance": e.Instance,
		}[kind]
		if e.Sound != nil {
			id = e.Sound.ID
		}
		key := kind + " " + id
		switch {
		case e.Type.Closed() != "" && open[key]:
			t.Errorf("%s is opened twice", key)
		case e.Type.Closed() != "":
			open[key] = true
		case e.Type.Closes() && !open[key]:
			t.Errorf("%s is closed, but not open", key)
		case e.Type.Closes():
			delete(open, key)
		}
	}
	for key := range open {
		t.Errorf("%s is never closed", key)
	}
}

func TestEventsOfAConference(t *testing.T) {
	var events happenings
	run(t, options{events: &events}, func(w *world) {
		w.file("play.wav", 1500, 500*milli)
		ph := meet(w, quiet(dict{"mute_digit": "7", "exit_digit": "#"}), quiet())
		w.at(3 * second)
		ph[0].press("7")
		w.at(4 * second)
		ph[0].press("7")
		w.at(5 * second)
		if _, err := w.manager.PlayToRoom(w.t.Context(), "room", call.Playlist{{File: "play.wav"}}); err != nil {
			t.Error(err)
		}
		w.at(6 * second)
		if err := w.manager.Lock("room", true); err != nil {
			t.Error(err)
		}
		w.at(7 * second)
		ph[0].press("#")
		w.at(8 * second)
		ph[1].hears(1500, 5100*milli, 5400*milli)
	})
	wantTold(
		t, events.told("conference", "participant", "play"),
		"conference.created room", "participant.entered 100'",
		"participant.entered 200'", "conference.started room",
		"participant.muted 100'", "participant.unmuted 100'",
		"play.started room", "play.ended room complete",
		"conference.locked room",
		"participant.left 100'", "conference.stopped room",
		"participant.left 200'", "conference.ended room",
	)
	wantTold(
		t, events.told("call", "instance"),
		"call.started 100", "call.ringing 100", "instance.started 100", "call.answered 100", "call.started 100'", "call.answered 100'",
		"call.started 200", "call.ringing 200", "instance.started 200", "call.answered 200", "call.started 200'", "call.answered 200'",
		"call.digit 100", "call.digit 100", "call.digit 100",
		"call.ended 100' completed", "call.ended 100 completed", "instance.ended 100 completed",
		"call.ended 200' dropped", "call.ended 200 hung_up", "instance.ended 200 hung_up",
	)
	wantPairs(t, events.all())
}

// TestMediaTimeOfEvents holds the media time of digits against the wall clock
// of this world, in which no frame is late.
func TestMediaTimeOfEvents(t *testing.T) {
	var events happenings
	run(t, options{events: &events}, func(w *world) {
		ph := meet(w, quiet())
		for _, at := range []time.Duration{2 * second, 3500 * milli, 7 * second} {
			w.at(at)
			ph[0].press("5")
		}
		w.at(8 * second)
	})
	var answered time.Time
	digits := 0
	for _, e := range events.all() {
		switch {
		case e.Type == call.CallAnswered && e.Primary == "":
			answered = e.Time
			if e.Media == nil || e.Media.MS != 0 {
				t.Errorf("media time of the answer: %v", e.Media)
			}
		case e.Type == call.CallDigit:
			digits++
			wall := e.Time.Sub(answered)
			if e.Media == nil || (time.Duration(e.Media.MS)*milli-wall).Abs() > 40*milli || e.Media.MS != 20*e.Media.Frame {
				t.Errorf("a digit at %v has media time %+v", wall, e.Media)
			}
		case e.Type == call.CallEnded && e.Primary == "":
			q := e.Ended.Quality
			if q == nil || q.Received < 300 || q.Sent < 300 || q.Lost != 0 || q.Codec != "PCMU" || q.LevelDBov < -30 || e.RawCause != 200 {
				t.Errorf("quality %+v, raw cause %d", q, e.RawCause)
			}
		}
	}
	if digits != 3 {
		t.Errorf("%d digits", digits)
	}
}

func TestEventsOfALockedRoom(t *testing.T) {
	var events happenings
	run(t, options{events: &events}, func(w *world) {
		meet(w, quiet())
		if err := w.manager.Lock("room", true); err != nil {
			t.Error(err)
		}
		w.on("first@"+q, answer(join("room", quiet())))
		late := w.dial(q, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(q, "first", "final")
		wantValue(t, w.request("final", q).info, "completed", "this_call", "call_cause")
		_ = late
	})
	wantTold(
		t, events.told("conference", "participant"),
		"conference.created room", "participant.entered 100'", "conference.locked room", "participant.left 100'", "conference.ended room",
	)
	wantPairs(t, events.all())
}

func TestARoomIsRecorded(t *testing.T) {
	var events happenings
	run(t, options{events: &events, record: true}, func(w *world) {
		meet(w, quiet(), quiet())
		name, err := w.manager.RecordRoom(w.t.Context(), "room", "room-room")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.manager.RecordRoom(w.t.Context(), "room", "again"); err == nil {
			t.Error("recorded twice")
		}
		w.at(5 * second)
		r, err := w.manager.StopRoomRecording(w.t.Context(), "room")
		if err != nil || r.Filename != name || (r.Duration-3*second).Abs() > 60*milli {
			t.Errorf("recording %+v, %v; want 3 s of %s", r, err, name)
		}
		w.at(6 * second)
		if _, err := w.manager.RecordRoom(w.t.Context(), "room", "until-the-end"); err != nil {
			t.Error(err)
		}
		w.at(7 * second)
	})
	wantTold(
		t, events.told("recording"),
		"recording.started room", "recording.ended room complete", "recording.started room", "recording.ended room complete",
	)
	wantPairs(t, events.all())
}

func TestEventsOfAPlayThatTheEndOfTheCallCuts(t *testing.T) {
	var events happenings
	run(t, options{events: &events}, func(w *world) {
		w.file("long.wav", 1500, 10*second)
		w.on("first@"+p, answer(file("long.wav")))
		ph := w.dial(p, phoneOptions{})
		w.at(2 * second)
		ph.hangUp()
		w.at(3 * second)
	})
	wantTold(
		t, events.told("call", "play", "page", "action"),
		"call.started 100", "call.ringing 100", "page.requested 100", "page.answered 100", "call.answered 100",
		"play.started 100", "play.ended 100 stopped", "call.ended 100 hung_up", "action.ended 100",
		"page.requested 100", "page.answered 100",
	)
	for _, e := range events.all() {
		if e.Action != nil && (e.Action.Outcome != "ended" || e.Action.Name != "play") {
			t.Errorf("action %+v", e.Action)
		}
		if e.Page != nil && strings.ContainsAny(e.Page.URL, "?@") {
			t.Errorf("page %+v", e.Page)
		}
	}
	wantPairs(t, events.all())
}
