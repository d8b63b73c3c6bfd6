package status

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mediaserver/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// pulse is a media clock that runs or not.
type pulse bool

func (p pulse) Healthy(time.Time) bool { return bool(p) }

func TestHandlerAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, method, path string
		clock              pulse
		phase              Phase
		code               int
		body               string // a part of it
	}{
		{"healthy while the clock runs", "GET", "/healthz", true, Starting, 200, "ok"},
		{"healthy while draining", "GET", "/healthz", true, Draining, 200, "ok"},
		{"unhealthy without clock", "GET", "/healthz", false, Ready, 503, "media clock"},
		{"not ready while starting", "GET", "/readyz", true, Starting, 503, "starting"},
		{"ready", "GET", "/readyz", true, Ready, 200, "ready"},
		{"not ready while draining", "GET", "/readyz", true, Draining, 503, "draining"},
		{"HEAD is GET", "HEAD", "/readyz", true, Ready, 200, ""},
		{"no other method", "POST", "/readyz", true, Ready, 405, ""},
		{"nothing else", "GET", "/absent", true, Ready, 404, ""},
		{"what there is", "GET", "/", true, Ready, 200, "/metrics"},
		{"metrics of Go", "GET", "/metrics", true, Ready, 200, "go_goroutines"},
		{"metrics of the process", "GET", "/metrics", true, Ready, 200, "process_open_fds"},
		{"metrics of the build", "GET", "/metrics", true, Ready, 200, `mediaserver_build_info{go="go`},
		{"readiness in the metrics", "GET", "/metrics", true, Ready, 200, "mediaserver_ready 1"},
		{"draining in the metrics", "GET", "/metrics", true, Draining, 200, "mediaserver_ready 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &State{}
			s.Set(tt.phase)
			w := httptest.NewRecorder()
			NewHandler(s, tt.clock, NewRegistry("1.2.3", s)).ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.body) {
				t.Errorf("got %d %q, want %d with %q", w.Code, w.Body.String(), tt.code, tt.body)
			}
		})
	}
}

func TestPprofIsAHandlerOfItsOwn(t *testing.T) {
	s := &State{}
	w := httptest.NewRecorder()
	NewHandler(s, pulse(true), NewRegistry("", s)).ServeHTTP(w, httptest.NewRequest("GET", "/debug/pprof/", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("profiles are served beside the metrics: %d", w.Code)
	}
	w = httptest.NewRecorder()
	NewPprofHandler().ServeHTTP(w, httptest.NewRequest("GET", "/debug/pprof/", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "goroutine") {
		t.Errorf("got %d", w.Code)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	go func() { served <- Serve(ctx, ln, hello, WriteTimeout, slog.New(slog.DiscardHandler)) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "hello" {
		t.Errorf("got %q, %v", body, err)
	}
	resp.Body.Close()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := client.Get("http://" + ln.Addr().String()); err == nil {
		t.Error("still serving")
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := Serve(t.Context(), ln, http.NotFoundHandler(), 0, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
	}
}
