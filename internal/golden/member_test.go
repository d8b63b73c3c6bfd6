package golden

import (
	"testing"
	"testing/fstest"
	"time"

	"mediaserver/audio"
	"mediaserver/restapi"
)

func TestMutedTalkerIsATalker(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"mute_digit": "7"}))
		w.at(2 * second)
		ph[0].press("7")
		w.at(3 * second)
		w.on("first@"+q, answer(join("room", quiet(dict{"talker": false}))))
		b := w.dial(q, phoneOptions{})
		w.at(6 * second)
		ph[0].press("7")
		w.at(8 * second)
		b.hearsSilence(3100*milli, 6*second) // no ringing: the room is started
		b.hears(toneP, 6200*milli, 8*second)
	})
}

func TestMuteDoesNotOutliveAnExit(t *testing.T) {
	run(t, options{}, func(w *world) {
		again := quiet(dict{"mute_digit": "7", "exit_digit": "#"})
		w.on("first@"+p, answer(join("room", again), join("room", again)))
		w.on("first@"+q, answer(join("room", quiet())))
		a, b := w.dial(p, phoneOptions{}), w.dial(q, phoneOptions{})
		a.say(toneP)
		w.at(2 * second)
		a.press("7")
		w.at(4 * second)
		a.press("#")
		w.at(7 * second)
		b.hearsNot(toneP, 2100*milli, 4*second)
		b.hears(toneP, 4400*milli, 7*second)
	})
}

func TestRoomThatHasStartedDoesNotNeedATalker(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"talker": false}), quiet(dict{"talker": false}), quiet())
		w.at(4 * second)
		ph[2].hangUp()
		w.at(8 * second)
		for _, x := range ph[:2] {
			x.hears(toneR, 2200*milli, 4*second)
			x.hearsSilence(4100*milli, 8*second)
		}
	})
}

// TestMediaOfAStoppedRoomBeginAnew each time it stops.
func TestMediaOfAStoppedRoomBeginAnew(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("one.wav", 700, second)
		w.file("two.wav", 1400, 5*second)
		both := dict{"play": dict{"play_list": []dict{{"file_to_play": "one.wav"}, {"file_to_play": "two.wav"}}}}
		w.on("first@"+p, answer(join("room", quiet(dict{"while_stopped_media": both}))))
		w.on("first@"+q, answer(join("room", quiet())))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		b := w.dial(q, phoneOptions{})
		w.at(5 * second)
		b.hangUp()
		w.at(8 * second)
		wantSpans(t, a, 700, span(0, second), span(5*second, 6*second))
		wantSpans(t, a, 1400, span(second, 3*second), span(6*second, 8*second))
	})
}

// TestMediaThatCannotBeHeardAreReplacedByRinging: those of hold and of the
// stopped room, where a file is missing, holds no audio, or is none.
func TestMediaThatCannotBeHeardAreReplacedByRinging(t *testing.T) {
	for name, list := range map[string][]dict{
		"missing":                   {{"file_to_play": "absent.wav"}},
		"missing behind one there":  {{"file_to_play": "there.wav"}, {"file_to_play": "absent.wav"}},
		"without any audio":         {{"file_to_play": "empty.wav"}},
		"no audio file":             {{"file_to_play": "text.wav"}},
		"a text without a speaker":  {{"text_to_say": "hello"}},
		"an address without a page": {{"file_to_play": "http://media.test/absent.wav"}},
	} {
		for _, property := range []string{"hold_media", "while_stopped_media"} {
			t.Run(name+" "+property, func(t *testing.T) {
				run(t, options{web: &mediaWeb{}}, func(w *world) {
					w.file("there.wav", 700, second)
					w.file("empty.wav", 700, 0)
					w.store["text.wav"] = &fstest.MapFile{Data: []byte("no audio at all")}
					play := dict{"play": dict{"play_list": list}}
					if property == "hold_media" {
						w.on("first", answer(allPages("room", quiet(), dict{property: play})))
						w.page("sfirst", page2(time.Minute, answer()))
					} else {
						w.on("first", answer(join("room", quiet(dict{property: play}))))
					}
					a := w.dial(p, phoneOptions{})
					w.at(6 * second)
					a.hearsRinging(100*milli, 6*second)
					a.hearsNot(700, 0, 6*second)
					w.wantWarning("media cannot be played", "property="+property)
					if asked := w.asked(p); asked[0] != "first" || len(asked) > 2 {
						t.Errorf("asked %v", asked)
					}
				})
			})
		}
	}
}

// TestHeldKeyActsOnceAtItsStart, however it is reported.
func TestHeldKeyActsOnceAtItsStart(t *testing.T) {
	for name, events := range map[string]bool{"telephone events": true, "in band": false} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				w.on("first@"+p, answer(join("room", quiet(dict{"mute_digit": "7", "exit_digit": "9"}), dict{"next_page": "next"})))
				w.on("first@"+q, answer(join("room", quiet())))
				a, b := w.dial(p, phoneOptions{noEvents: !events}), w.dial(q, phoneOptions{})
				a.say(toneP)
				held := func(key byte, low, high float64) {
					if events {
						a.hold(key, 3*second)
						return
					}
					a.mu.Lock()
					defer a.mu.Unlock()
					a.voice = audio.NewTone(8000, []float64{low, high}, -10)
				}
				w.at(2 * second)
				held('7', 852, 1209)
				w.at(5 * second)
				a.say(toneP)
				w.at(8 * second)
				w.wantAsked(p, "first")
				held('9', 852, 1477)
				w.at(11 * second)
				b.hears(toneP, 500*milli, 1900*milli)
				b.hearsSilence(2200*milli, 8*second) // muted, and no tone of the key
				if at := w.request("next", p).at; at > 8300*milli {
					t.Errorf("the exit digit acted at %v, want 8 s", at)
				}
			})
		})
	}
}

// TestOtherReportsDoNotCountWhereEventsWereAgreed: neither INFO nor tones.
func TestOtherReportsDoNotCountWhereEventsWereAgreed(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"mute_digit": "7"}), quiet())
		w.at(3 * second)
		ph[0].info(7, "7")
		w.at(4 * second)
		ph[0].tones("7")
		w.at(5 * second)
		ph[0].say(toneP)
		w.at(7 * second)
		ph[1].hears(toneP, 3100*milli, 4*second)
		ph[1].hears(toneP, 5200*milli, 7*second)
	})
}

// TestInfoAndTonesOfOnePressAreOne, 100 ms apart.
func TestInfoAndTonesOfOnePressAreOne(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(dict{"mute_digit": "7"}))))
		w.on("first@"+q, answer(join("room", quiet())))
		a, b := w.dial(p, phoneOptions{noEvents: true}), w.dial(q, phoneOptions{})
		w.at(2 * second)
		a.tones("7")
		w.after(100 * milli)
		a.info(7, "7")
		w.at(3 * second)
		a.say(toneP)
		w.at(5 * second)
		b.hearsSilence(2*second, 5*second)
	})
}

// TestListTellsWhatChanges of a participant: whether it is muted, takes
// digits, and is connected.
func TestListTellsWhatChanges(t *testing.T) {
	run(t, options{}, func(w *world) {
		meet(w, quiet())
		w.on("first@"+q, answer(allPages("room", quiet(dict{"mute_digit": "7"}))))
		w.page("sfirst", page2(2*second, answer()))
		b := w.dial(q, phoneOptions{})
		w.at(2 * second)
		list := w.ask("conference_participant_list", "conference_name", "room")
		want(t, list, false, "participants", 1, "connected")
		want(t, list, w.start.Add(second).Unix(), "participants", 1, "entry_time")
		w.at(4 * second)
		b.press("7")
		w.ask("conference_participant_set_options", "conference_name", "room", "participant_id", w.instanceOf(p), "mute", "true", "enable_dtmf", "false")
		w.at(5 * second)
		list = w.ask("conference_participant_list", "conference_name", "room")
		want(t, list, true, "participants", 0, "muted")
		want(t, list, false, "participants", 0, "enable_dtmf")
		want(t, list, true, "participants", 1, "connected")
		want(t, list, true, "participants", 1, "muted")
		want(t, list, true, "participants", 1, "enable_dtmf")
	})
}

// TestRoomKnowsTheFarEndOfACallThatWePlaced: it is the caller of the secondary
// call.
func TestRoomKnowsTheFarEndOfACallThatWePlaced(t *testing.T) {
	net := &network{}
	service := outbound(func(s *restapi.Service) { s.ExtraCalls = new(1) })
	run(t, options{more: service, dialer: net}, func(w *world) {
		net.w = w
		w.on("ofirst", answer(allPages("room", quiet(dict{"exit_digit": "#"}))))
		w.ask("service_start", "service", "caller", "rest_calls", `{"to":"sip:bob@phones.test","from":"100"}`)
		w.at(2 * second)
		var from any
		w.mu.Lock()
		for _, r := range w.requests {
			if r.path == "sfirst" {
				from = r.info["this_call"].(dict)["call_from"]
			}
		}
		w.mu.Unlock()
		if from != "sip:bob@phones.test" && from != "bob@phones.test" {
			t.Errorf("call_from of the secondary call is %v, want the callee's address", from)
		}
		list := w.ask("conference_participant_list", "conference_name", "room")
		want(t, list, from, "participants", 0, "call_from")
	})
}

// TestCallsThatDialARoomHaveTheDefaultsOfAParticipant.
func TestCallsThatDialARoomHaveTheDefaultsOfAParticipant(t *testing.T) {
	rooms := outbound(func(s *restapi.Service) { s.Outbound.Rooms = true })
	run(t, options{more: rooms}, func(w *world) {
		ph := meet(w, quiet(dict{"start_on_entry": false, "talker": false}))
		silent(ph...)
		w.on("ofirst", answer(dict{"sleep": dict{"seconds": 10}}))
		w.at(2 * second)
		w.ask("service_start", "service", "caller", "rest_calls", `{"to":"con:room","from":"200"}`)
		w.at(4 * second)
		list := w.ask("conference_participant_list", "conference_name", "room")
		for key, value := range map[string]bool{"talker": true, "muted": false, "start_on_entry": true, "destroy_on_exit": false} {
			want(t, list, value, "participants", 1, key)
		}
		if n := len(ph[0].spans(beepTone)); n != 1 {
			t.Errorf("%d beeps, want one on the entry", n)
		}
		ph[0].hearsNot(450, 2500*milli, 4*second) // started
	})
}
