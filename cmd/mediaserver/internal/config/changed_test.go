package config

import (
	"strings"
	"testing"
)

func TestChangedNamesKeys(t *testing.T) {
	for _, tt := range []struct{ name, a, b, want string }{
		{"nothing", "", "log: {level: info}", ""},
		{"a key of a section", "", "rtp: {timeout_seconds: 5, jitter: {min_ms: 40}}", "rtp.jitter.min_ms rtp.timeout_seconds"},
		{"a list is one key", minimal, minimal + "    strict: true\n", "services"},
		{"a secret", "sip: {trunks: [{name: a, address: \"sip:h\", username: u, password: p}]}", "sip: {trunks: [{name: a, address: \"sip:h\", username: u, password: q}]}", "sip.trunks"},
		{"an empty list", "", "services: []", ""},
	} {
		a, err := loadText(tt.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := loadText(tt.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(Changed(a, b), " "); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}
