package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefence(t *testing.T) {
	load := func(text string) (*Config, error) {
		file := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(Source{File: file})
	}
	cfg, err := load("sip: {defence: {failures: 5, exempt: [], answer_options: none, silent: true}}\n")
	if err != nil {
		t.Fatal(err)
	}
	d := cfg.SIP.Defence
	if !d.Enabled || d.Failures != 5 || len(d.Exempt) != 0 || d.AnswerOptions != "none" || !d.Silent || d.BanMaxSeconds != 3600 {
		t.Errorf("%+v", d)
	}
	if d := Default().SIP.Defence; !d.Exempt[0].Contains(netip.MustParseAddr("127.0.0.1")) {
		t.Error("this machine is not exempt by default")
	}
	for text, want := range map[string]string{
		"sip: {defence: {failures: 1}}":                               "failures",
		"sip: {defence: {ban_seconds: 7200}}":                         "must not be less than ban_seconds, 7200",
		"sip: {defence: {pending_calls: 5}}":                          "must not be more than pending_calls, 5",
		"sip: {defence: {answer_options: some}}":                      "answer_options",
		"sip: {trunks: [{name: a, address: \"sip:h\", allow: [no]}]}": "allow",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
