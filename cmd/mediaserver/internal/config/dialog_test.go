package config

import (
	"testing"
	"time"
)

func TestDialogKeysAreReadAndChecked(t *testing.T) {
	t.Run("defaults", func(t *testing.T) {
		s := Default().SIP
		if s.SessionExpires() != 0 || s.MinSessionExpires() != 90*time.Second || s.ReliableProvisional != "supported" || !s.FollowRedirects {
			t.Errorf("%+v", s)
		}
	})
	t.Run("good", func(t *testing.T) {
		cfg, err := loadText(minimal + `sip:
  session_expires_seconds: 1800
  min_session_expires_seconds: 120
  reliable_provisional: required
  follow_redirects: false
  redirect_hosts: [proxy.example.com, "192.0.2.1:5070"]
`)
		if err != nil {
			t.Fatal(err)
		}
		s := cfg.SIP
		if s.SessionExpires() != 30*time.Minute || s.MinSessionExpires() != 2*time.Minute || s.ReliableProvisional != "required" ||
			s.FollowRedirects || len(s.RedirectHosts) != 2 {
			t.Errorf("%+v", s)
		}
	})
	for _, c := range []struct{ name, text, want string }{
		{"an interval below the RFC's", "sip:\n  min_session_expires_seconds: 60\n", `f.yaml:2:32: sip.min_session_expires_seconds: "60" is not a whole number from 90 to 86400`},
		{"an interval below the least", "sip:\n  session_expires_seconds: 80\n", "f.yaml:2:28: sip.session_expires_seconds: 80 is less than sip.min_session_expires_seconds, 90"},
		{"a mode there is not", "sip:\n  reliable_provisional: maybe\n", `f.yaml:2:25: sip.reliable_provisional: "maybe" is not one of off, supported, required`},
		{"a host that is none", "sip:\n  redirect_hosts: ['sip:x@y']\n", `f.yaml:2:20: sip.redirect_hosts[0]: "sip:x@y" is no host, with :port where that is not 5060`},
	} {
		t.Run(c.name, func(t *testing.T) { wantProblems(t, c.text, nil, c.want) })
	}
}
