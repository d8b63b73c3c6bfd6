package golden

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"mediaserver/audio"
)

// TestTenMinutesOfConference lets six participants with every option come,
// talk, press keys and go for ten minutes, each of them recorded. What the
// recordings hold is, sample by sample, what the phones heard.
func TestTenMinutesOfConference(t *testing.T) {
	if testing.Short() {
		t.Skip("an hour of audio in all")
	}
	run(t, options{record: true}, func(w *world) {
		w.file("wait.wav", 300, 2*second)
		w.file("hold.wav", 500, second)
		w.file("rec.wav", 2500, 500*milli)
		w.on("sfirst", answer(file("rec.wav")))
		tones := []float64{toneP, toneQ, toneR, 1450, 1650, 1850}
		var ph []*phone
		for i, tone := range tones {
			number := strconv.Itoa(100 * (i + 1))
			participant := announcer(w, "beep", "name", "has_joined_message", "has_left_message")
			participant["talker"] = i != 5
			participant["start_on_entry"] = i > 0
			participant["mute_digit"], participant["unmute_digit"], participant["exit_digit"] = "7", "8", "#"
			participant["while_stopped_media"] = file("wait.wav")
			w.on("first@"+number, answer(join("room", participant, dict{"hold_media": file("hold.wav")},
				dict{"next_page": dict{"url": "next"}},
				secondary(dict{
					"call_recording": true, "call_recording_mode": "separate",
					"first_page": "sfirst", "final_page": "sfinal", "error_page": "serror",
				}))))
			x := w.dial(number, phoneOptions{})
			x.say(tone)
			ph = append(ph, x)
			w.after(20 * second)
		}
		for i, x := range ph {
			x.press("7")
			w.after(10 * second)
			x.press("8")
			w.after(time.Duration(5+i) * second)
		}
		w.at(10 * time.Minute)
		ph[0].hears(toneQ, 4*time.Minute, 10*time.Minute)
		ph[0].hearsNot(1850, 0, 10*time.Minute)
		for _, x := range ph {
			x.press("#")
			w.after(5 * second)
		}
		for i, x := range ph {
			w.wantAsked(x.name, "first", "sfirst", "sfinal", "next", "final")
			said, heard := channels(t, recorded(w, "sfinal", x.name))
			wantSameAsHeard(t, x, heard)
			if level := audio.ToneLevel(heard[:3*samples], 8000, 500); level > -40 {
				t.Errorf("%s: hold media at %.1f dBov at the beginning of the recording", x.name, level)
			}
			middle := said[len(said)/2 : len(said)/2+8000]
			if share := audio.ToneShare(middle, 8000, tones[i]); share < 0.98 {
				t.Errorf("share of %s's tone in its own channel is %.3f", x.name, share)
			}
		}
	})
}

// wantSameAsHeard finds the recording in what the phone heard; all of it but
// the frames at the change of rooms must be there.
func wantSameAsHeard(t *testing.T, x *phone, recording []int16) {
	t.Helper()
	const skip = 3 * samples // before the connection is through
	x.mu.Lock()
	played := x.played
	x.mu.Unlock()
	part := recording[skip : len(recording)-skip]
	for at := 0; at+len(part) <= len(played); at += samples {
		if slices.Equal(played[at:at+len(part)], part) {
			return
		}
	}
	t.Errorf("%s did not hear the %d samples of its recording", x.name, len(part))
}
