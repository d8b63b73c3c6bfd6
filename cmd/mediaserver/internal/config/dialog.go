package config

import (
	"fmt"
	"time"
)

// SessionExpires is the session interval that is asked for; 0 = none.
func (s *SIP) SessionExpires() time.Duration {
	return time.Duration(s.SessionExpiresSeconds) * time.Second
}

// MinSessionExpires is the shortest session interval that is accepted.
func (s *SIP) MinSessionExpires() time.Duration {
	return time.Duration(s.MinSessionExpiresSeconds) * time.Second
}

// validateDialogs checks what is asked of the far end of a call.
func (d *decoder) validateDialogs(s *SIP) {
	if n := s.SessionExpiresSeconds; n > 0 && n < s.MinSessionExpiresSeconds {
		d.at("sip.session_expires_seconds", "%d is less than sip.min_session_expires_seconds, %d", n, s.MinSessionExpiresSeconds)
	}
	for i, host := range s.RedirectHosts {
		if !isHostPort(host) {
			d.at(fmt.Sprintf("sip.redirect_hosts[%d]", i), "%q is no host, with :port where that is not 5060", host)
		}
	}
}
