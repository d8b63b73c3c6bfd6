package trunk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"mediaserver/call"
	"mediaserver/sip"
)

// far is what stands at the addresses of the trunks, in a bubble.
type far struct {
	began time.Time

	mu    sync.Mutex
	log   []string
	codes map[string]int           // what an address answers; 0 = 200, -1 = nothing
	grant time.Duration            // 0 = what was asked for
	after map[string]time.Duration // Retry-After of refusals
	slow  time.Duration            // of answers to REGISTER
}

func newFar() *far {
	return &far{began: time.Now(), codes: map[string]int{}, after: map[string]time.Duration{}}
}

func (f *far) set(address string, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.codes[address] = code
}

// take is what was sent since the last take: the second, what, where to.
func (f *far) take() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := strings.Join(f.log, ", ")
	f.log = nil
	return s
}

func (f *far) answer(ctx context.Context, what, address string) (int, time.Duration, error) {
	f.mu.Lock()
	f.log = append(f.log, fmt.Sprintf("%ds %s %s", int(time.Since(f.began).Seconds()), what, address))
	code, after := f.codes[address], f.after[address]
	f.mu.Unlock()
	switch {
	case code < 0:
		<-ctx.Done()
		return 0, 0, context.Cause(ctx)
	case code == 0:
		code = 200
	}
	return code, after, nil
}

func (f *far) Register(ctx context.Context, r sip.RegisterRequest) (sip.RegisterResult, error) {
	where := r.Registrar
	if r.Proxy != "" {
		where = r.Proxy
	}
	time.Sleep(f.slow)
	code, after, err := f.answer(ctx, fmt.Sprintf("REGISTER %d", int(r.Expires.Seconds())), where)
	switch {
	case err != nil:
		return sip.RegisterResult{}, err
	case code >= 300:
		return sip.RegisterResult{}, &sip.StatusError{Code: code, RetryAfter: after}
	case r.Expires == 0:
		return sip.RegisterResult{}, nil
	}
	granted := r.Expires
	if f.grant != 0 {
		granted = f.grant
	}
	return sip.RegisterResult{Expires: granted, ServiceRoute: []string{"sip:route.test;lr"}}, nil
}

func (f *far) Options(ctx context.Context, r sip.OptionsRequest) (int, time.Duration, error) {
	code, _, err := f.answer(ctx, "OPTIONS", r.To)
	return code, 20 * time.Millisecond, err
}

// running runs a table in a bubble; stop ends it.
func running(t *testing.T, f *far, list ...Config) (table *Table, log *bytes.Buffer, stop func()) {
	log = &bytes.Buffer{}
	table = NewTable(TableConfig{Agent: f, Logger: slog.New(slog.NewTextHandler(log, nil))})
	table.Replace(list, "")
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = table.Run(ctx) })
	return table, log, func() { cancel(); tasks.Wait() }
}

func registering(addresses ...string) Config {
	return Config{Name: "a", Line: Line{Addresses: addresses, Username: "us", Password: "topsecret", Register: true, Expires: 1000 * time.Second}}
}

// told are the events of trunks.
type told struct {
	began time.Time

	mu   sync.Mutex
	list []string
}

func (s *told) Emit(e call.Event) {
	text := fmt.Sprintf("%ds %s %s", int(time.Since(s.began).Seconds()), strings.TrimPrefix(string(e.Type), "trunk."), e.Trunk.Name)
	if r := e.Trunk.Registered; r != nil {
		text += fmt.Sprintf(" %v", *r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, strings.TrimSpace(text+" "+e.Trunk.Reason))
}

// take is what was told since the last take.
func (s *told) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.Join(s.list, ", ")
	s.list = nil
	return text
}

// telling is running with an ear for events.
func telling(t *testing.T, f *far, list ...Config) (*told, func()) {
	s := &told{began: f.began}
	table := NewTable(TableConfig{Agent: f, Events: s})
	table.Replace(list, "")
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = table.Run(ctx) })
	return s, func() { cancel(); tasks.Wait() }
}

func TestChangesOfTrunksAreEvents(t *testing.T) {
	both := registering("sip:a.test")
	both.Line.Keepalive = 30 * time.Second
	asked := Config{Name: "a", Line: Line{Addresses: []string{"sip:a.test", "sip:b.test"}, Keepalive: 30 * time.Second}}
	for _, c := range []struct {
		name   string
		trunk  Config
		before func(f *far)
		after  func(f *far) // two minutes later, for two minutes
		want   string
	}{
		{
			"registered, then taken back", registering("sip:a.test"), nil, nil,
			"0s up a true, 240s down a false not registered: registration ended",
		},
		{
			"refused", registering("sip:a.test"), func(f *far) { f.set("sip:a.test", 403) }, nil,
			"0s down a false not registered: sip: status 403 Forbidden",
		},
		{
			"refused, then taken", registering("sip:a.test"), func(f *far) { f.set("sip:a.test", 403) }, func(f *far) { f.set("sip:a.test", 0) },
			"0s down a false not registered: sip: status 403 Forbidden, up a true, 240s down a false not registered: registration ended",
		},
		{"not said before both are known", both, func(f *far) { f.slow = time.Second }, nil, "1s up a true, 241s down a false not registered: registration ended"},
		{"up with one address of two", asked, func(f *far) { f.set("sip:a.test", 503) }, nil, "0s up a"},
		{"down with all", asked, nil, func(f *far) { f.set("sip:a.test", 503); f.set("sip:b.test", 503) }, "0s up a, down a b.test answers sip: status 503 Service Unavailable"},
		{"from the beginning", asked, func(f *far) { f.set("sip:a.test", 503); f.set("sip:b.test", 503) }, nil, "0s down a b.test answers sip: status 503 Service Unavailable"},
		{"neither registered nor asked", Config{Name: "a", Line: Line{Addresses: []string{"sip:a.test"}}}, nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFar()
				if c.before != nil {
					c.before(f)
				}
				s, stop := telling(t, f, c.trunk)
				time.Sleep(2 * time.Minute)
				if c.after != nil {
					c.after(f)
				}
				time.Sleep(2 * time.Minute)
				stop()
				got := s.take()
				if c.after != nil { // when exactly is by chance
					got = regexp.MustCompile(`, 1[0-9][0-9]s`).ReplaceAllString(got, ",")
				}
				if got != c.want {
					t.Errorf("told %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestRegistrationIsRefreshedAndTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar()
		f.grant = 100 * time.Second // less than was asked for: it counts
		table, log, stop := running(t, f, registering("sip:a.test"))
		synctest.Wait()
		if got := f.take(); got != "0s REGISTER 1000 sip:a.test" {
			t.Fatal(got)
		}
		s := table.States()[0]
		if !s.Up || !s.Registered || time.Until(s.Until) != 100*time.Second {
			t.Errorf("%+v", s)
		}
		if r := routes(t, table, "44", "")[0].Request; len(r.Routes) != 1 || r.Routes[0] != "sip:route.test;lr" {
			t.Errorf("the route of the registrar is not used: %q", r.Routes)
		}
		time.Sleep(86 * time.Second) // 75 to 90 % of the time
		time.Sleep(5 * time.Second)
		if got := f.take(); strings.Count(got, "REGISTER 1000") != 1 || strings.HasPrefix(got, "7") && got < "75" {
			t.Error("refresh:", got)
		}
		stop()
		if got := f.take(); !strings.HasSuffix(got, "REGISTER 0 sip:a.test") {
			t.Error("end:", got)
		}
		if s := table.States()[0]; s.Registered || s.Up {
			t.Errorf("after the end: %+v", s)
		}
		if strings.Contains(log.String(), "topsecret") {
			t.Error("the password is in the log")
		}
	})
}

func TestRegistrationGoesToTheNextAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar()
		f.set("sip:a.test", -1)
		table, _, stop := running(t, f, registering("sip:a.test", "sip:b.test"))
		defer stop()
		time.Sleep(30 * time.Second)
		if got := f.take(); got != "0s REGISTER 1000 sip:a.test, 20s REGISTER 1000 sip:b.test" {
			t.Error(got)
		}
		if got := targets(routes(t, table, "44", "")); got != "sip:44@b.test, sip:44@a.test" {
			t.Error("a call does not go where we are registered first:", got)
		}
	})
}

func TestFailedRegistrationsWaitLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar()
		f.set("sip:a.test", 500)
		table, _, stop := running(t, f, registering("sip:a.test"))
		defer stop()
		time.Sleep(time.Hour)
		if n := strings.Count(f.take(), "REGISTER"); n < 15 || n > 22 {
			t.Errorf("%d attempts in an hour", n)
		}
		s := table.States()[0]
		if s.Up || s.Registered || !strings.Contains(s.Reason, "500") {
			t.Errorf("%+v", s)
		}
		f.set("sip:a.test", 0)
		time.Sleep(6 * time.Minute)
		if s := table.States()[0]; !s.Up || !s.Registered || s.Refused != "" {
			t.Errorf("after the recovery: %+v", s)
		}
	})
}

func TestRefusedCredentialsAreNotTriedOftenAndRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar()
		f.set("sip:a.test", 403)
		f.set("sip:b.test", 503)
		f.after["sip:b.test"] = 10 * time.Minute
		b := registering("sip:b.test")
		b.Name = "b"
		_, _, stop := running(t, f, registering("sip:a.test"), b)
		defer stop()
		time.Sleep(9*time.Minute + 50*time.Second)
		got := f.take()
		if n := strings.Count(got, "a.test"); n < 8 || n > 12 {
			t.Errorf("%d attempts with credentials that are refused: %s", n, got)
		}
		if n := strings.Count(got, "b.test"); n != 1 {
			t.Errorf("%d attempts within Retry-After", n)
		}
	})
}

func TestExpiredRegistrationTakesTheTrunkDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar()
		f.grant = 60 * time.Second
		told := &told{began: f.began}
		table := NewTable(TableConfig{Agent: f, Events: told})
		table.Replace([]Config{registering("sip:a.test")}, "")
		ctx, cancel := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		tasks.Go(func() { _ = table.Run(ctx) })
		time.Sleep(10 * time.Second)
		f.set("sip:a.test", -1)
		time.Sleep(51 * time.Second)
		if s := table.States()[0]; s.Up || s.Registered {
			t.Errorf("after the end of the registration: %+v", s)
		}
		time.Sleep(5 * time.Minute)
		cancel()
		tasks.Wait()
		if s := told.take(); s != "0s up a true, 60s down a false not registered: it has run out" {
			t.Error("told:", s)
		}
	})
}

func TestKeepaliveTellsUpFromDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar()
		asked := Config{Name: "a", Line: Line{Addresses: []string{"sip:a.test", "sip:b.test"}, Keepalive: 30 * time.Second}, Match: []string{"*"}}
		other := Config{Name: "o", Line: Line{Addresses: []string{"sip:o.test"}}, Match: []string{"*"}}
		table, log, stop := running(t, f, asked, other)
		defer stop()
		synctest.Wait()
		if got := targets(routes(t, table, "44", "")); got != "sip:44@a.test, sip:44@b.test, sip:44@o.test" {
			t.Error("all up:", got)
		}
		f.set("sip:a.test", -1)
		time.Sleep(time.Minute)
		if got := targets(routes(t, table, "44", "")); got != "sip:44@b.test, sip:44@a.test, sip:44@o.test" {
			t.Error("one address down:", got)
		}
		f.set("sip:b.test", 503)
		time.Sleep(time.Minute)
		if got := targets(routes(t, table, "44", "")); got != "sip:44@o.test, sip:44@a.test, sip:44@b.test" {
			t.Error("the trunk down:", got)
		}
		s := table.States()[0]
		if s.Up || s.Reason != "b.test answers sip: status 503 Service Unavailable" || s.Addresses[0].Up || s.Addresses[1].Code != 503 {
			t.Errorf("%+v", s)
		}
		f.set("sip:a.test", 404) // it answers, which is what counts
		time.Sleep(time.Minute)
		s = table.States()[0]
		if !s.Up || s.Addresses[0].RTT != 20*time.Millisecond || time.Since(s.Addresses[0].Answer) > time.Minute {
			t.Errorf("%+v", s)
		}
		if strings.Count(log.String(), "trunk is down") != 1 || strings.Count(log.String(), "trunk is up") != 2 {
			t.Error("log:\n" + log.String())
		}
	})
}

func TestReplaceKeepsWhatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFar()
		table, _, stop := running(t, f, registering("sip:a.test"))
		synctest.Wait()
		f.take()
		more := registering("sip:a.test")
		more.Limits.MaxCalls = 5
		b := registering("sip:b.test")
		b.Name = "b"
		table.Replace([]Config{more, b}, "b")
		synctest.Wait()
		if got := f.take(); got != "0s REGISTER 1000 sip:b.test" {
			t.Error("a trunk whose line stays:", got)
		}
		moved := registering("sip:c.test")
		table.Replace([]Config{moved, b}, "b")
		synctest.Wait()
		if got := f.take(); got != "0s REGISTER 0 sip:a.test, 0s REGISTER 1000 sip:c.test" {
			t.Error("a trunk that moved:", got)
		}
		table.Replace(nil, "")
		synctest.Wait()
		if got := f.take(); !strings.Contains(got, "REGISTER 0 sip:c.test") || !strings.Contains(got, "REGISTER 0 sip:b.test") {
			t.Error("trunks that are gone:", got)
		}
		stop()
		if got := f.take(); got != "" {
			t.Error("after that:", got)
		}
	})
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prometheus.NewRegistry()
		f := newFar()
		table := NewTable(TableConfig{Agent: f, Metrics: NewMetrics(r)})
		table.Replace([]Config{registering("sip:a.test")}, "")
		ctx, cancel := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		tasks.Go(func() { _ = table.Run(ctx) })
		synctest.Wait()
		if _, err := routes(t, table, "44", "")[0].Take(); err != nil {
			t.Fatal(err)
		}
		want := `
# HELP mediaserver_trunk_calls_active Calls of the trunk now.
# TYPE mediaserver_trunk_calls_active gauge
mediaserver_trunk_calls_active{trunk="a"} 1
# HELP mediaserver_trunk_registered 1 while the trunk is registered.
# TYPE mediaserver_trunk_registered gauge
mediaserver_trunk_registered{trunk="a"} 1
# HELP mediaserver_trunk_registrations_total REGISTER transactions.
# TYPE mediaserver_trunk_registrations_total counter
mediaserver_trunk_registrations_total{outcome="no_answer",trunk="a"} 0
mediaserver_trunk_registrations_total{outcome="ok",trunk="a"} 1
mediaserver_trunk_registrations_total{outcome="refused",trunk="a"} 0
# HELP mediaserver_trunk_up 1 while the trunk can be expected to take a call.
# TYPE mediaserver_trunk_up gauge
mediaserver_trunk_up{trunk="a"} 1
`
		if err := testutil.GatherAndCompare(r, strings.NewReader(want), "mediaserver_trunk_calls_active", "mediaserver_trunk_registered",
			"mediaserver_trunk_registrations_total", "mediaserver_trunk_up"); err != nil {
			t.Error(err)
		}
		table.Replace(nil, "")
		if n, err := testutil.GatherAndCount(r); err != nil || n != 0 {
			t.Errorf("%d series of a trunk that is gone, %v", n, err)
		}
		cancel()
		tasks.Wait()
	})
}

func TestOutcomes(t *testing.T) {
	for err, want := range map[error]string{nil: "ok", &sip.StatusError{Code: 403}: "refused", errNotGranted: "refused", errors.New("x"): "no_answer"} {
		if got := outcome(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}
