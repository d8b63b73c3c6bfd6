package interop

import (
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"mediaserver/audio"
)

// left is what a server holds when it has nothing to do.
type left struct {
	goroutines, descriptors int
	memory                  float64 // resident [MiB]
}

// moreThan says whether more is held than before, but for a request of the
// metrics and a page connection that may be on their way.
func (l left) moreThan(before left) bool {
	return l.goroutines > before.goroutines+2 || l.descriptors > before.descriptors+2
}

// left waits until connections to pages have had time to close.
func (m *mediaserver) left(t *testing.T) left {
	t.Helper()
	const closesWithin = 2500 * time.Millisecond // page connections: 1.5 s
	m.expectIdle(t)
	<-time.After(closesWithin)
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	const mebibyte = 1 << 20
	return left{
		goroutines:  int(m.metric(t, "go_goroutines")),
		descriptors: len(files),
		memory:      m.metric(t, "process_resident_memory_bytes") / mebibyte,
	}
}

// TestSoak has a thousand callers join rooms and leave them, with beep, name
// and joined message, every one of them recorded. What the server holds after
// the first quarter it holds at the end.
func TestSoak(t *testing.T) {
	const (
		rounds    = 4
		perRound  = 250
		perSecond = 30
		// The status of up to 2000 instances is kept for application_status.
		statusMiB = 8.0 / 1024
	)
	t.Setenv("GOGC", "100") // memory that waits to be collected is not asked for
	name := audio.ToneClip(8000, []float64{700}, -20, 200*time.Millisecond, 0)
	app := serve(t, map[string]page{
		"/first": func(w http.ResponseWriter, q request) {
			room := "room-" + q.info.ID[len(q.info.ID)-1:]
			actions(join(room,
				object{"beep_on_entry": true, "name": play("name.wav"), "has_joined_message": play("name.wav"), "has_left_message": play("name.wav")},
				object{"secondary_call": object{"final_page": "/room-final", "call_recording": true}}))(w, q)
		},
	})
	m := setup{app: app, services: meetingService(), files: map[string]*audio.Clip{"name.wav": &name}}.run(t)
	var first left
	for round := 1; round <= rounds; round++ {
		burst := sippCall{
			name: fmt.Sprint("soak", round), scenario: "burst", user: "meeting",
			calls: perRound, rate: perSecond, length: time.Second / 2,
		}.start(t, m)
		burst.succeed(t)
		app.await(t, "/final", round*perRound)
		now := m.left(t)
		t.Logf("after %d calls: %+v", round*perRound, now)
		if round == 1 {
			first = now
			continue
		}
		for end := time.Now().Add(patience); now.moreThan(first) && time.Now().Before(end); {
			now = m.left(t) // a busy machine closes connections late
		}
		if now.moreThan(first) {
			t.Errorf("after %d calls %+v, after the first %d %+v", round*perRound, now, perRound, first)
		}
		if now.memory > first.memory+16+float64((round-1)*perRound)*statusMiB {
			t.Errorf("memory grew from %.1f to %.1f MiB", first.memory, now.memory)
		}
	}
	m.expectRecordings(t, rounds*perRound)
}

// expectRecordings wants so many recordings to be complete. A machine too busy
// to write may have some few miss frames, but each of these must be counted.
func (m *mediaserver) expectRecordings(t *testing.T, want float64) {
	t.Helper()
	outcome := func(name string) float64 {
		return m.metric(t, `mediaserver_recordings_total{outcome="`+name+`"}`)
	}
	eventually(t, "all recordings are closed", patience, func() bool {
		return outcome("complete")+outcome("incomplete")+outcome("failed") == want
	})
	whole, torn := outcome("complete"), outcome("incomplete")
	dropped := m.metric(t, "mediaserver_recording_frames_dropped_total")
	if whole+torn != want || torn > dropped || torn > want/50 {
		t.Errorf("%v recordings are complete, %v incomplete by %v frames dropped, want %v", whole, torn, dropped, want)
	}
}
