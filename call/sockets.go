package call

import (
	"net/netip"

	"mediaserver/sip/sdp"
)

// SocketRequest says what is known of a call that needs sockets for its media.
type SocketRequest struct {
	Local      netip.Addr       // the address in our session description
	Route      netip.Addr       // our address of the route to the far end's signalling
	Signalling netip.Addr       // where the far end's signalling comes from; zero for a call we place
	Offer      *sdp.Description // of the far end; nil if it made no offer
	Own        bool             // ICE or DTLS: the call needs ports of its own
}

// Remote is where the far end wants RTP and RTCP according to its offer; zero
// if it made none, or none that can be answered.
func (r SocketRequest) Remote(c sdp.Capability) (media, control netip.AddrPort) {
	if r.Offer == nil {
		return media, control
	}
	c.Security, c.Keying = SecurityOptional, KeyingAny
	_, m, err := sdp.Answer(r.Offer, c, sdp.Local{
		Addr: r.Local, Port: 2, SessionID: 1, Version: 1, Crypto: newCryptos(c.Security, c.Keying),
		Fingerprint: sdp.Fingerprint{Hash: "sha-256", Digest: "none"},
	})
	if err != nil {
		return media, control
	}
	return m.Remote, m.RemoteRTCP
}
