package interop

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	robot "mediaserver/internal/phone"
)

// longEnvironment is how many seconds the long conference lasts.
const longEnvironment = "CONFERENCE_SECONDS"

// TestConferenceInRealTime has six participants with every option talk for a
// while, all of them recorded. Their recordings hold the tones and levels that
// they heard. CONFERENCE_SECONDS=600 makes it ten minutes.
func TestConferenceInRealTime(t *testing.T) {
	length := 15 * time.Second
	if s := os.Getenv(longEnvironment); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", longEnvironment, err)
		}
		length = time.Duration(n) * time.Second
	}
	name := audio.ToneClip(8000, []float64{2500}, -20, 200*time.Millisecond, 0)
	app := serve(t, map[string]page{
		"/first": func(w http.ResponseWriter, q request) {
			actions(join("long",
				object{
					"beep_on_entry": true, "name": play("name.wav"), "has_joined_message": play("name.wav"),
					"has_left_message": play("name.wav"), "while_stopped_media": play("name.wav"),
					"mute_digit": "7", "unmute_digit": "8", "exit_digit": "#", "start_on_entry": true,
				},
				object{"hold_media": play("name.wav"), "secondary_call": object{"final_page": "/room-final", "call_recording": true}}))(w, q)
		},
	})
	m := setup{app: app, services: meetingService(), files: map[string]*audio.Clip{"name.wav": &name}, lasts: length}.run(t)
	tones := []float64{440, 640, 880, 1160, 1480, 1820}
	var calls []*robot.Call
	for i, tone := range tones {
		p, err := robot.New(robot.Config{
			User:   fmt.Sprint("phone", i),
			Source: func(rate int) audio.Source { return audio.NewTone(rate, []float64{tone}, -20) },
			Keep:   length + time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() }) //nolint:errcheck // the test is over
		if err := p.Open(); err != nil {
			t.Fatal(err)
		}
		c, err := p.Dial(t.Context(), "sip:meeting@"+m.sip)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	<-time.After(length)
	for i, c := range calls {
		heard := c.HeardLast(length / 2)
		for k, tone := range tones {
			level := level(heard, tone)
			switch {
			case k == i && level > -60:
				t.Errorf("phone%d hears itself at %.1f dBov", i, level)
			case k != i && (level < -24.5 || level > -21.5):
				t.Errorf("phone%d hears %.0f Hz at %.1f dBov, want -23", i, tone, level)
			}
		}
		missing := m.stumbles(t) + int(c.LeftOut()) + int(c.Stats().TotalConcealed())
		if gap := audio.LongestSilence(heard, -40).Length(); gap > longestGap+time.Duration(missing)*packetTime {
			t.Errorf("phone%d hears nothing for %v, %d frames are missing", i, gap, missing)
		}
	}
	for _, c := range calls {
		if err := c.HangUp(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, q := range app.await(t, "/room-final", len(tones)) {
		wantRecordedTones(t, filepath.Join(m.dir, "media", q.info.Call.Recording), length, tones)
	}
}

// wantRecordedTones asserts that a recording of about that length holds every
// tone at its level, the participant's own among them.
func wantRecordedTones(t *testing.T, path string, length time.Duration, tones []float64) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	const limit = 1 << 30
	clip, info, err := wav.Decode(bytes.NewReader(file), limit)
	if err != nil {
		t.Error(err)
		return
	}
	if info.Duration() < length || info.Duration() > length+30*time.Second {
		t.Errorf("%s lasts %v", path, info.Duration())
	}
	middle := clip.Samples[len(clip.Samples)/2:]
	middle = middle[:len(middle)/2]
	for _, tone := range tones {
		if level := level(audio.Clip{Rate: 8000, Samples: middle}, tone); level < -24.5 || level > -21.5 {
			t.Errorf("%s holds %.0f Hz at %.1f dBov, want -23", path, tone, level)
		}
	}
}
