package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// linphone is a running linphonec, which reads its commands from a file.
type linphone struct {
	*program
	in *os.File
}

// startLinphone runs linphonec, which will say a tone in place of the
// microphone. settings are further lines of its section sip.
func startLinphone(t *testing.T, freq float64, settings string) *linphone {
	t.Helper()
	path := need(t, "linphonec", "linphone-cli")
	dir := filepath.Join(t.ArtifactDir(), "linphone")
	if err := os.MkdirAll(filepath.Join(dir, ".local", "share", "linphone"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tone.wav")
	writeWAV(t, file, *tone(freq, baresipLimit))
	port := freePorts(t, "127.0.0.1")
	config := fmt.Sprintf("[sip]\nsip_port=%d\nsip_tcp_port=-1\nsip_tls_port=-1\nbind_address=127.0.0.1\n"+
		"contact=\"lin\" <sip:lin@127.0.0.1>\nmedia_encryption=none\n%s[rtp]\naudio_rtp_port=%d\n[video]\nenabled=0\n[sound]\nec=0\n", port, settings, port+2)
	if err := os.WriteFile(filepath.Join(dir, "linphonerc"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	t.Cleanup(func() { writer.Close() })
	// The shell only sets its home and is replaced by linphonec.
	p := startWith(t, reader, dir, "linphonec", baresipLimit, "/bin/sh", "-c", `HOME=$PWD exec "$0" -c linphonerc`, path)
	l := &linphone{program: p, in: writer}
	for _, command := range []string{"ipv6 disable", "soundcard use files", "play " + file} {
		l.command(t, command)
	}
	return l
}

// command is a line that the user types.
func (l *linphone) command(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(l.in, line); err != nil {
		t.Fatalf("linphonec: %v", err)
	}
}

// TestLinphoneCalls has linphone talk to a baresip in a room and press a key.
func TestLinphoneCalls(t *testing.T) {
	t.Parallel()
	app := meeting(t)
	m := setup{app: app, services: meetingService()}.run(t)
	bert := phoneSetup{name: "bert", freq: 620, codec: "PCMU"}.start(t)
	bert.call(t, m, "meeting")
	lin := startLinphone(t, 880, "")
	lin.command(t, "call sip:meeting@"+m.sip+";transport=udp")
	m.expectMetric(t, `mediaserver_conference_participants{role="talker"}`, 2)
	rest(t, 2*time.Second)
	lin.command(t, "5")
	m.expectMetric(t, `mediaserver_dtmf_events_total{method="rfc4733"}`, 1)
	rest(t, time.Second)
	lin.command(t, "terminate")
	app.await(t, "/final", 1)
	bert.hangUp(t)
	expectHeard(t, bert, 880, 1200*time.Millisecond)
	lin.command(t, "quit")
	m.expectIdle(t)
}

// TestKeysOfLinphone has linphone press a key by INFO, which counts where no
// telephone events are agreed, and in both ways where they are: then it is one
// key all the same.
func TestKeysOfLinphone(t *testing.T) {
	for name, c := range map[string]struct{ settings, counted, other string }{
		"by INFO":   {"use_info=1\nuse_rfc2833=0\n", "info", "rfc4733"},
		"both ways": {"use_info=1\nuse_rfc2833=1\n", "rfc4733", "info"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := meeting(t)
			m := setup{app: app, services: meetingService()}.run(t)
			lin := startLinphone(t, 880, c.settings)
			lin.command(t, "call sip:meeting@"+m.sip+";transport=udp")
			m.expectMetric(t, `mediaserver_conference_participants{role="talker"}`, 1)
			rest(t, time.Second)
			lin.command(t, "5")
			m.expectMetric(t, `mediaserver_sip_requests_total{direction="in",method="INFO"}`, 1)
			m.expectMetric(t, `mediaserver_dtmf_events_total{method="`+c.counted+`"}`, 1)
			m.expectMetric(t, `mediaserver_dtmf_events_total{method="`+c.other+`"}`, 0)
			lin.command(t, "terminate")
			app.await(t, "/final", 1)
			lin.command(t, "quit")
			m.expectIdle(t)
		})
	}
}
