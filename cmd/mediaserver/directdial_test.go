package main

import (
	"testing"
	"time"
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
