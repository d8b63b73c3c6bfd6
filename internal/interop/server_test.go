package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

// serverLimit ends a server that a test forgot.
const serverLimit = 2 * time.Minute

// service is one entry of the services in the configuration. Empty pages are
// left out; a path is one of the test's application.
type service struct {
	match               string
	first, final, error string
	srtp                string // "" = optional
	transfer            string // "" = local
}

// setup says how a server is configured.
type setup struct {
	host     string // "" = 127.0.0.1
	app      *application
	services []service
	more     string                 // further YAML
	sip      string                 // further keys of sip, each after a comma
	listen   string                 // a further address of sip
	rtp      string                 // further keys of rtp, each after a comma
	files    map[string]*audio.Clip // in the media store
	logLevel string                 // "" = info
	ports    int                    // for RTP; 0 = serverPorts
	shared   int                    // shared RTP ports; 0 = a socket per call
	lasts    time.Duration          // how much longer than usual the test is
}

// mediaserver is a running server.
type mediaserver struct {
	*program
	sip  string // host:port, UDP and TCP
	http string // http://host:port
	dir  string
}

// run starts a server and waits until it is ready. At the end of the test it
// is told to end, has to do so cleanly, and its log must know of no fault of
// its own.
func (s setup) run(t *testing.T) *mediaserver {
	t.Helper()
	path, err := builtServer()
	if err != nil {
		t.Fatal(err)
	}
	m := &mediaserver{dir: t.ArtifactDir()}
	config := filepath.Join(m.dir, "mediaserver.yaml")
	if err := os.WriteFile(config, []byte(s.yaml(t, m.dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.writeFiles(t, filepath.Join(m.dir, "media"))
	m.program = start(t, m.dir, "mediaserver", serverLimit+s.lasts, path, "--config", config)
	t.Cleanup(func() { m.end(t) })
	m.findAddresses(t)
	eventually(t, "the server is ready", patience, func() bool { return m.get("/readyz") == http.StatusOK })
	return m
}

func (s setup) yaml(t *testing.T, dir string) string {
	t.Helper()
	host := s.host
	if host == "" {
		host = "127.0.0.1"
	}
	listen := net.JoinHostPort(host, "0")
	number := serverPorts
	if s.ports > 0 {
		number = s.ports
	}
	ports := takePorts(t, number)
	var b strings.Builder
	addresses := []string{"udp://" + listen, "tcp://" + listen}
	if s.listen != "" {
		addresses = append(addresses, s.listen)
	}
	fmt.Fprintf(&b, "sip: {listen: [\"%s\"]%s}\n", strings.Join(addresses, `", "`), s.sip)
	fmt.Fprintf(&b, "rtp: {port_min: %d, port_max: %d", ports, ports+number-1)
	if s.shared > 0 {
		fmt.Fprintf(&b, ", io: shared, shared_ports: %d", s.shared)
	}
	b.WriteString(s.rtp + "}\n")
	fmt.Fprintf(&b, "http: {listen: \"127.0.0.1:0\"}\n")
	fmt.Fprintf(&b, "media: {directory: %q, log_directory: %q}\n", filepath.Join(dir, "media"), filepath.Join(dir, "rest_logs"))
	if s.logLevel != "" {
		fmt.Fprintf(&b, "log: {level: %s}\n", s.logLevel)
	}
	if !strings.Contains(s.more, "shutdown_grace_seconds") {
		b.WriteString("shutdown_grace_seconds: 1\n")
	}
	if !strings.Contains(s.more, "admission:") {
		b.WriteString("admission: {max_load_percent: 0}\n") // others may keep the machine busy
	}
	b.WriteString(s.more)
	b.WriteString("services:\n")
	for i, v := range s.services {
		fmt.Fprintf(&b, "  - {name: s%d, direction: inbound, match: [%q], api_version: \"2.0\"", i, v.match)
		for key, path := range map[string]string{"first_page": v.first, "final_page": v.final, "error_page": v.error} {
			if strings.HasPrefix(path, "/") {
				path = s.app.server.URL + path
			}
			if path != "" {
				fmt.Fprintf(&b, ", %s: %q", key, path)
			}
		}
		if v.transfer != "" {
			fmt.Fprintf(&b, ", transfer: %s", v.transfer)
		}
		if v.srtp != "" {
			fmt.Fprintf(&b, ", srtp: %s", v.srtp)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func (s setup) writeFiles(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, clip := range s.files {
		writeWAV(t, filepath.Join(dir, name), *clip)
	}
}

func writeWAV(t *testing.T, path string, clip audio.Clip) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := wav.Encode(f, wav.PCM16, clip); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// The start-up message.
var (
	sipLine  = regexp.MustCompile(`(?m)^  SIP +udp://(\S+) +tcp://(\S+)(?:$| )`)
	httpLine = regexp.MustCompile(`(?m)^  HTTP +(http://\S+)`)
)

func (m *mediaserver) findAddresses(t *testing.T) {
	t.Helper()
	var sip, web []string
	eventually(t, "the start-up message", patience, func() bool {
		out := m.output()
		sip, web = sipLine.FindStringSubmatch(out), httpLine.FindStringSubmatch(out)
		return sip != nil && web != nil || m.over()
	})
	if sip == nil || web == nil {
		t.Fatal("the server did not start")
	}
	if sip[1] != sip[2] {
		t.Fatalf("UDP at %s, TCP at %s", sip[1], sip[2])
	}
	m.sip, m.http = sip[1], web[1]
}

func (m *mediaserver) over() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// end tells the server to end and checks that it did so cleanly.
func (m *mediaserver) end(t *testing.T) {
	t.Helper()
	if !m.over() {
		m.signal(syscall.SIGTERM) //nolint:errcheck // it may have ended meanwhile
		select {
		case <-m.done:
		case <-time.After(patience):
			t.Errorf("the server does not end: goroutines in %s", m.log)
			m.signal(syscall.SIGQUIT) //nolint:errcheck // it prints its goroutines
			<-m.done
		}
	}
	if code := m.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the server ended with code %d", code)
	}
	for _, fault := range []string{"panic", "DATA RACE", "fatal error", "level=ERROR"} {
		if i := strings.Index(m.output(), fault); i >= 0 {
			t.Errorf("%q in the log of the server: %.300s", fault, m.output()[i:])
		}
	}
}

// get is the status of a path of the HTTP server, 0 without an answer.
func (m *mediaserver) get(path string) int {
	resp, err := m.ask(path)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body) //nolint:errcheck // the status is what counts
	return resp.StatusCode
}

func (m *mediaserver) ask(path string) (*http.Response, error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	return client.Get(m.http + path)
}

// metric is the value of a metric with its labels as in the text format; 0
// when there is none.
func (m *mediaserver) metric(t *testing.T, name string) float64 {
	t.Helper()
	resp, err := m.ask("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name+" ")
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(rest, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return 0
}

// expectMetric waits until a metric has a value.
func (m *mediaserver) expectMetric(t *testing.T, name string, want float64) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		got := m.metric(t, name)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s is %v, want %v", name, got, want)
			return
		}
		rest(t, 20*time.Millisecond)
	}
}

// expectIdle checks that nothing is left of the calls.
func (m *mediaserver) expectIdle(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		`mediaserver_calls_active{direction="in"}`,
		`mediaserver_conferences_active`,
		`mediaserver_conference_participants{role="talker"}`,
		`mediaserver_conference_participants{role="listener"}`,
		`mediaserver_instances_active`,
		`mediaserver_rtp_endpoints`,
	} {
		m.expectMetric(t, name, 0)
	}
}

// expectAlive checks that the server is well.
func (m *mediaserver) expectAlive(t *testing.T) {
	t.Helper()
	if m.over() {
		t.Fatal("the server has ended")
	}
	if code := m.get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
}

// stumbles is how many frames were not sent, or came too late or never: the
// machine had no time for the server or its clients.
func (m *mediaserver) stumbles(t *testing.T) int {
	t.Helper()
	skipped := m.metric(t, "mediaserver_frames_skipped_total")
	lost := m.metric(t, `mediaserver_frames_concealed_total{cause="loss"}`)
	late := m.metric(t, `mediaserver_frames_concealed_total{cause="late"}`)
	underrun := m.metric(t, `mediaserver_frames_concealed_total{cause="underrun"}`)
	t.Logf("frames skipped %v, concealed: lost %v, late %v, underrun %v", skipped, lost, late, underrun)
	return int(skipped + lost + late + underrun)
}

// addr is the SIP address of the server.
func (m *mediaserver) addr(t *testing.T) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(m.sip)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
