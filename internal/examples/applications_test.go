package examples

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/internal/phone"
)

// Tones of the callers [Hz], and the level of what they say [dBFS peak].
const (
	annaTone  = 500
	bertTone  = 800
	toneLevel = -12
)

// A tone is heard above one level and not heard below the other [dBov].
const (
	heard   = -30
	unheard = -50
)

func TestApplications(t *testing.T) {
	for _, tt := range []struct{ directory, program, from string }{
		{"go", "go", "Go"},
		{"python", "python3", "the Debian package python3"},
		{"node", "node", "the Debian package nodejs"},
		{"php", "php", "the Debian package php-cli"},
	} {
		t.Run(tt.directory, func(t *testing.T) {
			if _, err := exec.LookPath(tt.program); err != nil {
				missing(t, tt.program+" is not installed: it comes with "+tt.from)
			}
			e := startExample(t, tt.directory, false)
			e.visit(t)
			e.wantOutput(t)
		})
	}
}

// example is an application with a server that asks it.
type example struct {
	app     *program
	gateway *gateway
	sip     string // host:port of the server
}

// startExample starts an application by the command in its README, and a
// server by examples/mediaserver.yaml, with free ports. plain is as in gateway.
func startExample(t *testing.T, directory string, plain bool) *example {
	t.Helper()
	port := freePort(t)
	e := &example{app: start(t, directory, nil, command(t, directory, port)...)}
	eventually(t, "the application listens", func() bool { return listens(port) || e.app.over() })
	if e.app.over() {
		t.Fatal("the application has ended")
	}
	e.gateway = newGateway(t, "http://127.0.0.1:"+port, plain)
	e.sip = startServer(t, e.gateway)
	return e
}

// otherPort is the command of a README for another port than 8000.
var otherPort = regexp.MustCompile("On another port: `([^`]*8001[^`]*)`")

// command is how the README says to start an application, on a port.
func command(t *testing.T, directory, port string) []string {
	t.Helper()
	found := otherPort.FindStringSubmatch(read(t, "examples/"+directory+"/README.md"))
	if found == nil {
		t.Fatal("the README does not say how to choose a port")
	}
	line := strings.Fields(strings.ReplaceAll(found[1], "8001", port))
	if line[0] != "go" {
		return line
	}
	// go run would leave its child behind.
	path, err := builtExample()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(line[:3], " ") != "go run ./examples/go" {
		t.Fatalf("the README says %q", found[1])
	}
	return append([]string{path}, line[3:]...)
}

// sipLine is in the start-up message of the server.
var sipLine = regexp.MustCompile(`(?m)^  SIP +udp://(\S+)`)

// startServer starts the server with rooms for two and gives its SIP address.
func startServer(t *testing.T, g *gateway) string {
	t.Helper()
	path, err := builtServer()
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "mediaserver.yaml")
	text := strings.ReplaceAll(read(t, "examples/mediaserver.yaml"), "http://127.0.0.1:8000", g.server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const rtpPorts = 60
	first := 24000 + os.Getpid()%100*rtpPorts
	server := start(t, "mediaserver", []string{
		`MEDIASERVER_SIP_LISTEN=["udp://127.0.0.1:0"]`,
		"MEDIASERVER_HTTP_LISTEN=127.0.0.1:0",
		fmt.Sprintf("MEDIASERVER_RTP_PORT_MIN=%d", first),
		fmt.Sprintf("MEDIASERVER_RTP_PORT_MAX=%d", first+rtpPorts-1),
		"MEDIASERVER_MEDIA_DIRECTORY=" + g.media,
		"MEDIASERVER_MEDIA_LOG_DIRECTORY=" + t.TempDir(),
		"MEDIASERVER_CONFERENCE_MAX_PARTICIPANTS=2",
	}, path, "--config", config)
	var found []string
	eventually(t, "the server starts", func() bool {
		found = sipLine.FindStringSubmatch(server.output())
		return found != nil || server.over()
	})
	if found == nil {
		t.Fatal("the server did not start")
	}
	t.Cleanup(func() {
		server.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		select {
		case <-server.done:
		case <-time.After(patience):
			t.Error("the server does not end")
		}
		for _, fault := range []string{"level=ERROR", "panic", "answer of a page"} {
			if strings.Contains(server.output(), fault) {
				t.Errorf("%s in the log of the server:\n%s", fault, server.output())
			}
		}
	})
	return found[1]
}

// dial calls a number of the server.
func (e *example) dial(t *testing.T, from, to string) *phone.Call {
	t.Helper()
	p, err := phone.New(phone.Config{User: from})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := p.Dial(t.Context(), "sip:"+to+"@"+e.sip)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hears waits until a call hears a tone, hearsNot until it no longer does.
func hears(t *testing.T, who string, c *phone.Call, tone float64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s hears %.0f Hz", who, tone), func() bool { return c.ToneLevel(tone, 300*time.Millisecond) > heard })
}

func hearsNot(t *testing.T, who string, c *phone.Call, tone float64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s does not hear %.0f Hz", who, tone), func() bool { return c.ToneLevel(tone, 300*time.Millisecond) < unheard })
}

// heardText waits until a call has heard the tone of the text that begins so.
func (e *example) heardText(t *testing.T, who string, c *phone.Call, begins string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s hears %q", who, begins), func() bool {
		tone := e.gateway.tone(begins)
		return tone != 0 && len(audio.ToneSpans(c.HeardAll(), tone, heard, 100*time.Millisecond)) > 0
	})
}

func press(t *testing.T, c *phone.Call, digit string) {
	t.Helper()
	if err := c.Press(t.Context(), digit, dtmf.RFC4733); err != nil {
		t.Fatal(err)
	}
}

func ended(t *testing.T, who string, c *phone.Call) {
	t.Helper()
	select {
	case <-c.Ended():
	case <-time.After(patience):
		t.Fatalf("the call of %s goes on", who)
	}
}

// TestApplicationSpeaks has the server speak the texts themselves.
func TestApplicationSpeaks(t *testing.T) {
	e := startExample(t, "go", true)
	anna := e.dial(t, "100", "4711")
	failed := func() bool {
		for _, q := range e.gateway.course("100") {
			if strings.HasPrefix(q.info.Error.Result, "TTS_FAILED") {
				return true
			}
		}
		return false
	}
	const voice = -45 // [dBov]
	eventually(t, "Anna hears a voice", func() bool { return failed() || anna.Level(300*time.Millisecond) > voice })
	if failed() {
		t.Skip("the server has no speech engine")
	}
	eventually(t, "the greeting ends and the room is reached", func() bool { return len(e.gateway.course("100")) >= 2 })
	press(t, anna, "#")
	ended(t, "Anna", anna)
	e.wantCourse(t, "100", "/first to 4711", "/room/first to room-4711", "/room/final to room-4711 completed", "/goodbye to 4711", "/final to 4711 completed")
}

// visit lets Anna (100) and Bert (200) meet in the room of 4711, and Carl
// (300) find it full.
func (e *example) visit(t *testing.T) {
	t.Helper()
	anna := e.dial(t, "100", "4711")
	e.heardText(t, "Anna", anna, "Welcome")
	bert := e.dial(t, "200", "4711")
	e.heardText(t, "Bert", bert, "Welcome")
	anna.Tone(annaTone, toneLevel)
	bert.Tone(bertTone, toneLevel)
	hears(t, "Anna", anna, bertTone)
	hears(t, "Bert", bert, annaTone)

	carl := e.dial(t, "300", "4711")
	e.heardText(t, "Carl", carl, "The room cannot")
	ended(t, "Carl", carl)

	press(t, anna, "1")
	hearsNot(t, "Bert", bert, annaTone)
	hears(t, "Anna", anna, bertTone)
	press(t, anna, "1")
	hears(t, "Bert", bert, annaTone)
	press(t, anna, "#")
	e.heardText(t, "Anna", anna, "Goodbye")
	ended(t, "Anna", anna)
	if err := bert.HangUp(t.Context()); err != nil {
		t.Error(err)
	}

	e.wantCourse(t, "100", "/first to 4711", "/room/first to room-4711", "/room/final to room-4711 completed", "/goodbye to 4711", "/final to 4711 completed")
	e.wantCourse(t, "200", "/first to 4711", "/room/first to room-4711", "/room/final to room-4711 dropped", "/final to 4711 hung_up")
	e.wantCourse(t, "300", "/first to 4711", "/room/error to room-4711 CONFERENCE_FULL", "/final to 4711 completed")
	for _, q := range e.gateway.course("100") {
		connected := q.info.Result.Result.Connected
		if has := connected != nil; has != (q.path == "/goodbye") || has && (*connected < 0.5 || *connected > 60) {
			t.Errorf("%s has the result %v", q.path, connected)
		}
	}
}

// wantCourse checks which pages were asked for a caller, about whom, and with
// which cause or error.
func (e *example) wantCourse(t *testing.T, caller string, want ...string) {
	t.Helper()
	var got []string
	eventually(t, "pages of "+caller, func() bool {
		got = nil
		for _, q := range e.gateway.course(caller) {
			code, _, _ := strings.Cut(q.info.Error.Result, ":")
			got = append(got, strings.TrimSpace(q.path+" to "+q.info.Call.To+" "+q.info.Call.Cause+code))
		}
		return len(got) >= len(want)
	})
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("pages for %s:\n%s\nwant\n%s", caller, g, w)
	}
}

// wantOutput checks that the application said what it was asked.
func (e *example) wantOutput(t *testing.T) {
	t.Helper()
	for _, line := range []string{
		"/room/first from 100 to room-4711", "/room/final from 100 to room-4711 completed", "/goodbye from 100 to 4711",
		"/final from 200 to 4711 hung_up", "/room/error from 300 to room-4711  CONFERENCE_FULL: ",
	} {
		eventually(t, "output "+line, func() bool {
			return strings.Contains(strings.Join(strings.Fields(e.app.output()), " "), strings.Join(strings.Fields(line), " "))
		})
	}
	// A page that nobody knows has nothing to do.
	resp, err := http.Post(e.gateway.app+"/unknown", "application/json", strings.NewReader(`{"this_call":{"call_from":"1","call_to":"2"}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("unknown page: status %d", resp.StatusCode)
	}
}
