package main

import "testing"

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
