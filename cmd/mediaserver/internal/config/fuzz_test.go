package config

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzConfig: no text makes Load panic; what is accepted is printed and read
// back unchanged (but for masked secrets), what is refused has a place.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		"", "# c", minimal, Default().YAML(), "a: [", "a: &x [*x]", "services: [{}]", "- - - -", "log: {level: !!str info}",
		"? a\n: b", "log: >-\n  a\n", "\xef\xbb\xbflog: {}", "log: {level: info, level: debug}", "sip: {allow: [1.2.3.4/8]}",
		minimal + "    signing_secret: 'it''s'\n    strict: null\n", "%YAML 1.2\n---\nlog: {}\n...\n", "a: b: c", "<<: {a: 1}",
		"sip: {trunks: [{name: a, address: \"sip:h\", addresses: [\"sip:g;transport=tcp\"], username: u, password: p, headers: [\"X-A: b\"], numbers: {country_code: \"44\", outgoing_to: [{match: \"0*\", strip: 1, prefix: \"+44\"}, {form: e164}]}}]}",
		"tts: {engines: [{name: a, kind: http, url: \"http://u:p@h/\", headers: [\"A: b\"], key: c}, {name: d, kind: exec, command: [e]}]}",
	} {
		f.Add(seed, "")
		f.Add("", seed)
	}
	f.Add(minimal, `[{name: b, direction: inbound, match: ["*"], first_page: {url: "http://h", method: GET}}]`)
	f.Fuzz(func(t *testing.T, text, services string) {
		var env []string
		if services != "" {
			env = []string{"MEDIASERVER_SERVICES=" + services}
		}
		cfg, err := loadText(text, env...)
		if err != nil {
			problems, ok := errors.AsType[Problems](err)
			if !ok || len(problems) == 0 {
				t.Fatalf("error %T without problems", err)
			}
			for _, p := range problems {
				if p.Message == "" || p.Place.File == "" && p.Place.Env == "" {
					t.Errorf("problem without place or text: %+v", p)
				}
			}
			return
		}
		maskSecrets(cfg)
		again, err := loadText(cfg.YAML())
		if err != nil {
			t.Fatalf("printed configuration is refused: %v\n%s", err, cfg.YAML())
		}
		if diff := cmp.Diff(cfg, again, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("changed (-first +second):\n%s", diff)
		}
	})
}

// maskSecrets replaces what the print masks.
func maskSecrets(cfg *Config) {
	for i := range cfg.Services {
		s := &cfg.Services[i]
		s.SigningSecret = Secret(s.SigningSecret.String())
		for _, p := range []*Page{&s.FirstPage, &s.FinalPage, &s.ErrorPage} {
			p.URL = p.String()
		}
	}
	for i := range cfg.SIP.Trunks {
		t := &cfg.SIP.Trunks[i]
		t.Password = Secret(t.Password.String())
		for j, h := range t.Headers {
			t.Headers[j] = Header(h.String())
		}
	}
	for i := range cfg.TTS.Engines {
		e := &cfg.TTS.Engines[i]
		e.Key, e.URL, e.Secret = Secret(e.Key.String()), Address(e.URL.String()), Secret(e.Key.String())
		for j, h := range e.Headers {
			e.Headers[j] = Header(h.String())
		}
	}
}
