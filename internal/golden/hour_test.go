package golden

import (
	"testing"
	"time"

	"mediaserver/audio"
)

// TestAnHourOfConference lets three participants talk for an hour of virtual
// time; one of them mutes itself every ten minutes for one minute. Nobody
// loses a single frame of anybody.
func TestAnHourOfConference(t *testing.T) {
	if testing.Short() {
		t.Skip("keeps an hour of audio of three phones in memory")
	}
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"mute_digit": "7"}), quiet(), quiet())
		for m := 10 * time.Minute; m < time.Hour; m += 10 * time.Minute {
			w.at(m)
			ph[0].press("7")
			w.at(m + time.Minute)
			ph[0].press("7")
		}
		w.at(time.Hour)
		for m := time.Minute; m < time.Hour-time.Minute; m += time.Minute {
			muted := m%(10*time.Minute) == 0
			from, to := m+second, m+time.Minute-second
			ph[1].hears(toneR, from, to)
			ph[2].hears(toneQ, from, to)
			ph[0].hears(toneQ, from, to)
			ph[1].hearsNot(toneQ, from, to)
			if muted {
				ph[1].hearsNot(toneP, from, to)
			} else {
				ph[1].hears(toneP, from, to)
			}
			heard := audio.Clip{Rate: 8000, Samples: ph[1].between(from, to)}
			if gap := audio.LongestSilence(heard, -40); gap.Length() > 10*milli {
				t.Errorf("minute %v: %v of silence", m, gap.Length())
			}
		}
	})
}

// TestMutingSilencesWithin60ms measures the time from the key press to the
// last sample of the muted voice that another participant hears.
func TestMutingSilencesWithin60ms(t *testing.T) {
	run(t, options{}, func(w *world) {
		ph := meet(w, quiet(dict{"mute_digit": "7"}), quiet())
		ph[1].say(0)
		w.at(4 * second)
		ph[0].press("7")
		w.at(5 * second)
		spans := ph[1].spans(toneP)
		last := spans[len(spans)-1].To
		t.Logf("silent %v after the key press", last-4*second)
		if last > 4060*milli {
			t.Errorf("heard until %v, want at most 60 ms after 4 s", last)
		}
	})
}
