package config

import (
	"testing"
	"time"
)

func TestPhonesAreReadAndChecked(t *testing.T) {
	t.Run("good", func(t *testing.T) {
		cfg, err := loadText(minimal + `sip:
  phones:
    - {name: alice, password: wonder land}
    - {name: robot-1, password: "1234"}
  registrar: {realm: example, domains: [example.com, 192.0.2.1], min_expires_seconds: 30, max_expires_seconds: 600, max_contacts: 2}
`)
		if err != nil {
			t.Fatal(err)
		}
		p := cfg.SIP.Phones
		if len(p) != 2 || p[0].Name != "alice" || p[0].Password.Reveal() != "wonder land" {
			t.Errorf("phones %+v", p)
		}
		r := cfg.SIP.Registrar
		if r.Realm != "example" || len(r.Domains) != 2 || r.MinExpires() != 30*time.Second || r.MaxExpires() != 10*time.Minute || r.MaxContacts != 2 {
			t.Errorf("registrar %+v", r)
		}
	})
	for _, c := range []struct{ name, text, want string }{
		{"no password", "sip:\n  phones:\n    - name: alice\n", "f.yaml:3:7: sip.phones[0]: has no password"},
		{"name twice", "sip:\n  phones:\n    - {name: a, password: x}\n    - {name: a, password: y}\n", `f.yaml:4:14: sip.phones[1].name: "a" is the name of sip.phones[0] already (line 3)`},
		{"name with a space", "sip:\n  phones:\n    - {name: a b, password: x}\n", `f.yaml:3:14: sip.phones[0].name: "a b" must be 1 to 64 letters, digits or any of . _ -`},
		{"realm in quotes", "sip:\n  registrar:\n    realm: 'a\"b'\n", `f.yaml:3:12: sip.registrar.realm: "a\"b" must be 1 to 64 printable characters without quotes`},
		{"domain with a port", "sip:\n  registrar:\n    domains: ['example.com:5060']\n", `f.yaml:3:15: sip.registrar.domains[0]: "example.com:5060" is neither an IP address nor a host name; give it without port`},
		{"unknown algorithm", "sip:\n  registrar:\n    algorithms: [sha-1]\n", `f.yaml:3:18: sip.registrar.algorithms[0]: "sha-1" is not one of sha-256, md5`},
		{"bounds turned around", "sip:\n  registrar:\n    min_expires_seconds: 100\n    max_expires_seconds: 50\n", "f.yaml:4:26: sip.registrar.max_expires_seconds: 50 is less than sip.registrar.min_expires_seconds, 100"},
	} {
		t.Run(c.name, func(t *testing.T) { wantProblems(t, c.text, nil, c.want) })
	}
}
