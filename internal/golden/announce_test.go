package golden

import (
	"testing"
	"time"

	"mediaserver/audio"
)

// Tones of announcement media.
const (
	nameTone   = 1500
	joinedTone = 1700
	leftTone   = 1900
	beepTone   = 1000
)

// announcer puts short announcement media into the store and returns the
// participant options that name them.
func announcer(w *world, what ...string) dict {
	w.file("name.wav", nameTone, 300*milli)
	w.file("joined.wav", joinedTone, 300*milli)
	w.file("left.wav", leftTone, 300*milli)
	all := map[string]dict{"name": file("name.wav"), "has_joined_message": file("joined.wav"), "has_left_message": file("left.wav")}
	d := dict{"beep_on_entry": false}
	for _, key := range what {
		if key == "beep" {
			d["beep_on_entry"] = true
		} else {
			d[key] = all[key]
		}
	}
	return d
}

// wantSpans asserts when and for how long a phone heard a tone.
func wantSpans(t *testing.T, ph *phone, freq float64, want ...audio.Span) {
	t.Helper()
	const tolerance = 50 * time.Millisecond
	got := ph.spans(freq)
	if len(got) != len(want) {
		t.Errorf("%s hears %.0f Hz at %v, want %v", ph.name, freq, got, want)
		return
	}
	for i := range got {
		if (got[i].From-want[i].From).Abs() > tolerance || (got[i].To-want[i].To).Abs() > tolerance {
			t.Errorf("%s hears %.0f Hz at %v, want %v", ph.name, freq, got, want)
		}
	}
}

func span(from, to time.Duration) audio.Span { return audio.Span{From: from, To: to} }

// silent makes phones say nothing.
func silent(phones ...*phone) {
	for _, ph := range phones {
		ph.say(0)
	}
}

func TestG36Beep(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), dict{"beep_on_entry": true})
		silent(ph...)
		w.at(5 * second)
		wantSpans(t, ph[0], beepTone, span(second, 1200*milli))
		wantSpans(t, ph[1], beepTone, span(second, 1200*milli))
	})
}

func TestG37NothingToAnnounce(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet())
		silent(ph...)
		w.on("first@"+q, answer(join("room", quiet())))
		w.dial(q, phoneOptions{})
		w.at(4 * second)
		ph[0].hearsSilence(1200*milli, 4*second)
	})
}

func TestG38NothingIsMadeUpForLater(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, announcer(w, "beep", "name", "has_joined_message"), announcer(w, "beep"))
		silent(ph...)
		w.at(6 * second)
		wantSpans(t, ph[0], beepTone, span(second, 1200*milli))
		wantSpans(t, ph[0], nameTone)
		wantSpans(t, ph[0], joinedTone)
		wantSpans(t, ph[1], nameTone)
	})
}

func TestG39BeepNameJoinedInOrderToAll(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), announcer(w, "beep", "name", "has_joined_message"))
		silent(ph...)
		w.at(5 * second)
		for _, x := range ph {
			wantSpans(t, x, beepTone, span(second, 1200*milli))
			wantSpans(t, x, nameTone, span(1200*milli, 1500*milli))
			wantSpans(t, x, joinedTone, span(1500*milli, 1800*milli))
		}
	})
}

func TestG40NameAloneOnEntryAndExit(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), announcer(w, "beep", "name"), quiet())
		silent(ph...)
		w.at(5 * second)
		ph[1].hangUp()
		w.at(7 * second)
		wantSpans(t, ph[0], nameTone, span(1200*milli, 1500*milli), span(5*second, 5300*milli))
		wantSpans(t, ph[2], nameTone, span(5*second, 5300*milli))
	})
}

func TestG41JoinedMessageAlone(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), announcer(w, "beep", "has_joined_message"))
		silent(ph...)
		w.at(4 * second)
		wantSpans(t, ph[0], beepTone, span(second, 1200*milli))
		wantSpans(t, ph[0], joinedTone, span(1200*milli, 1500*milli))
	})
}

func TestG42LeftMessageAlone(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(), announcer(w, "beep", "has_left_message"), quiet())
		silent(ph...)
		w.at(5 * second)
		ph[1].hangUp()
		w.at(7 * second)
		wantSpans(t, ph[0], beepTone, span(second, 1200*milli))
		wantSpans(t, ph[0], leftTone, span(5*second, 5300*milli))
		wantSpans(t, ph[2], leftTone, span(5*second, 5300*milli))
	})
}

func TestG43LastOneHearsTheQueueThenItsMedia(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("wait.wav", 700, 2*second)
		ph := meet(w, quiet(dict{"while_stopped_media": file("wait.wav")}), announcer(w, "name", "has_left_message"))
		silent(ph...)
		w.at(4 * second)
		ph[1].hangUp()
		w.at(8 * second)
		wantSpans(t, ph[0], nameTone, span(1020*milli, 1320*milli), span(4*second, 4300*milli))
		wantSpans(t, ph[0], leftTone, span(4300*milli, 4600*milli))
		ph[0].hearsNot(700, 4040*milli, 4580*milli)
		ph[0].hears(700, 4700*milli, 8*second)
	})
}

func TestG44GroupsAreNotInterleaved(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("rname.wav", 2100, 300*milli)
		w.file("rjoined.wav", 2300, 300*milli)
		ph := meet(w, quiet())
		silent(ph...)
		w.on("first@"+q, answer(join("room", announcer(w, "name", "has_joined_message"))))
		w.on("first@"+r, answer(join("room", quiet(dict{"name": file("rname.wav"), "has_joined_message": file("rjoined.wav")}))))
		w.at(2 * second)
		w.dial(q, phoneOptions{})
		w.after(10 * milli)
		w.dial(r, phoneOptions{})
		w.at(5 * second)
		wantSpans(t, ph[0], nameTone, span(2*second, 2300*milli))
		wantSpans(t, ph[0], joinedTone, span(2300*milli, 2600*milli))
		// The second group follows the first after a moment, never into it.
		const pause = 60 * milli
		wantSpans(t, ph[0], 2100, span(2600*milli+pause, 2900*milli+pause))
		wantSpans(t, ph[0], 2300, span(2900*milli+pause, 3200*milli+pause))
	})
}

func TestG45RoomAudioGoesOnUnderAnAnnouncement(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.file("long.wav", nameTone, 3*second)
		ph := meet(w, quiet(), quiet(dict{"name": file("long.wav")}), quiet())
		ph[1].say(0)
		ph[2].say(0)
		w.at(4 * second)
		for _, x := range ph[1:] {
			x.hears(toneP, 2200*milli, 3900*milli)
			x.hears(nameTone, 2200*milli, 3900*milli)
		}
		ph[0].hears(nameTone, 2200*milli, 3900*milli)
	})
}
