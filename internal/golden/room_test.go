package golden

import (
	"testing"
	"time"
)

// meet lets P, Q, … join "room" with these participants, one call each, a
// second apart, each speaking its tone.
func meet(w *world, participants ...dict) []*phone {
	w.t.Helper()
	numbers, tones := []string{p, q, r}, []float64{toneP, toneQ, toneR}
	var phones []*phone
	for i, options := range participants {
		w.on("first@"+numbers[i], answer(join("room", options)))
		ph := w.dial(numbers[i], phoneOptions{})
		ph.say(tones[i])
		phones = append(phones, ph)
		w.at(time.Duration(i+1) * second)
	}
	return phones
}

func TestG04NamesAreCaseSensitive(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet())))
		w.on("first@"+q, answer(join("Room", quiet())))
		a, b := w.dial(p, phoneOptions{}), w.dial(q, phoneOptions{})
		a.say(toneP)
		b.say(toneQ)
		w.at(5 * second)
		a.hearsNot(toneQ, second, 5*second)
		b.hearsNot(toneP, second, 5*second)
		a.hearsRinging(0, 5*second)
		b.hearsRinging(0, 5*second)
	})
}

func TestG05HoldMediaLoopedToThePrimary(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("hold.wav", 700, second)
		w.on("first@"+p, answer(join("room", quiet(), dict{"hold_media": file("hold.wav")}, secondary(dict{"first_page": "http://app.test/room"}))))
		w.page("room", page{delay: 3 * second, body: func(request) string { return answer() }})
		a := w.dial(p, phoneOptions{})
		w.at(4 * second)
		a.hears(700, 100*milli, 900*milli)
		a.hears(700, 1100*milli, 2900*milli)
		a.hearsNot(400, 0, 2900*milli)
		a.hearsNot(700, 3100*milli, 4*second)
	})
}

func TestG06RingingWithoutHoldMedia(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(), secondary(dict{"first_page": "http://app.test/room"}))))
		w.page("room", page{delay: 3 * second, body: func(request) string { return answer() }})
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		a.hearsRinging(0, 3*second)
		a.hearsSilence(1200*milli, 2800*milli)
	})
}

func TestG07MissingHoldMediaRingsWithAWarning(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(), dict{"hold_media": file("absent.wav")}, secondary(dict{"first_page": "http://app.test/room"}))))
		w.page("room", page{delay: 3 * second, body: func(request) string { return answer() }})
		a := w.dial(p, phoneOptions{})
		w.at(4 * second)
		a.hearsRinging(0, 3*second)
		w.wantWarning("hold_media", "absent.wav")
		w.wantAsked(p, "first", "room")
	})
}

func TestG11DefaultsOfAParticipant(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first", answer(dict{"connect_to_conference": dict{"name": "room", "conference_participant": nil}}))
		a, b := w.dial(p, phoneOptions{}), w.dial(q, phoneOptions{})
		a.say(toneP)
		b.say(toneQ)
		w.at(second)
		for _, d := range "0123456789ABCD#*" {
			a.press(string(d))
		}
		w.at(6 * second)
		if n := len(a.spans(1000)); n != 1 {
			t.Errorf("P hears %d beeps, want 1 on Q's entry", n)
		}
		a.hears(toneQ, 500*milli, 6*second)
		b.hears(toneP, 4*second, 6*second)
		w.wantAsked(p, "first")
	})
}

func TestG12MuteDigitToggles(t *testing.T) { muteToggles(t, quiet(dict{"mute_digit": "7"})) }

func TestG14UnmuteDigitAbsentOrEqualToggles(t *testing.T) {
	for name, unmute := range map[string]any{"null": nil, "empty": "", "equal": "7"} {
		t.Run(name, func(t *testing.T) {
			muteToggles(t, quiet(dict{"mute_digit": "7", "unmute_digit": unmute}))
		})
	}
}

// muteToggles presses 7 twice: muted, then unmuted; and no digit is heard.
func muteToggles(t *testing.T, participant dict) {
	run(t, options{}, func(w *world) {
		ph := meet(w, participant, quiet())
		w.at(4 * second)
		ph[0].press("7")
		w.at(6 * second)
		ph[0].press("7")
		w.at(8 * second)
		ph[1].hears(toneP, 2*second, 4*second)
		ph[1].hearsSilence(4060*milli, 6*second)
		ph[1].hears(toneP, 6200*milli, 8*second)
		for _, f := range []float64{852, 1209} {
			if f != toneQ {
				ph[1].hearsNot(f+3, 4*second, 4100*milli)
			}
		}
		ph[0].hears(toneQ, 4100*milli, 8*second)
	})
}

func TestG13SeparateMuteAndUnmuteDigits(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"mute_digit": "7", "unmute_digit": "8"}), quiet())
		for i, d := range []string{"7", "7", "8", "8"} {
			w.at(time.Duration(4+2*i) * second)
			ph[0].press(d)
		}
		w.at(12 * second)
		ph[1].hears(toneP, 2*second, 4*second)
		ph[1].hearsSilence(4100*milli, 6*second)
		ph[1].hearsSilence(6*second, 8*second)
		ph[1].hears(toneP, 8200*milli, 10*second)
		ph[1].hears(toneP, 10200*milli, 12*second)
	})
}

func TestG16NoMuteDigit(t *testing.T) {
	for name, digit := range map[string]any{"empty": "", "null": nil} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				ph := meet(w, quiet(dict{"mute_digit": digit}), quiet())
				ph[0].say(0)
				w.at(3 * second)
				ph[0].press("5")
				w.at(4 * second)
				ph[1].hearsSilence(3*second, 4*second)
				ph[0].say(toneP)
				w.at(5 * second)
				ph[1].hears(toneP, 4200*milli, 5*second)
			})
		})
	}
}

func TestG17ExitDigit(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(dict{"exit_digit": "#"}),
			dict{"next_page": dict{"url": "next"}}, secondary(dict{"final_page": "sfinal"}))))
		a := w.dial(p, phoneOptions{})
		w.at(10 * second)
		a.press("#")
		w.at(11 * second)
		w.wantAsked(p, "first", "sfinal", "next", "final")
		wantValue(t, w.request("sfinal", p).info, "completed", "this_call", "call_cause")
		wantValue(t, w.request("next", p).info, "10", "action_result", "result", "seconds_connected_duration")
	})
}

func TestG18NoExitDigit(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"exit_digit": ""}), quiet())
		ph[0].press("#")
		w.at(5 * second)
		ph[1].hears(toneP, 3*second, 5*second)
		w.wantAsked(p, "first")
	})
}

func TestG23EveryDigitCanBeTheExit(t *testing.T) {
	for _, d := range "0123456789ABCD#*" {
		t.Run(string(d), func(t *testing.T) {
			run(t, options{}, func(w *world) {
				w.on("first", answer(join("room", quiet(dict{"exit_digit": string(d)}), dict{"next_page": dict{"url": "next"}})))
				a := w.dial(p, phoneOptions{})
				w.at(second)
				a.press(string(d))
				w.at(2 * second)
				w.wantAsked(p, "first", "next", "final")
			})
		})
	}
}

func TestG24ListenerIsHeardByNobody(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"talker": false}), quiet(), quiet())
		w.at(6 * second)
		ph[1].hearsNot(toneP, 0, 6*second)
		ph[2].hearsNot(toneP, 0, 6*second)
		ph[0].hears(toneQ, 3*second, 6*second)
		ph[0].hears(toneR, 3*second, 6*second)
		ph[1].hears(toneR, 3*second, 6*second)
		ph[1].hearsNot(toneQ, 3*second, 6*second)
	})
}

func TestG25ListenerCannotUnmute(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"talker": false, "mute_digit": "7", "unmute_digit": "8"}), quiet())
		ph[0].press("8")
		w.at(5 * second)
		ph[1].hearsNot(toneP, 0, 5*second)
	})
}

func TestG26RoomStartsWithTheFirstTalker(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"talker": false}), quiet(dict{"talker": false}))
		w.at(6 * second)
		w.on("first@"+r, answer(join("room", quiet())))
		talker := w.dial(r, phoneOptions{})
		talker.say(toneR)
		w.at(9 * second)
		for _, x := range ph {
			x.hearsRinging(2*second, 6*second)
			x.hearsNot(450, 6040*milli, 9*second)
			x.hears(toneR, 6200*milli, 9*second)
		}
	})
}

func TestNameOfARemovedRoomCanBeUsedAgain(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"start_on_entry": false}))
		ph[0].hangUp()
		w.at(3 * second)
		meetAnew(w)
	})
}

// meetAnew has two others meet in the room from the third to the fifth second, and gives
// the one who says toneQ.
func meetAnew(w *world) *phone {
	w.on("first", answer(join("room", quiet())))
	a, b := w.dial("400", phoneOptions{}), w.dial("500", phoneOptions{})
	a.say(toneQ)
	b.say(toneR)
	w.at(5 * second)
	a.hears(toneR, 3200*milli, 5*second)
	b.hears(toneQ, 3200*milli, 5*second)
	return a
}

func TestDigitsBeforeTheConnectionAreDiscarded(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first@"+p, answer(allPages("room", quiet(dict{"exit_digit": "#"}))))
		w.page("sfirst", page{delay: 3 * second, body: func(request) string { return answer() }})
		a := w.dial(p, phoneOptions{})
		w.at(second)
		a.press("#")
		w.at(6 * second)
		w.wantAsked(p, "first", "sfirst")
	})
}

func TestG27AloneIsStopped(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet())
		w.at(7 * second)
		ph[0].hearsRinging(0, 7*second)
	})
}

func TestG28StarterAlreadyPresent(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), quiet(dict{"start_on_entry": false}))
		w.at(4 * second)
		ph[0].hears(toneQ, 1200*milli, 4*second)
		ph[1].hears(toneP, 1200*milli, 4*second)
	})
}

func TestG29StarterStartsTheRoom(t *testing.T) {
	run(t, options{}, func(w *world) {
		no := dict{"start_on_entry": false}
		ph := meet(w, quiet(no), quiet(no), quiet())
		w.at(5 * second)
		ph[0].hearsNot(toneQ, 0, 2*second)
		ph[0].hears(toneQ, 2200*milli, 5*second)
		ph[1].hears(toneR, 2200*milli, 5*second)
	})
}

func TestG30StaysStartedWithoutItsStarter(t *testing.T) {
	run(t, options{}, func(w *world) {
		no := dict{"start_on_entry": false}
		ph := meet(w, quiet(no), quiet(no), quiet())
		w.at(4 * second)
		ph[2].hangUp()
		w.at(7 * second)
		ph[0].hears(toneQ, 4200*milli, 7*second)
		ph[1].hears(toneP, 4200*milli, 7*second)
	})
}

func TestG31StopsAloneAndStartsAgain(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), quiet())
		w.at(4 * second)
		ph[1].hangUp()
		w.at(8 * second)
		ph[0].hearsRinging(4*second, 8*second)
		again := w.dial(q, phoneOptions{})
		again.say(toneQ)
		w.at(11 * second)
		ph[0].hears(toneQ, 8200*milli, 11*second)
		again.hears(toneP, 8200*milli, 11*second)
	})
}

func TestG35OthersGoOn(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), quiet(), quiet())
		w.at(4 * second)
		ph[0].hangUp()
		w.at(7 * second)
		ph[1].hears(toneR, 4200*milli, 7*second)
		ph[2].hears(toneQ, 4200*milli, 7*second)
		ph[1].hearsNot(toneP, 4200*milli, 7*second)
	})
}

func TestG48WhileStoppedMediaLoopsAndStops(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("wait.wav", 700, 2*second)
		w.on("first@"+p, answer(join("room", quiet(dict{"while_stopped_media": file("wait.wav")}))))
		a := w.dial(p, phoneOptions{})
		w.on("first@"+q, answer(join("room", quiet())))
		w.at(7 * second)
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(9 * second)
		a.hears(700, 100*milli, 7*second)
		if got := a.spans(700); len(got) != 1 {
			t.Errorf("the loop has gaps: %v", got)
		}
		a.hearsNot(700, 7040*milli, 9*second)
		a.hears(toneQ, 7200*milli, 9*second)
	})
}

func TestG49BargeInIsIgnoredInStoppedMedia(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("wait.wav", 700, 2*second)
		play := dict{"play": dict{"play_list": []dict{{"file_to_play": "wait.wav"}}, "barge_in_on_digit": true}}
		ph := meet(w, quiet(dict{"while_stopped_media": play}))
		ph[0].press("5")
		w.at(5 * second)
		ph[0].hears(700, 100*milli, 5*second)
		if got := ph[0].spans(700); len(got) != 1 {
			t.Errorf("the media were interrupted: %v", got)
		}
	})
}

func TestG50NobodyIsHeardInAStoppedRoom(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("wait.wav", 700, 2*second)
		no := dict{"start_on_entry": false, "while_stopped_media": file("wait.wav")}
		ph := meet(w, quiet(no), quiet(no))
		w.at(5 * second)
		ph[1].hearsNot(toneP, 0, 5*second)
		ph[1].hears(700, 1200*milli, 5*second)
	})
}

func TestG77OnePressHoweverManyReports(t *testing.T) {
	t.Run("three end packets", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			ph := meet(w, quiet(dict{"mute_digit": "7"}), quiet())
			ph[0].press("7") // three packets with the end bit
			w.at(4 * second)
			ph[1].hearsSilence(2100*milli, 4*second)
		})
	})
	t.Run("INFO sent twice", func(t *testing.T) {
		run(t, options{}, func(w *world) {
			w.on("first@"+p, answer(join("room", quiet(dict{"mute_digit": "7"}))))
			w.on("first@"+q, answer(join("room", quiet())))
			a, b := w.dial(p, phoneOptions{noEvents: true}), w.dial(q, phoneOptions{})
			a.say(toneP)
			w.at(2 * second)
			a.info(7, "7")
			a.info(7, "7")
			w.at(4 * second)
			b.hears(toneP, 200*milli, 2*second)
			b.hearsSilence(2100*milli, 4*second)
		})
	})
}

func TestG78InBandDigitsAreNotHeard(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(dict{"mute_digit": "7"}))))
		w.on("first@"+q, answer(join("room", quiet())))
		a, b := w.dial(p, phoneOptions{noEvents: true}), w.dial(q, phoneOptions{})
		w.at(2 * second)
		a.tones("5")
		w.at(4 * second)
		b.hearsSilence(2*second, 4*second)
		a.tones("7")
		w.at(5 * second)
		a.say(toneP)
		w.at(6 * second)
		b.hearsSilence(4*second, 6*second)
	})
}
