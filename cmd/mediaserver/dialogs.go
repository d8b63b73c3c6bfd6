package main

import (
	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/sip"
)

// extensions are what is asked of the far end of a call.
func extensions(s *config.SIP) sip.Extensions {
	mode, _ := sip.ParseReliableMode(s.ReliableProvisional) // the configuration has been checked
	return sip.Extensions{SessionExpires: s.SessionExpires(), MinSE: s.MinSessionExpires(), Reliable: mode}
}

// redirects say where a call may be sent by who is called.
func redirects(s *config.SIP) call.Redirects {
	return call.Redirects{Off: !s.FollowRedirects, Hosts: s.RedirectHosts}
}
