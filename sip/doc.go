// Package sip is the SIP user agent: it receives and places calls and keeps
// their dialogs. It stands on the messages and transactions of sipgo; sockets
// and connections, the dialog state, the order of messages within a call, the
// validation of requests, the retransmission of 2xx responses and the reaction
// to a missing ACK are its own.
//
//	datagram ─ guard ─ sipgo parser ─ validation ─ who may call ─ sipgo transaction ─┐
//	                                                                                 │
//	        Handler (own goroutine per call) ◄── Dialog ◄── mailbox per Call-ID ◄────┘
//	                                               │
//	                                               └──► Session (Reoffer, Acknowledged, Info)
//
// Vocabulary (RFC 3261): a dialog is the relation of two user agents made by
// an INVITE; UAS is the side that was invited, UAC the side that invites; a
// transaction is one request and its responses; the remote target is the
// Contact of the other side, to which requests within the dialog go. RFC 3264:
// offer and answer are session descriptions; a late offer is one that comes in
// the 2xx response because the INVITE had none.
//
// Implemented: RFC 3261 (UDP, TCP, TLS; a registrar for configured phones, and
// registration as a client), 3262 (reliable provisional responses), 3263
// (locating servers), 3311 (UPDATE), 3323 and 3325 (privacy, identity), 3515,
// 3891, 3892 and 4488 (REFER, Replaces), 3581 (rport), 4028 (session timers),
// 5626 (keep-alive), 5922 (certificates), 6026 (INVITE transactions), 6086 in
// its legacy form (INFO), 7118 (WebSocket), 7616 and 8760 (digest).
// docs/RFC.md has the sections, and what is left out.
//
// # Concurrency
//
// All methods of UA and Dialog may be called from any goroutine, except that
// Listen and Serve are called once each, Listen first. The methods of Session
// are called one at a time, in the order of the messages, on a goroutine of
// the UA; they may call Dialog methods except those that wait for the far end
// (Bye, Reinvite, Update, Info, Refer): these need a goroutine of their own.
// Constructors start no goroutine; Serve owns all of them and waits for them.
package sip
