package call

import (
	"mediaserver/rtp/srtp"
	"mediaserver/sip/sdp"
)

// Security says whether the audio of a call by SIP is protected by SRTP.
type Security = sdp.Security

// The values of Security.
const (
	SecurityOff      = sdp.SecurityOff      // never
	SecurityOptional = sdp.SecurityOptional // where the far end wants it, or takes our offer of it
	SecurityRequired = sdp.SecurityRequired // always, or there is no call
)

// ParseSecurity reads off, optional or required.
func ParseSecurity(word string) (Security, bool) { return sdp.ParseSecurity(word) }

// inboundSecurity is what becomes of SRTP in an inbound call.
func (m *Manager) inboundSecurity(d Dialog, info Info) Security {
	if _, local := d.(*localEnd); local {
		return SecurityOff
	}
	if m.cfg.Security == nil {
		return SecurityOptional
	}
	return m.cfg.Security(info)
}

// capability is what we can do in a session with that security.
func (m *Manager) capability(s Security) sdp.Capability {
	c := m.cfg.Capability
	c.Security = s
	return c
}

// newCryptos makes a key for every suite, as long as any may be needed.
func newCryptos(s Security) []sdp.Crypto {
	if s == SecurityOff {
		return nil
	}
	suites := srtp.Suites()
	all := make([]sdp.Crypto, len(suites))
	for i, suite := range suites {
		all[i] = sdp.Crypto{Suite: suite.String(), Key: sdp.Secret(srtp.NewKey(suite).Bytes())}
	}
	return all
}

// keysOf are agreed keys in the terms of the endpoint.
func keysOf(k sdp.Keys) srtp.Keys {
	suite, ok := srtp.ParseSuite(k.Suite)
	if !ok {
		return srtp.Keys{}
	}
	return srtp.Keys{Suite: suite, Send: srtp.KeyFrom([]byte(k.Local)), Receive: srtp.KeyFrom([]byte(k.Remote))}
}
