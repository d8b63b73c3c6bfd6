package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/internal/phone"
	"mediaserver/sip"
)

// patience is how long a test waits for anything.
const patience = time.Minute

// instance is a server that runs within a test.
type instance struct {
	t     *testing.T
	addrs addresses
	drain context.CancelFunc
	force chan struct{}
	ended chan error // what Run returned
}

// testConfig is the default with free ports on the loopback address.
func testConfig(t *testing.T) *config.Config {
	cfg := config.Default()
	cfg.SIP.Listen = []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}
	cfg.HTTP.Listen = "127.0.0.1:0"
	cfg.RTP.PortMin, cfg.RTP.PortMax = 22000, 22999
	cfg.Media.LogDirectory, cfg.Media.Directory = t.TempDir(), t.TempDir()
	cfg.Store.Directory, cfg.Records.Directory = t.TempDir(), t.TempDir()
	return cfg
}

// startServer runs a server until the end of the test.
func startServer(t *testing.T, cfg *config.Config) *instance {
	t.Helper()
	ctx, drain := context.WithCancel(context.Background())
	i := &instance{t: t, drain: drain, force: make(chan struct{}), ended: make(chan error, 1)}
	serving := make(chan addresses, 1)
	go func() {
		i.ended <- Run(ctx, cfg, serverOptions{force: i.force, companion: func(_ context.Context, s *server) error {
			serving <- s.addrs
			return nil
		}})
	}()
	t.Cleanup(drain)
	select {
	case i.addrs = <-serving:
	case err := <-i.ended:
		t.Fatal("the server did not start:", err)
	case <-time.After(patience):
		t.Fatal("the server does not start")
	}
	return i
}

// wait waits for the end of the server.
func (i *instance) wait() error {
	i.t.Helper()
	select {
	case err := <-i.ended:
		return err
	case <-time.After(patience):
		i.t.Fatal("the server does not end")
		return nil
	}
}

// status is the answer to a GET of a path.
func (i *instance) status(path string) int {
	i.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get("http://" + i.addrs.http.String() + path)
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// uri is the address of a user at the server.
func (i *instance) uri(user string) string { return "sip:" + user + "@" + robotTarget(i.addrs.sip) }

// dial calls a user at the server from a new phone.
func (i *instance) dial(user string) (*phone.Call, error) {
	i.t.Helper()
	p, err := phone.New(phone.Config{})
	if err != nil {
		i.t.Fatal(err)
	}
	if err := p.Open(); err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { p.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.Dial(ctx, i.uri(user))
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it never happened that", what)
		}
	}
}

// application is a customer's web application of one list for the first page.
type application struct {
	first string // answer of the first page

	mu     sync.Mutex
	causes []string // call_cause of final pages
}

// ServeHTTP answers the pages.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var info struct {
		Call struct {
			Cause string `json:"call_cause"`
		} `json:"this_call"`
	}
	if err := json.NewDecoder(r.Body).Decode(&info); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.URL.Path == "/first" {
		io.WriteString(w, a.first)
		return
	}
	a.mu.Lock()
	a.causes = append(a.causes, r.URL.Path+" "+info.Call.Cause)
	a.mu.Unlock()
}

// asked are the other pages so far, with the call's cause.
func (a *application) asked() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.causes, ", ")
}

// withApplication adds a service "app" that runs the application.
func withApplication(t *testing.T, cfg *config.Config, a *application) *config.Config {
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	s := config.NewService("app", []string{"app"}, srv.URL+"/first")
	s.FinalPage = config.Page{URL: srv.URL + "/final", Method: "POST"}
	cfg.Services = append(cfg.Services, s)
	return cfg
}

// talking answers and waits; conferencing joins a room with a final page of
// its own.
const (
	talking      = `{"actions":[{"answer":{}},{"sleep":{"seconds":60}}]}`
	conferencing = `{"actions":[{"connect_to_conference":{"name":"r","secondary_call":{"final_page":"secondary"},"next_page":"next"}}]}`
)

func TestServerAnswersWithTheDemoApplication(t *testing.T) {
	cfg := testConfig(t)
	cfg.Demo, cfg.TTS.Engine = true, "none"
	i := startServer(t, cfg)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/service_start": 400, "/conference_list": 200, "/nothing": 404} {
		if got := i.status(path); got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
	c, err := i.dial("demo")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the welcome is heard", func() bool { return c.ToneLevel(523.25, time.Second) > -40 })
	if _, err := i.dial("nobody"); refusal(err) != 404 {
		t.Errorf("a call for nobody: %v, want 404", err)
	}
	i.drain()
	c.HangUp(t.Context())
	if err := i.wait(); err != nil {
		t.Error(err)
	}
}

// refusal is the code of a refused call, 0 for another error.
func refusal(err error) int {
	if refused, ok := errors.AsType[*sip.StatusError](err); ok {
		return refused.Code
	}
	return 0
}

// expectDrop: a call of a server that drains is hung up at the end of the grace, not
// before, and the server ends.
func expectDrop(t *testing.T, i *instance, c *phone.Call, grace time.Duration) {
	t.Helper()
	began := time.Now()
	i.drain()
	select {
	case <-c.Ended():
	case <-time.After(patience):
		t.Fatal("the call goes on")
	}
	if took := time.Since(began); took < grace {
		t.Errorf("hung up after %v, before the end of the grace", took)
	}
	if err := i.wait(); err != nil {
		t.Error(err)
	}
}

func TestDrainDropsRunningCallsAfterTheGrace(t *testing.T) {
	app := &application{first: conferencing}
	cfg := withApplication(t, testConfig(t), app)
	cfg.ShutdownGraceSeconds = 1
	i := startServer(t, cfg)
	c, err := i.dial("app")
	if err != nil {
		t.Fatal(err)
	}
	expectDrop(t, i, c, cfg.ShutdownGrace())
	if got, want := app.asked(), "/secondary dropped, /final dropped"; got != want {
		t.Errorf("pages asked: %s; want %s", got, want)
	}
}

func TestDrainRefusesNewCallsAndEndsWithTheLast(t *testing.T) {
	app := &application{first: talking}
	cfg := withApplication(t, testConfig(t), app)
	cfg.ShutdownGraceSeconds = int(patience.Seconds())
	i := startServer(t, cfg)
	c, err := i.dial("app")
	if err != nil {
		t.Fatal(err)
	}
	i.drain()
	eventually(t, "/readyz is 503", func() bool { return i.status("/readyz") == 503 })
	if got := i.status("/healthz"); got != 200 {
		t.Errorf("/healthz while draining: %d", got)
	}
	_, err = i.dial("app")
	if refused, ok := errors.AsType[*sip.StatusError](err); !ok || refused.Code != 503 || refused.RetryAfter <= 0 {
		t.Errorf("a call while draining: %v, want 503 with Retry-After", err)
	}
	if err := c.HangUp(t.Context()); err != nil {
		t.Error(err)
	}
	if err := i.wait(); err != nil {
		t.Error(err)
	}
	if got, want := app.asked(), "/final hung_up"; got != want {
		t.Errorf("pages asked: %s; want %s", got, want)
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	app := &application{first: talking}
	cfg := withApplication(t, testConfig(t), app)
	i := startServer(t, cfg)
	if _, err := i.dial("app"); err != nil {
		t.Fatal(err)
	}
	i.drain()
	eventually(t, "/readyz is 503", func() bool { return i.status("/readyz") == 503 })
	began := time.Now()
	close(i.force)
	if err := i.wait(); !errors.Is(err, errForced) {
		t.Errorf("Run returned %v", err)
	}
	if took := time.Since(began); took > cfg.ShutdownGrace()/2 {
		t.Errorf("ended after %v", took)
	}
}

func TestSignalsReachTheServer(t *testing.T) {
	t.Chdir(t.TempDir())
	p := &program{stdout: io.Discard, stderr: io.Discard, signals: make(chan os.Signal, 2)}
	p.signals <- syscall.SIGTERM
	if err := p.serve(t.Context(), testConfig(t), serverOptions{}); err != nil {
		t.Error("after one signal:", err)
	}
}

func TestPortsInUseAreNamed(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	_, tcpPort, _ := net.SplitHostPort(tcp.Addr().String())
	_, udpPort, _ := net.SplitHostPort(udp.LocalAddr().String())
	for _, tt := range []struct {
		name  string
		set   func(*config.Config)
		flags portFlags
		want  string
	}{
		{"HTTP by key", func(c *config.Config) { c.HTTP.Listen = tcp.Addr().String() }, false, "HTTP: TCP port " + tcpPort + " of 127.0.0.1 is in use by another program; choose another with the key http.listen or the variable MEDIASERVER_HTTP_LISTEN='127.0.0.1:8081'"},
		{"HTTP by flag", func(c *config.Config) { c.HTTP.Listen = tcp.Addr().String() }, true, "HTTP: TCP port " + tcpPort + " of 127.0.0.1 is in use by another program; choose another with --http-port, for example --http-port 8081"},
		{"pprof", func(c *config.Config) { c.HTTP.PprofListen = tcp.Addr().String() }, true, "pprof: TCP port " + tcpPort + " of 127.0.0.1 is in use by another program; choose another with the key http.pprof_listen or the variable MEDIASERVER_HTTP_PPROF_LISTEN='127.0.0.1:6061'"},
		{"SIP over UDP", func(c *config.Config) { c.SIP.Listen = []string{"udp://" + udp.LocalAddr().String()} }, true, "SIP: UDP port " + udpPort + " of 127.0.0.1 is in use by another program; choose another with --sip-port, for example --sip-port 5070"},
		{"SIP over TCP", func(c *config.Config) { c.SIP.Listen = []string{"tcp://" + tcp.Addr().String()} }, false, "SIP: TCP port " + tcpPort + " of 127.0.0.1 is in use by another program; choose another with the key sip.listen or the variable MEDIASERVER_SIP_LISTEN='[\"udp://0.0.0.0:5070\", \"tcp://0.0.0.0:5070\"]'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig(t)
			tt.set(cfg)
			err := Run(t.Context(), cfg, serverOptions{flags: tt.flags})
			if err == nil || err.Error() != tt.want || !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestPprofHasItsOwnAddress(t *testing.T) {
	cfg := testConfig(t)
	cfg.HTTP.PprofListen = "127.0.0.1:0"
	i := startServer(t, cfg)
	if got := i.status("/debug/pprof/"); got != http.StatusNotFound {
		t.Errorf("profiles at the main address: %d", got)
	}
	i.addrs.http = i.addrs.pprof
	if got := i.status("/debug/pprof/"); got != http.StatusOK {
		t.Errorf("profiles at their own address: %d", got)
	}
	i.drain()
	if err := i.wait(); err != nil {
		t.Error(err)
	}
}

func TestGreetingTellsHowToCall(t *testing.T) {
	udp := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5070}
	a := addresses{sip: []net.Addr{udp}, http: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}}
	t.Run("the demo", func(t *testing.T) {
		cfg := config.Default()
		cfg.Demo = true
		for _, want := range []string{"sip:demo@192.0.2.1:5070", "udp://192.0.2.1:5070", "http://127.0.0.1:8080"} {
			if got := greeting(cfg, a, nil); !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
	})
	t.Run("TLS", func(t *testing.T) {
		cfg := config.Default()
		cfg.SIP.Listen = []string{"udp://0.0.0.0:5070", "tls://192.0.2.1:5071"}
		cfg.HTTP.TLS.CertFile = "cert.pem"
		a := addresses{sip: []net.Addr{udp, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5071}}, http: a.http}
		for _, want := range []string{"udp://192.0.2.1:5070  tls://192.0.2.1:5071", "https://127.0.0.1:8080"} {
			if got := greeting(cfg, a, nil); !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
	})
	t.Run("services", func(t *testing.T) {
		cfg := config.Default()
		cfg.SIP.Advertise = "sip.example.com"
		for _, tt := range []struct {
			match []string
			want  string
		}{
			{[]string{"+44*"}, "sip:+44…@sip.example.com:5070"},
			{[]string{"+44*", "112"}, "sip:112@sip.example.com:5070"},
			{[]string{"*"}, "sip:…@sip.example.com:5070"},
			{[]string{"sip:x@y"}, "sip:x@y"},
			{[]string{"x@y"}, "sip:x@y"},
			{[]string{"sip:*"}, "sip:…@sip.example.com:5070"},
			{[]string{"tel:+44*"}, "tel:+44…"},
		} {
			cfg.Services = []config.Service{config.NewService("help", tt.match, "http://h/")}
			if got, want := greeting(cfg, a, nil), "  call  "+tt.want+"  service help\n"; !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
	})
	t.Run("an address of the family that is served", func(t *testing.T) {
		for _, tt := range []struct {
			ip  net.IP
			six bool
		}{{net.IPv4zero, false}, {net.IPv6unspecified, true}} {
			a := addresses{sip: []net.Addr{&net.UDPAddr{IP: tt.ip, Port: 5060}}, http: a.http}
			cfg := config.Default()
			cfg.Demo = true
			if got := greeting(cfg, a, nil); strings.Contains(got, "sip:demo@[") != tt.six {
				t.Error(got)
			}
		}
	})
	t.Run("a service that calls, and rooms", func(t *testing.T) {
		cfg := config.Default()
		reminder := config.NewService("reminder", []string{"112"}, "http://h/") // which nobody can call all the same
		reminder.Direction = "outbound"
		cfg.Services = []config.Service{reminder}
		for _, direct := range []bool{false, true} {
			cfg.Conference.DirectDial = direct
			got := greeting(cfg, a, nil)
			if !strings.Contains(got, "calls by service_start  service reminder") ||
				strings.Contains(got, "refused with 404") == direct || strings.Contains(got, "sip:conf-NAME@192.0.2.1:5070") != direct {
				t.Errorf("direct_dial %v:\n%s", direct, got)
			}
		}
	})
	t.Run("the demo, and rooms", func(t *testing.T) {
		cfg := config.Default()
		cfg.Demo, cfg.Conference.DirectDial = true, true
		if got := greeting(cfg, a, nil); !strings.Contains(got, "sip:demo@192.0.2.1:5070") || !strings.Contains(got, "sip:conf-NAME@192.0.2.1:5070") {
			t.Error(got)
		}
	})
	t.Run("no services", func(t *testing.T) {
		if got := greeting(config.Default(), a, nil); !strings.Contains(got, "refused with 404") {
			t.Error(got)
		}
	})
}
