// Package srtp protects the RTP and RTCP of an endpoint (RFC 3711) with keys
// that were exchanged in session descriptions (SDES, RFC 4568) or come from a
// handshake (package dtls). AEAD_AES_128_GCM (RFC
// 7714) is made here of crypto/cipher, with little memory for each call;
// AES-CM with HMAC-SHA1 is that of github.com/pion/srtp, which also judges the
// other in the tests. Suites, keys, and what becomes of the state when keys change
// are here.
//
//	keys ──▶ Session ── Protect, Unprotect ──▶ datagrams
//	          │  With (other keys: re-INVITE)
//	          ▼
//	         Session, which goes on where the keys are the same
//
// A Session has one context for each direction. They belong to one goroutine at
// a time, the worker that has the endpoint; With may be called by another one. What
// a packet needs of a context is one piece of memory, to which Near points: it can be fetched
// (package internal/prefetch) before the packet's turn.
// Nothing is allocated for a packet of a stream that is known.
//
// The rollover counter (RFC 3711 §3.3.1) is part of a context and lives as long
// as the key: across hold, re-INVITE and silence of any length, also where it
// wraps unseen. The window
// against replays has 128 packets. A packet that comes twice is refused as a
// duplicate, one that was not protected, or with another key, as forged.
//
// Keys are secrets: they print as a placeholder.
package srtp
