package call

import (
	"mediaserver/rtp"
	"mediaserver/rtp/dtls"
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

// Keying says how the keys of SRTP are exchanged.
type Keying = sdp.Keying

// The values of Keying.
const (
	KeyingSDES = sdp.KeyingSDES // in the session description
	KeyingDTLS = sdp.KeyingDTLS // by a handshake between the media ports
	KeyingAny  = sdp.KeyingAny  // as the far end offers it
)

// ParseKeying reads sdes, dtls or any.
func ParseKeying(word string) (Keying, bool) { return sdp.ParseKeying(word) }

// Transport is how the packets of calls go.
type Transport struct {
	Identity *dtls.Identity // our certificate; nil: no keys by DTLS
	Source   rtp.Source     // from where packets are believed
	// Keying is how the keys of an inbound call may be exchanged; nil: KeyingAny.
	Keying func(Info) Keying
}

// fingerprint is that of our certificate, zero without.
func (t Transport) fingerprint() sdp.Fingerprint {
	if t.Identity == nil {
		return sdp.Fingerprint{}
	}
	return sdp.Fingerprint(t.Identity.Fingerprint())
}

// inboundKeying is how the keys of an inbound call may be exchanged.
func (m *Manager) inboundKeying(info Info) Keying {
	if m.cfg.Transport.Keying == nil {
		return KeyingAny
	}
	return m.cfg.Transport.Keying(info)
}

// finds tells whether a session may come to ICE or DTLS: they are offered and
// wanted. offer is nil where we make it.
func (c *Call) finds(offer *sdp.Description) bool {
	if _, local := c.dialog.(*localEnd); local {
		return false
	}
	keys := c.security != SecurityOff && c.keying != KeyingSDES && c.manager.cfg.Transport.Identity != nil
	if offer == nil {
		return keys && c.keying == KeyingDTLS
	}
	return keys && offer.DTLS() || offer.ICE() != (sdp.Credentials{})
}

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
func (m *Manager) capability(s Security, k Keying) sdp.Capability {
	c := m.cfg.Capability
	c.Security, c.Keying = s, k
	return c
}

// newCryptos makes a key for every suite, as long as any may be needed.
func newCryptos(s Security, k Keying) []sdp.Crypto {
	if s == SecurityOff || k == KeyingDTLS {
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
