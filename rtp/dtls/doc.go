// Package dtls gets the keys of SRTP out of a DTLS handshake between the media
// ports (DTLS-SRTP, RFC 5763, 5764). The protocol itself is
// github.com/pion/dtls; certificates, what proves that the far end is the one of
// the session description, and the life of an association are here.
//
//	a=fingerprint ──▶ Association.Run ──▶ srtp.Keys
//	datagrams ──▶ Deliver ┘       └──▶ Config.Send ──▶ datagrams
//
// An Association has no socket: the datagrams of the media port whose first byte
// says DTLS (20 to 63, RFC 7983) are given to Deliver. Run does the handshake
// and then answers what may still come (the far end's last flight again, its
// goodbye) until its context ends; whoever calls Run owns it. DTLS 1.2, with a
// certificate on both sides: the server's must be known to the client, and the
// other way round, or there are no keys.
//
// Words: client and server as in DTLS: active and passive in a=setup.
// A fingerprint is the hash of a certificate (RFC 8122).
//
// An Identity is immutable. Deliver may be called from any goroutine, Run once.
package dtls
