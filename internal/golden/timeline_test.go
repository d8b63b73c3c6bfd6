package golden

import (
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
)

// miraAction is the example of every property: the action with which Mira
// joins the board, and what is said if she cannot.
const miraAction = `{
  "api_version": "2.0",
  "actions": [
    {
      "connect_to_conference": {
        "name": "harbour-board-42", "hold_media": {"play": {"play_list": [{"file_to_play": "hold/waves.wav"}]}},
        "seconds_answer_timeout": 20,
        "conference_participant": {
          "talker": true, "start_on_entry": false, "destroy_on_exit": false, "beep_on_entry": true, "exit_digit": "0",
          "mute_digit": "7", "unmute_digit": "8",
          "while_stopped_media": {"play": {"play_list": [{"text_to_say": "The chair has not arrived yet."}, {"file_to_play": "hold/waves.wav"}]}},
          "name": {"play": {"play_list": [{"file_to_play": "names/mira.wav"}]}},
          "has_joined_message": {"play": {"play_list": [{"text_to_say": "is here."}]}},
          "has_left_message": {"play": {"play_list": [{"text_to_say": "has gone."}]}}
        },
        "secondary_call": {
          "call_recording": true, "call_recording_encryption": true, "minutes_max_call_duration": 90,
          "first_page": {"url": "room/first", "method": "POST"}, "final_page": {"url": "room/final", "method": "GET"},
          "error_page": "room/error"
        },
        "next_page": {"url": "after"}
      }
    },
    {"play": {"play_list": [{"text_to_say": "The meeting is not available."}]}}
  ]
}`

const miraFirst = `{
  "api_version": "2.0",
  "call_recording_cipher": {"type": "aescbc", "key": "000102030405060708090a0b0c0d0e0f", "initialisation_vector": "101112131415161718191a1b1c1d1e1f"},
  "actions": [{"play": {"play_list": [{"text_to_say": "Recording is on."}]}}]
}`

// Tones and callers of the timeline.
const (
	wavesTone     = 500.0
	miraNameTone  = 1500.0
	isHereTone    = 1700.0
	hasGoneTone   = 1900.0
	recordingTone = 2300.0
	mira          = "+441908000001"
	olaf          = "+441908000002"
)

// TestG90Timeline lets Mira join Olaf, who waits alone, by the action with
// every property, and holds requests and sounds against the timeline.
func TestG90Timeline(t *testing.T) {
	say := func(freq float64, d time.Duration) audio.Clip {
		return audio.ToneClip(8000, []float64{freq}, -12, d, 0)
	}
	speech := spoken{
		"is here.": say(isHereTone, 500*milli), "has gone.": say(hasGoneTone, 500*milli),
		"Recording is on.": say(recordingTone, 2*second), "The chair has not arrived yet.": say(300, second),
	}
	run(t, options{record: true, speech: speech}, func(w *world) {
		w.file("hold/waves.wav", wavesTone, second)
		w.file("names/mira.wav", miraNameTone, 500*milli)
		w.on("first@"+mira, miraAction)
		w.on("first@"+olaf, answer(join("harbour-board-42", nil)))
		w.page("room/first", page{delay: 200 * milli, body: func(request) string { return miraFirst }})
		o := w.dial(olaf, phoneOptions{})
		o.say(toneQ)
		const start = 3 * second
		w.at(start)
		m := w.dial(mira, phoneOptions{})
		m.say(toneP)
		for _, press := range []struct {
			at    time.Duration
			digit string
		}{{60 * second, "7"}, {63 * second, "8"}, {132500 * milli, "0"}} {
			w.at(start + press.at)
			m.press(press.digit)
		}
		w.at(start + 138*second)
		wantTimelinePages(t, w)
		wantOlafHears(t, o, start)
		m.hears(wavesTone, start+100*milli, start+2100*milli)
		m.hearsNot(wavesTone, start+2300*milli, start+132*second)
		m.hears(toneQ, start+2500*milli, start+132*second)
		m.hearsNot(toneQ, start+132600*milli, start+138*second)
	})
}

func wantTimelinePages(t *testing.T, w *world) {
	t.Helper()
	w.wantAsked(mira, "first", "room/first", "room/final", "after", "final")
	first := w.request("room/first", mira)
	wantValue(t, first.info, "out", "this_call", "call_direction")
	wantValue(t, first.info, "answered", "this_call", "call_state")
	wantValue(t, first.info, "harbour-board-42", "this_call", "call_to")
	final := w.request("room/final", mira)
	if final.method != "GET" {
		t.Errorf("the final page was asked with %s", final.method)
	}
	wantValue(t, final.info, "completed", "this_call", "call_cause")
	wantValue(t, final.info, 132.5, "this_call", "seconds_call_duration")
	name, _ := get(t, final.info, "this_call", "call_recording_filename").(string)
	if !strings.HasPrefix(name, "/rest_api/recordings/") || !strings.HasSuffix(name, "_2_call.wav") {
		t.Errorf("recording %q", name)
	}
	wantValue(t, w.request("after", mira).info, 130.3, "action_result", "result", "seconds_connected_duration")
}

// wantOlafHears: ringing; beep, name and message over the play of the first
// page; Mira, but while she is muted; her departure, ringing.
func wantOlafHears(t *testing.T, o *phone, start time.Duration) {
	t.Helper()
	o.hearsRinging(0, start)
	wantSpans(t, o, beepTone, span(start+60*milli, start+260*milli))
	wantSpans(t, o, miraNameTone, span(start+260*milli, start+760*milli), span(start+132540*milli, start+133040*milli))
	wantSpans(t, o, isHereTone, span(start+760*milli, start+1260*milli))
	wantSpans(t, o, hasGoneTone, span(start+133040*milli, start+133540*milli))
	o.hears(recordingTone, start+300*milli, start+2200*milli)
	o.hears(toneP, start+2500*milli, start+60*second)
	o.hearsNot(toneP, start+60100*milli, start+63*second)
	o.hears(toneP, start+63300*milli, start+132*second)
	o.hearsNot(toneP, start+132600*milli, start+137*second)
	o.hearsRinging(start+133700*milli, start+138*second)
}
