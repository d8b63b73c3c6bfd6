package golden

import (
	"bytes"
	"testing"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

// TestAnnouncementIsCutAfterAMinute has a name of 70 s.
func TestAnnouncementIsCutAfterAMinute(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("long.wav", nameTone, 70*second)
		ph := meet(w, quiet(), quiet(dict{"name": file("long.wav")}))
		silent(ph...)
		w.at(75 * second)
		wantSpans(t, ph[0], nameTone, span(second, 61*second))
		w.wantWarning("announcement cut", "limit=1m0s")
	})
}

// TestAnnouncementThatCannotStartWithin30SecondsIsDropped has the first group
// take 40 s: who enters 39 s before its end is not announced, who enters 20 s
// before it is.
func TestAnnouncementThatCannotStartWithin30SecondsIsDropped(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("long.wav", nameTone, 40*second)
		w.file("second.wav", 2100, second)
		w.file("third.wav", 2300, second)
		ph := meet(w, quiet(), quiet(dict{"name": file("long.wav")}), quiet(dict{"name": file("second.wav")}))
		silent(ph...)
		w.on("first@400", answer(join("room", quiet(dict{"name": file("third.wav")}))))
		w.at(21 * second)
		silent(w.dial("400", phoneOptions{}))
		w.at(60 * second)
		wantSpans(t, ph[0], nameTone, span(second, 41*second))
		wantSpans(t, ph[0], 2100)
		const pause = 60 * milli // between two groups
		wantSpans(t, ph[0], 2300, span(41*second+pause, 42*second+pause))
		w.wantWarning("announcement dropped", "limit=30s")
	})
}

// TestNewcomerHearsTheQueueOnlyIfTheRoomStartsAgain enters while the last one
// hears who has left.
func TestNewcomerHearsTheQueueOnlyIfTheRoomStartsAgain(t *testing.T) {
	for name, starts := range map[string]bool{"the room starts": true, "the room stays stopped": false} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				w.file("long.wav", leftTone, 6*second)
				ph := meet(w, quiet(dict{"start_on_entry": false}), quiet(dict{"has_left_message": file("long.wav")}))
				silent(ph...)
				w.at(3 * second)
				ph[1].hangUp()
				w.at(5 * second)
				w.on("first@"+r, answer(join("room", quiet(dict{"start_on_entry": starts}))))
				late := w.dial(r, phoneOptions{})
				w.at(12 * second)
				ph[0].hearsNot(450, 3100*milli, 5*second)
				if !starts {
					late.hearsNot(leftTone, 5*second, 12*second)
					late.hearsRinging(5*second, 12*second)
					ph[0].hearsRinging(9200*milli, 12*second)
					return
				}
				late.hears(leftTone, 5100*milli, 8900*milli)
				late.hearsNot(450, 5100*milli, 12*second)
				ph[0].hearsNot(450, 5100*milli, 12*second)
			})
		})
	}
}

// TestNothingIsAnnouncedOfAStoppedRoom, also not to those who hear each other
// while it would go on: somebody starts the room a second later.
func TestNothingIsAnnouncedOfAStoppedRoom(t *testing.T) {
	for name, leaves := range map[string]bool{"entry": false, "exit": true} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				w.file("long.wav", nameTone, 5*second)
				w.file("longer.wav", leftTone, 5*second)
				no := dict{"start_on_entry": false}
				ph := meet(w, quiet(no), quiet(no, dict{"name": file("long.wav"), "has_left_message": file("longer.wav")}))
				silent(ph...)
				w.on("first@"+r, answer(join("room", quiet())))
				if leaves {
					w.on("first@"+r, answer(join("room", quiet(no))))
					silent(w.dial(r, phoneOptions{}))
					w.at(10 * second)
					ph[1].hangUp()
					w.on("first@"+r, answer(join("room", quiet())))
					w.at(11 * second)
				}
				starter := w.dial(r, phoneOptions{})
				w.at(20 * second)
				for _, x := range []*phone{ph[0], starter} {
					wantSpans(t, x, nameTone)
					wantSpans(t, x, leftTone)
				}
				ph[0].hearsNot(450, 12*second, 20*second) // started
			})
		})
	}
}

// TestAnnouncementsDoNotDependOnWhetherTheirParticipantIsHeard: one only
// listens, the other has muted itself.
func TestAnnouncementsDoNotDependOnWhetherTheirParticipantIsHeard(t *testing.T) {
	run(t, options{}, func(w *world) {
		listener := announcer(w, "name")
		listener["talker"] = false
		muted := announcer(w, "has_left_message")
		muted["mute_digit"] = "7"
		ph := meet(w, quiet(), listener, muted)
		silent(ph...)
		ph[2].press("7")
		w.at(5 * second)
		ph[2].hangUp()
		w.at(7 * second)
		for _, x := range ph[:2] {
			wantSpans(t, x, nameTone, span(second, 1300*milli))
			wantSpans(t, x, leftTone, span(5*second, 5300*milli))
		}
	})
}

func TestRecordingOfASecondaryCallHoldsAnnouncements(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(), secondary(dict{"call_recording": true, "final_page": "sfinal"}))))
		w.on("first@"+q, answer(join("room", announcer(w, "beep", "name"))))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		silent(a, w.dial(q, phoneOptions{}))
		w.at(5 * second)
		a.hangUp()
		w.at(6 * second)
		clip, _, err := wav.Decode(bytes.NewReader(recorded(w, "sfinal", p)), 1<<24)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []float64{beepTone, nameTone} {
			if n := len(audio.ToneSpans(clip, f, -40, 150*milli)); n != 1 {
				t.Errorf("%.0f Hz is %d times in the recording", f, n)
			}
		}
	})
}

// TestPlaysOfAParticipantAreNotStoppedByDigits: neither its hold media nor its
// announcements, although barge-in is on.
func TestPlaysOfAParticipantAreNotStoppedByDigits(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("hold.wav", 700, 2*second)
		w.file("long.wav", nameTone, 3*second)
		ph := meet(w, quiet())
		silent(ph...)
		w.on("first@"+q, answer(allPages("room", quiet(dict{"name": barging("long.wav", true)}), dict{"hold_media": barging("hold.wav", true)})))
		w.page("sfirst", page2(4*second, answer()))
		w.at(2 * second)
		b := w.dial(q, phoneOptions{})
		silent(b)
		w.at(3 * second)
		b.press("5")
		ph[0].press("5")
		w.at(8 * second)
		wantSpans(t, b, 700, span(2*second, 6*second))
		wantSpans(t, ph[0], nameTone, span(2060*milli, 5060*milli))
	})
}
