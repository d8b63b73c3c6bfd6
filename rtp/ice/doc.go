// Package ice is the lite side of ICE (RFC 8445 §2.5): it makes no connectivity
// checks, but answers those of a far end that does, and so learns where that is
// and by which way it wants the media. It is for a server whose address the far
// end can reach; the far end may be behind any NAT.
//
//	far end: Binding request (USERNAME, MESSAGE-INTEGRITY, USE-CANDIDATE)
//	         ──▶ Agent.Handle ──▶ Binding success response
//	                 └──▶ Nominated: media go there from now on
//
// An Agent has no socket, goroutine or lock: datagrams whose first byte says STUN
// (0 to 3, RFC 7983) come in, answers go out, time is an argument. It belongs to
// one goroutine. Only checks that prove to know our password have any effect, and
// only those are answered: whoever does not know it learns nothing, and nothing
// is reflected. Bounds: a datagram has 1500 bytes at most, an answer is no longer
// than 120.
//
// Consent (RFC 7675): a far end that makes no checks for a while, and is not
// heard otherwise, is not sent to any more; see Consent.
//
// Words: fragment and password are the credentials of one side, component 1 is
// RTP and 2 is RTCP.
//
// RFC 8445 (ICE), 8489 (STUN), 7675 (consent), 7983 (first byte).
package ice
