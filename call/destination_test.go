package call

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDestination(t *testing.T) {
	for _, tt := range []struct {
		text     string
		prefixes bool
		kind     DestinationKind
		value    string // "" = refused
	}{
		{"441908000200", false, ToNumber, "441908000200"},
		{"44-1908-000200", false, ToNumber, "441908000200"},
		{"+441908000200", false, ToNumber, "+441908000200"},
		{"0", false, ToNumber, "0"},
		{"44--1908", false, ToSIP, "sip:44--1908"}, // a host name, in form
		{"-44", false, ToSIP, ""},
		{"desk@pbx.example", false, ToSIP, "sip:desk@pbx.example"},
		{"desk@pbx.example:5070;transport=tcp", false, ToSIP, "sip:desk@pbx.example:5070;transport=tcp"},
		{"pbx.example", false, ToSIP, "sip:pbx.example"},
		{"desk@[2001:db8::1]:5060", false, ToSIP, "sip:desk@[2001:db8::1]:5060"},
		{"a%20b@h", false, ToSIP, "sip:a%20b@h"},
		{"", false, ToSIP, ""},
		{"a b@h", false, ToSIP, ""},
		{"a%0d%0ab@h", false, ToSIP, ""},
		{"a%zz@h", false, ToSIP, ""},
		{"a@h?Subject=x", false, ToSIP, ""},
		{"a@h;", false, ToSIP, ""},
		{"a@", false, ToSIP, ""},
		{"@h", false, ToSIP, ""},
		{"a@b@c", false, ToSIP, ""},
		{"a@h:99999999", false, ToSIP, ""},
		{"a@[::1", false, ToSIP, ""},
		{"a@h\r\nX: y", false, ToSIP, ""},
		{"<sip:a@h>", false, ToSIP, ""},
		{"tel:441908000200", true, ToNumber, "441908000200"},
		{"tel:+44-1908-000200", true, ToNumber, "+441908000200"},
		{"TEL:+441908", true, ToNumber, "+441908"},
		{"tel:01908000200", true, ToNumber, ""},
		{"tel:+0", true, ToNumber, ""},
		{"tel:", true, ToNumber, ""},
		{"tel:bob", true, ToNumber, ""},
		{"tel:" + strings.Repeat("1", 33), true, ToNumber, ""},
		{"tel:44", false, ToNumber, ""},
		{"sip:desk@pbx.example", true, ToSIP, "sip:desk@pbx.example"},
		{"sip:sip:a@b", true, ToSIP, ""},
		{"sip:441908", true, ToSIP, "sip:441908"},
		{"con:Quiz.1_a-b@c", true, ToRoom, "Quiz.1_a-b@c"},
		{"con:", true, ToRoom, ""},
		{"con:a b", true, ToRoom, ""},
		{"con:" + strings.Repeat("r", 129), true, ToRoom, ""},
		{"loc:my queue", true, ToService, "my queue"},
		{"loc:", true, ToService, ""},
		{"wss://agent.test/x?y=1", true, ToWebSocket, "wss://agent.test/x?y=1"},
		{"WSS://agent.test/", true, ToWebSocket, "wss://agent.test/"},
		{"wss:agent", true, ToWebSocket, ""},
		{"wss://", true, ToWebSocket, ""},
		{"wss://h/#f", true, ToWebSocket, ""},
		{"ws://agent.test/", true, ToSIP, ""},
		{"webrtc:bob", true, ToSIP, ""},
		{"sips:a@b", true, ToSIP, ""},
		{strings.Repeat("a", 2049), true, ToSIP, ""},
	} {
		d, err := ParseDestination(tt.text, tt.prefixes)
		switch {
		case tt.value == "" && !errors.Is(err, ErrDestination):
			t.Errorf("%q: %+v, %v, want a refusal", tt.text, d, err)
		case tt.value == "":
		case err != nil || d.Kind != tt.kind || d.Value != tt.value || d.Text != tt.text:
			t.Errorf("%q: %v %q %v, want %v %q", tt.text, d.Kind, d.Value, err, tt.kind, tt.value)
		}
	}
}

func TestCallerURI(t *testing.T) {
	for from, want := range map[string]string{
		"":                    "",
		"441908000001":        "441908000001",
		"alice@home.test":     "sip:alice@home.test",
		"sip:alice@home.test": "sip:alice@home.test",
		"a b@home.test":       "sip:a%20b@home.test",
		"alice@2001:db8::1":   "sip:alice@[2001:db8::1]",
	} {
		if got := callerURI(from); got != want {
			t.Errorf("%q: %q, want %q", from, got, want)
		}
	}
}

func TestWaysWithoutTrunks(t *testing.T) {
	ways := func(text string) ([]Route, error) {
		d, err := ParseDestination(text, true)
		if err != nil {
			t.Fatal(err)
		}
		return Outbound{}.routes(d, "alice@home.test")
	}
	if r, err := ways("sip:x@c.test"); err != nil || len(r) != 1 || r[0].Request.To != "sip:x@c.test" || r[0].Request.From != "sip:alice@home.test" {
		t.Errorf("an address: %+v, %v", r, err)
	}
	if _, err := ways("44"); !errors.Is(err, ErrNoTrunk) {
		t.Errorf("a number: %v", err)
	}
}

func FuzzParseDestination(f *testing.F) {
	for _, s := range []string{
		"441908000200", "44-1908", "+44", "desk@pbx.example:5060;transport=tcp", "tel:+44", "sip:a@[::1]:5060", "con:room",
		"loc:queue", "wss://h/x", "webrtc:x", "a%0d%0a@h", "a@h?b=c",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, prefixes bool) {
		d, err := ParseDestination(s, prefixes)
		if err != nil {
			if !errors.Is(err, ErrDestination) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if d.Value == "" || d.Text != s || d.party() == "" {
			t.Errorf("%q: %+v", s, d)
		}
		if d.Kind != ToService && strings.ContainsAny(d.Value, "\r\n\x00 <>\"") {
			t.Errorf("%q can break a message: %q", s, d.Value)
		}
		if !prefixes && d.Kind != ToNumber && d.Kind != ToSIP {
			t.Errorf("%q is a %v without prefixes", s, d.Kind)
		}
	})
}
