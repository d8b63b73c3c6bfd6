package restapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/call"
	"mediaserver/dtmf"
)

func TestNoServiceIsNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version1)
		w.service.Match = []string{"another"}
		wantOutline(t, w.run(), "reject 404")
	})
}

func TestFirstPageFailsWithoutAnErrorPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version1)
		w.service.ErrorPage = Page{}
		w.app.pages["/first"] = []page{{status: 503}}
		trace := w.run()
		wantOutline(t, trace, "POST /first", "hang up", "POST /final")
		if info := w.primary.Info(); info.Cause != call.Failed || info.RawCause != 603 {
			t.Errorf("%+v", info)
		}
		wantWarning(t, w, "code=PAGE_HTTP_STATUS")
	})
}

func TestSlowPageTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version1)
		w.app.pages["/first"] = []page{{status: 200, body: w.empty(), delay: 11 * time.Second}}
		w.page("/error", w.empty())
		w.run()
		if r := w.app.last(t, "/error")["error_result"].(map[string]any)["result"].(string); !strings.HasPrefix(r, "PAGE_TIMEOUT: ") {
			t.Errorf("result %s", r)
		}
	})
}

func TestRedirectsInARow(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pages int // that redirect, beside the first
		pause bool
		fault bool
	}{
		{"100 are followed", 99, false, false},
		{"101 are too many", 100, false, true},
		{"another action between them starts anew", 150, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Version1)
				next := `{"redirect":{"next_page":"p"}}`
				w.page("/first", w.list(next))
				for i := range tt.pages {
					if tt.pause && i == 75 {
						w.page("/p", w.list(`{"sleep":{"seconds":1}},`+next))
						continue
					}
					w.page("/p", w.list(next))
				}
				w.page("/p", w.empty())
				w.page("/error", w.empty())
				w.run()
				faulty := slices.Contains(w.app.asked(), "/error")
				if faulty != tt.fault {
					t.Fatalf("error page asked: %v", faulty)
				}
				if tt.fault {
					want := map[string]any{"action": "redirect", "result": "LIMIT_EXCEEDED: actions[0].redirect: more than 100 redirects in a row"}
					if got := w.app.last(t, "/error")["error_result"]; fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("error_result %v", got)
					}
				}
			})
		})
	}
}

func TestNoActionResultAfterARedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.page("/first", w.list(`{"redirect":{"next_page":"next"}}`))
		w.page("/next", w.empty())
		w.run()
		if info := w.app.last(t, "/next"); info["action_result"] != nil || info["error_result"] != nil {
			t.Errorf("info %v", info)
		}
	})
}

// brokenCall is a call one verb of which does not work.
type brokenCall struct {
	*fakeCall
	err error // of Play; nil: it panics
}

func (b brokenCall) Play(context.Context, call.Playlist, call.PlayOptions) (dtmf.Digit, error) {
	if b.err == nil {
		panic("no such thing")
	}
	return 0, b.err
}

func TestFaultOfTheServer(t *testing.T) {
	play := `{"play":{"play_list":[{"file_to_play":"a.wav"}]}}`
	t.Run("an error nobody expects is INTERNAL", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Version1)
			w.page("/first", w.list(play))
			w.page("/error", w.empty())
			serveBroken(t, w, errors.New("disk on fire"), NewMetrics(nil))
			fault := w.app.last(t, "/error")["error_result"].(map[string]any)
			if fault["action"] != "play" || !strings.HasPrefix(fault["result"].(string), "INTERNAL: actions[0].play: ") {
				t.Errorf("error_result %v", fault)
			}
		})
	})
	t.Run("a panic ends the call and nothing else", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Version1)
			w.page("/first", w.list(play))
			m := NewMetrics(nil)
			serveBroken(t, w, nil, m)
			if info := w.primary.Info(); info.Cause != call.Failed {
				t.Errorf("%+v", info)
			}
			if n := metricValue(t, m.faults); n != 1 {
				t.Errorf("%v faults counted", n)
			}
			if n := metricValue(t, m.instances); n != 0 {
				t.Errorf("%v instances running", n)
			}
			if !strings.Contains(w.log.String(), "no such thing") {
				t.Errorf("log %s", w.log.String())
			}
		})
	})
}

// serveBroken runs an instance for a call whose Play does not work.
func serveBroken(t *testing.T, w *world, err error, m *Metrics) {
	t.Helper()
	s, configErr := NewServer(Config{Services: []Service{w.service}, Transport: w.app, Logger: slog.New(slog.NewTextHandler(w.log, nil)), Metrics: m})
	if configErr != nil {
		t.Fatal(configErr)
	}
	s.serve(t.Context(), verbs{life: w.primary, media: brokenCall{w.primary, err}, answer: w.primary, conference: w.primary})
}

func TestEndOfContextEndsTheInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version1)
		w.page("/first", w.list(`{"sleep":{"seconds":100}}`))
		s, err := NewServer(Config{Services: []Service{w.service}, Transport: w.app})
		if err != nil {
			t.Fatal(err)
		}
		why := errors.New("second signal")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(why) })
		start := time.Now()
		s.serve(ctx, verbs{life: w.primary, media: w.primary, answer: w.primary, conference: w.primary})
		if took := time.Since(start); took != 5*time.Second || w.primary.Info().Cause != call.Dropped {
			t.Errorf("took %v, %+v", took, w.primary.Info())
		}
		if asked := w.app.asked(); slices.Contains(asked, "/error") {
			t.Errorf("asked %v", asked)
		}
	})
}

func TestShutdownDropsCallsInGoodOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.script.connection = time.Hour
		w.page("/first", w.joining(withSecondary))
		w.page("/sec/first", w.empty())
		time.AfterFunc(30*time.Second, func() { w.primary.HangUp(call.Dropped) })
		wantOutline(t, w.run(), "POST /first", "answer", "play [before.wav]", "dial room", "POST /sec/first", "connect",
			"hang up", "POST /sec/final", "POST /final")
		for _, path := range []string{"/sec/final", "/final"} {
			if cause := w.app.last(t, path)["this_call"].(map[string]any)["call_cause"]; cause != "dropped" {
				t.Errorf("%s: call_cause %v", path, cause)
			}
		}
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewServer(Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(t.Context()); err != nil {
			t.Errorf("nothing runs: %v", err)
		}
		s.running.add()
		s.running.add()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("something runs: %v", err)
		}
		time.AfterFunc(time.Second, s.running.remove)
		time.AfterFunc(3*time.Second, s.running.remove)
		start := time.Now()
		if err := s.Wait(t.Context()); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestMaximumDurationIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version1)
		w.service.MaxDuration = 7 * time.Minute
		w.page("/first", w.empty())
		w.run()
		if w.primary.limit != 7*time.Minute {
			t.Errorf("limit %v", w.primary.limit)
		}
	})
}

func TestInstanceIDs(t *testing.T) {
	s, err := NewServer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^[0-9a-f]{16}\.[0-9]+$`)
	seen := make(map[string]bool)
	for range 100 {
		id := s.newID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
	start := time.Date(2026, 3, 2, 10, 14, 7, 0, time.FixedZone("", 3600))
	if name := logName(start, "5f0c31b9a7e2446d.10231"); name != "2026/03/02/09_14_07_5f0c31b9a7e2446d.10231.log" {
		t.Errorf("log name %s", name)
	}
}

func TestInstanceLog(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.logDir = dir
		w.service.FirstPage.URL = "http://me:hidden@app.test/first?key=hidden"
		w.page("/first", `{"api_version":"2.0","token":"hidden","actions":[{"play":{"play_list":[{"text_to_say":"hidden","text_is_private":true}]}}]}`)
		w.page("/error", w.empty())
		w.run()
	})
	got, err := os.ReadFile(filepath.Join(dir, "2000/01/01/00_00_00_5f0c31b9a7e2446d.10231.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"instance starts", "page=first", "url=http://app.test/first", "action=play", "code=TTS_FAILED", "instance ends"} {
		if !strings.Contains(string(got), part) {
			t.Errorf("no %q in\n%s", part, got)
		}
	}
	if strings.Contains(string(got), "hidden") {
		t.Errorf("a secret in\n%s", got)
	}
}

func TestInstanceLogIsBounded(t *testing.T) {
	m := NewMetrics(nil)
	f := &logFile{path: filepath.Join(t.TempDir(), "a/b.log"), writer: newLogWriter(m)}
	line := append(bytes.Repeat([]byte("x"), 99_999), '\n')
	for range 20 {
		if n, err := f.Write(line); n != len(line) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	got, err := os.ReadFile(f.path)
	if err != nil || len(got) > maxInstanceLog+len(fullNotice) || strings.Count(string(got), fullNotice) != 1 || !bytes.HasSuffix(got, []byte(fullNotice)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n := metricValue(t, m.logErrors); n != 0 {
		t.Errorf("%v errors counted", n)
	}
}

func TestLogThatCannotBeWrittenStopsNothing(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version1)
		w.logDir = blocked
		w.page("/first", w.list(`{"sleep":{"seconds":1}}`))
		wantOutline(t, w.run(), "POST /first", "sleep 1s", "hang up", "POST /final")
	})
	m := NewMetrics(nil)
	f := &logFile{path: filepath.Join(blocked, "a.log"), writer: newLogWriter(m)}
	if n, err := f.Write([]byte("x\n")); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n := metricValue(t, m.logErrors); n != 1 {
		t.Errorf("%v errors counted", n)
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		m := NewMetrics(registry)
		w := newWorld(t, Version1)
		w.app.pages["/first"] = []page{{status: 500}}
		w.page("/error", "{}")
		s, err := NewServer(Config{Services: []Service{w.service}, Transport: w.app, Metrics: m})
		if err != nil {
			t.Fatal(err)
		}
		s.serve(t.Context(), verbs{life: w.primary, media: w.primary, answer: w.primary, conference: w.primary})
		for _, tt := range []struct{ page, outcome string }{{"first", "page_http_status"}, {"error", "missing_actions"}, {"final", "ok"}} {
			if n := requestsOf(t, m, tt.page, tt.outcome); n != 1 {
				t.Errorf("%v: %v", tt, n)
			}
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range families {
			names = append(names, f.GetName())
		}
		for _, name := range []string{"mediaserver_page_requests_total", "mediaserver_page_request_seconds"} {
			if !slices.Contains(names, name) {
				t.Errorf("no %s among %v", name, names)
			}
		}
	})
}

func TestSecondsAreRoundedHalfUp(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0.0"},
		{49 * time.Millisecond, "0.0"},
		{50 * time.Millisecond, "0.1"},
		{12350 * time.Millisecond, "12.4"},
		{131049999 * time.Microsecond, "131.0"},
		{131060 * time.Millisecond, "131.1"},
		{time.Minute, "60.0"},
		{24 * time.Hour, "86400.0"},
		{-time.Second, "0.0"},
	} {
		number, err := json.Marshal(seconds{tt.d, v2})
		text, err1 := json.Marshal(seconds{tt.d, v1})
		if err != nil || err1 != nil || string(number) != tt.want || string(text) != `"`+tt.want+`"` {
			t.Errorf("%v: %s and %s, want %s", tt.d, number, text, tt.want)
		}
	}
}

// metricValue is the value of a counter or gauge.
func metricValue(t *testing.T, c prometheus.Collector) float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%v, %v", families, err)
	}
	m := families[0].GetMetric()[0]
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}

// requestsOf counts the requests of a page with an outcome.
func requestsOf(t *testing.T, m *Metrics, page, outcome string) float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(m.requests)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			values := map[string]string{}
			for _, l := range one.GetLabel() {
				values[l.GetName()] = l.GetValue()
			}
			if values["page"] == page && values["outcome"] == outcome {
				return one.GetCounter().GetValue()
			}
		}
	}
	return 0
}
