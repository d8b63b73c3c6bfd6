package golden

import (
	"testing"
	"time"

	"mediaserver/restapi"
)

// allPages makes an action with every page of the secondary call set.
func allPages(room string, participant dict, more ...dict) dict {
	more = append(more, secondary(dict{"first_page": "sfirst", "final_page": "sfinal", "error_page": "serror"}),
		dict{"next_page": dict{"url": "next"}})
	return join(room, participant, more...)
}

// endPages makes an action with final, error and next page.
func endPages(room string, participant dict, more ...dict) dict {
	more = append([]dict{secondary(dict{"final_page": "sfinal", "error_page": "serror"}), {"next_page": dict{"url": "next"}}}, more...)
	return join(room, participant, more...)
}

func TestG09AnswerTimeout(t *testing.T) {
	run(t, options{destinations: elsewhere}, func(w *world) {
		w.file("after.wav", 700, second)
		w.on("first", answer(endPages("ext-1", quiet(), dict{"seconds_answer_timeout": 2}), file("after.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(5 * second)
		w.wantAsked(p, "first", "serror", "final")
		if at := w.request("serror", p).at; at < 2*second || at > 2100*milli {
			t.Errorf("error page asked at %v, want 2 s", at)
		}
		wantCode(t, w.request("serror", p), "CONNECT_TIMEOUT")
		a.hearsRinging(0, 2*second)
		a.hears(700, 2200*milli, 2900*milli)
	})
}

// wantCode asserts the code of an error page's request.
func wantCode(t *testing.T, r request, code string) {
	t.Helper()
	result, _ := get(t, r.info, "error_result", "result").(string)
	if len(result) < len(code) || result[:len(code)] != code {
		t.Errorf("error_result is %q, want %s", result, code)
	}
}

// destroyed lets R, who takes the room along, leave by what it does.
func destroyed(t *testing.T, rDigits dict, leave func(w *world, r *phone), rAsked ...string) {
	t.Helper()
	run(t, options{}, func(w *world) {
		for _, n := range []string{p, q} {
			w.on("first@"+n, answer(endPages("room", quiet())))
		}
		options := quiet(dict{"destroy_on_exit": true}, rDigits)
		w.on("first@"+r, answer(endPages("room", options, secondary(dict{"final_page": "sfinal", "minutes_max_call_duration": 1}))))
		w.dial(p, phoneOptions{})
		w.dial(q, phoneOptions{})
		leaver := w.dial(r, phoneOptions{})
		leaver.say(toneR)
		w.at(5 * second)
		leave(w, leaver)
		w.after(2 * second)
		for _, n := range []string{p, q} {
			w.wantAsked(n, "first", "sfinal", "next", "final")
			wantValue(t, w.request("sfinal", n).info, "hung_up", "this_call", "call_cause")
			get(t, w.request("next", n).info, "action_result", "result", "seconds_connected_duration")
		}
		w.wantAsked(r, rAsked...)
	})
}

func TestG32DestroyOnExitByHangUp(t *testing.T) {
	destroyed(t, nil, func(_ *world, r *phone) { r.hangUp() }, "first", "sfinal", "final")
}

func TestG33DestroyOnExitByDigitOrMaxDuration(t *testing.T) {
	t.Run("exit digit", func(t *testing.T) {
		destroyed(t, dict{"exit_digit": "9"}, func(_ *world, r *phone) { r.press("9") }, "first", "sfinal", "next", "final")
	})
	t.Run("max duration", func(t *testing.T) {
		destroyed(t, nil, func(w *world, _ *phone) { w.at(61 * second) }, "first", "sfinal", "next", "final")
	})
}

func TestG34DestroyedWithoutNextPageRunsTheNextAction(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("after.wav", 700, second)
		w.on("first@"+p, answer(join("room", quiet()), file("after.wav")))
		w.on("first@"+r, answer(join("room", quiet(dict{"destroy_on_exit": true}))))
		a := w.dial(p, phoneOptions{})
		b := w.dial(r, phoneOptions{})
		w.at(3 * second)
		b.hangUp()
		w.at(5 * second)
		a.hears(700, 3100*milli, 3900*milli)
		w.wantAsked(p, "first", "final")
	})
}

func TestG54MaximumDuration(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(join("room", quiet(), secondary(dict{"minutes_max_call_duration": 1, "final_page": "sfinal"}),
			dict{"next_page": dict{"url": "next"}})))
		w.dial(p, phoneOptions{})
		w.at(62 * second)
		w.wantAsked(p, "first", "sfinal", "next", "final")
		wantValue(t, w.request("sfinal", p).info, "dropped", "this_call", "call_cause")
		wantValue(t, w.request("next", p).info, 60.0, "action_result", "result", "seconds_connected_duration")
	})
}

func TestG55FirstPagePlaysToTheRoom(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("rec.wav", 700, 2*second)
		w.file("hold.wav", 1400, second)
		ph := meet(w, quiet())
		w.on("first@"+q, answer(allPages("room", quiet(), dict{"hold_media": file("hold.wav")})))
		w.on("sfirst", answer(file("rec.wav")))
		w.at(3 * second)
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(8 * second)
		ph[0].hears(700, 3100*milli, 4900*milli)
		ph[0].hearsNot(toneQ, 3*second, 4900*milli)
		ph[0].hears(toneQ, 5200*milli, 8*second)
		b.hears(1400, 3100*milli, 4900*milli)
		b.hearsNot(toneP, 3*second, 4900*milli)
		b.hearsNot(700, 3*second, 8*second)
		b.hears(toneP, 5200*milli, 8*second)
	})
}

func TestG56EmptyFirstPageConnectsAtOnce(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet())
		w.on("first@"+q, answer(allPages("room", quiet())))
		w.on("sfirst", `{"api_version":"2.0","actions":[]}`)
		w.at(2 * second)
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(4 * second)
		ph[0].hears(toneQ, 2200*milli, 4*second)
		b.hears(toneP, 2200*milli, 4*second)
	})
}

func TestG57FirstPageHangsUp(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("after.wav", 700, second)
		w.on("first", answer(allPages("room", quiet()), file("after.wav")))
		w.on("sfirst", answer(dict{"hang_up": dict{}}))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(p, "first", "sfirst", "sfinal", "final")
		wantValue(t, w.request("sfinal", p).info, "completed", "this_call", "call_cause")
		a.hears(700, 200*milli, 900*milli)
	})
}

func TestG58FirstPageFails(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("after.wav", 700, second)
		w.on("first", answer(allPages("room", quiet()), file("after.wav")))
		w.page("sfirst", page{status: 500})
		w.on("serror", answer())
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(p, "first", "sfirst", "serror", "sfinal", "final")
		wantCode(t, w.request("serror", p), "PAGE_HTTP_STATUS")
		a.hears(700, 200*milli, 900*milli)
	})
}

func TestG59FirstPageMayNotConnect(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(allPages("room", quiet())))
		w.on("sfirst", answer(join("other", quiet())))
		w.dial(p, phoneOptions{})
		w.at(second)
		wantCode(t, w.request("serror", p), "ACTION_NOT_ALLOWED")
	})
}

func TestG60SecondaryFinalPage(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(endPages("room", quiet(dict{"exit_digit": "1"}))))
		a := w.dial(p, phoneOptions{})
		w.at(second)
		a.press("1")
		w.at(2 * second)
		info := w.request("sfinal", p).info
		wantValue(t, info, "out", "this_call", "call_direction")
		wantValue(t, info, "room", "this_call", "call_to")
		wantValue(t, info, "idle", "this_call", "call_state")
		wantValue(t, info, p, "this_call", "call_from")
	})
}

func TestG61FullRoom(t *testing.T) {
	run(t, options{maxParticipants: 1}, func(w *world) {
		w.file("after.wav", 700, second)
		meet(w, quiet())
		w.on("first@"+q, answer(endPages("room", quiet()), file("after.wav")))
		b := w.dial(q, phoneOptions{})
		w.at(4 * second)
		w.wantAsked(q, "first", "serror", "final")
		wantCode(t, w.request("serror", q), "CONFERENCE_FULL")
		wantValue(t, w.request("serror", q).info, "connect_to_conference", "error_result", "action")
		b.hears(700, 1100*milli, 1900*milli)
	})
}

func TestG62FullRoomWithoutErrorPage(t *testing.T) {
	run(t, options{maxParticipants: 1}, func(w *world) {
		w.file("after.wav", 700, second)
		meet(w, quiet())
		w.on("first@"+q, answer(join("room", quiet()), file("after.wav")))
		b := w.dial(q, phoneOptions{})
		w.at(4 * second)
		w.wantAsked(q, "first", "final")
		b.hears(700, 1100*milli, 1900*milli)
		w.wantWarning("CONFERENCE_FULL")
	})
}

func TestG67WithoutNextPageTheNextActionRuns(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("after.wav", 700, second)
		w.on("first", answer(join("room", quiet(dict{"exit_digit": "1"}), dict{"next_page": nil}), file("after.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		a.press("1")
		w.at(5 * second)
		a.hears(700, 2200*milli, 2900*milli)
		w.wantAsked(p, "first", "final")
	})
}

func TestG68NextPageReplacesTheList(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("old.wav", 700, second)
		w.file("new.wav", 1400, second)
		w.on("first", answer(join("room", quiet(dict{"exit_digit": "1"}), dict{"next_page": dict{"url": "next"}}), file("old.wav")))
		w.on("next", answer(file("new.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		a.press("1")
		w.at(5 * second)
		a.hears(1400, 2200*milli, 2900*milli)
		a.hearsNot(700, 0, 5*second)
	})
}

func TestG69DurationV1IsAStringRoundedHalfUp(t *testing.T) {
	v1 := func(s *restapi.Service) { s.APIVersion = "1" }
	run(t, options{service: v1}, func(w *world) {
		w.on("first", answerV1(join("room", quiet(), dict{"next_page": dict{"url": "next"}})))
		w.on("first@"+r, answerV1(join("room", quiet(dict{"destroy_on_exit": true}))))
		w.dial(p, phoneOptions{})
		b := w.dial(r, phoneOptions{})
		connected := w.now()
		w.at(connected + 131060*milli)
		b.hangUp()
		w.after(second)
		got, ok := get(t, w.request("next", p).info, "action_result", "result", "seconds_connected_duration").(string)
		if !ok || got != "131.1" {
			t.Errorf("duration %q, want the string 131.1", got)
		}
	})
}

func TestG70DurationV2IsANumber(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(join("room", quiet(), dict{"next_page": dict{"url": "next"}})))
		w.on("first@"+r, answer(join("room", quiet(dict{"destroy_on_exit": true}))))
		w.dial(p, phoneOptions{})
		b := w.dial(r, phoneOptions{})
		w.after(60 * second)
		b.hangUp()
		w.after(second)
		if got, ok := get(t, w.request("next", p).info, "action_result", "result", "seconds_connected_duration").(float64); !ok || got != 60 {
			t.Errorf("duration %v, want the number 60.0", got)
		}
	})
}

func TestG71NoExtraChannels(t *testing.T) {
	none := func(s *restapi.Service) { s.ExtraCalls = new(int) }
	run(t, options{service: none}, func(w *world) {
		w.file("hello.wav", 700, second)
		w.on("first", answer(file("hello.wav"), join("room", quiet())))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(p, "first", "error", "final")
		wantCode(t, w.request("error", p), "NO_EXTRA_CHANNELS")
		a.hearsNot(700, 0, 3*second)
	})
}

func TestG72PrimaryHangsUpWhileConnected(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(endPages("room", quiet())))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.hangUp()
		w.at(4 * second)
		w.wantAsked(p, "first", "sfinal", "final")
		wantValue(t, w.request("sfinal", p).info, "dropped", "this_call", "call_cause")
		wantValue(t, w.request("final", p).info, "hung_up", "this_call", "call_cause")
	})
}

func TestG73PrimaryHangsUpDuringTheFirstPage(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), quiet())
		ph[1].hangUp()
		w.at(3 * second)
		w.on("first@"+r, answer(allPages("room", quiet())))
		w.page("sfirst", page{delay: 3 * second, body: func(request) string { return answer() }})
		c := w.dial(r, phoneOptions{})
		w.at(4 * second)
		c.hangUp()
		w.at(5 * second)
		ph[0].hearsNot(450, 3040*milli, 4*second) // started: no ringing
		w.at(8 * second)
		ph[0].hearsRinging(4*second, 8*second) // stopped at once, not after the page
		w.wantAsked(r, "first", "sfirst", "sfinal", "final")
	})
}

func TestG76NothingOfAnInvalidListRuns(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("hello.wav", 700, second)
		w.on("first", answer(file("hello.wav"), dict{"dance": dict{}}))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.hearsNot(700, 0, 3*second)
		wantCode(t, w.request("error", p), "UNKNOWN_ACTION")
	})
}

func TestG84Token(t *testing.T) {
	run(t, options{}, func(w *world) {
		next := func(url string) dict { return dict{"redirect": dict{"next_page": dict{"url": url}}} }
		w.on("first", encode(dict{"api_version": "2.0", "token": "t-1", "actions": []dict{next("b")}}))
		w.on("b", answer(next("c")))
		w.on("c", encode(dict{"api_version": "2.0", "token": nil, "actions": []dict{next("d")}}))
		w.on("d", answer())
		w.dial(p, phoneOptions{})
		w.at(second)
		for path, want := range map[string]any{"first": nil, "b": "t-1", "c": "t-1", "d": nil} {
			wantValue(t, w.request(path, p).info, want, "token")
		}
	})
}

func TestG86ErrorPageFails(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(dict{"sleep": dict{"seconds": 1}}, file("absent.wav")))
		w.page("error", page{status: 500})
		w.dial(p, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(p, "first", "error", "final")
		wantValue(t, w.request("final", p).info, "failed", "this_call", "call_cause")
	})
}

func TestG87ErrorPagePlays(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("sorry.wav", 700, second)
		w.on("first", answer(dict{"answer": dict{}}, file("absent.wav")))
		w.on("error", answer(file("sorry.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.hears(700, 100*milli, 900*milli)
		w.wantAsked(p, "first", "error", "final")
		wantCode(t, w.request("error", p), "MEDIA_NOT_FOUND")
	})
}

func TestG89NoSecondaryCallObject(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(join("room", quiet(dict{"exit_digit": "1"}), dict{"secondary_call": nil})))
		a := w.dial(p, phoneOptions{})
		w.at(239 * time.Minute)
		w.wantAsked(p, "first")
		a.press("1")
		w.after(second)
		w.wantAsked(p, "first", "final")
	})
}
