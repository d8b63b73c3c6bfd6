package main

import (
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/restapi"
)

func TestRoomsAreCalledByTheirPrefix(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:conf-red@127.0.0.1":       "red",
		"sips:conf-a-b@h:5061;x=y":     "a-b",
		"sip:conf-@127.0.0.1":          "",
		"sip:conference@127.0.0.1":     "",
		"sip:127.0.0.1":                "",
		"sip:conf-127.0.0.1":           "",
		"sip:other;conf-x@example.com": "",
	} {
		if got, ok := directRoom(uri); got != want || ok != (want != "") {
			t.Errorf("%s calls %q, %v; want %q", uri, got, ok, want)
		}
	}
}

func TestDrainLeavesCallsWithoutAnApplicationTheirGrace(t *testing.T) {
	cfg := testConfig(t)
	cfg.Conference.DirectDial, cfg.ShutdownGraceSeconds = true, 1
	i := startServer(t, cfg)
	c, err := i.dial("conf-room")
	if err != nil {
		t.Fatal(err)
	}
	expectDrop(t, i, c, cfg.ShutdownGrace())
}

func TestDrainEndsWithTheLastCallWithoutAnApplication(t *testing.T) {
	cfg := testConfig(t)
	cfg.Conference.DirectDial, cfg.ShutdownGraceSeconds = true, int(patience.Seconds())
	i := startServer(t, cfg)
	c, err := i.dial("conf-room")
	if err != nil {
		t.Fatal(err)
	}
	i.drain()
	eventually(t, "/readyz is 503", func() bool { return i.status("/readyz") == 503 })
	if err := c.HangUp(t.Context()); err != nil {
		t.Error(err)
	}
	began := time.Now()
	if err := i.wait(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > cfg.ShutdownGrace()/2 {
		t.Errorf("ended %v after the last call", took)
	}
}

// What rings is what is taken.
func TestWhoIsAwaited(t *testing.T) {
	apps, err := restapi.NewServer(restapi.Config{Services: []restapi.Service{
		{Name: "one", Match: []string{"demo"}, FirstPage: restapi.Page{URL: "http://app.test/"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, direct := range []bool{false, true} {
		cfg := testConfig(t)
		cfg.Conference.DirectDial = direct
		cfg.Conference.Destinations = []config.Destination{{Match: "far-*", Address: "sip:{name}@far.example"}}
		s := &server{cfg: cfg, parts: &parts{apps: apps}}
		for to, want := range map[string]bool{
			"sip:demo@h": true, "sip:nobody@h": false, "sip:conf-here@h": direct, "sip:conf-far-away@h": false,
		} {
			if got := s.awaits(call.Info{Direction: call.In, RequestURI: to}); got != want {
				t.Errorf("direct dial %v: %s is awaited: %v", direct, to, got)
			}
		}
		if named := (call.Info{Direction: call.In, Service: "one", RequestURI: "sip:conf-far-away@h"}); !s.awaits(named) {
			t.Errorf("direct dial %v: a call for a service by its name is not awaited", direct)
		}
	}
}
