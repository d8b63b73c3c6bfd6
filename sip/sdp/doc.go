// Package sdp is offer and answer of RFC 3264 as pure values: bytes and
// values in, bytes and values out, no socket, clock or state. Grammar and
// printing are github.com/pion/sdp; what a peer may get wrong and what an
// offer means is here.
//
//	offer from the peer    Parse → Answer → body to send, Media
//	offer of our own       Offer → body to send
//	its answer             Parse → Accept → Media
//
// Vocabulary. A description (RFC 8866) has streams, one per m= line. A stream
// has formats; a format of an RTP stream is a payload type, which an a=rtpmap
// line or RFC 3551 ties to a codec. Media is what the two sides settled for the
// one audio stream of a call.
//
// What is taken: the first audio stream over RTP/AVP, RTP/SAVP or their forms
// with feedback that has a codec, an address and a port in common with us, one
// with keys before one without. Every other stream (video, T.38, a second audio
// stream) is refused with port 0 and the call goes on, RFC 3264 §6; with no
// stream left the answer is ErrNoCommonCodec, SIP 488.
//
//   - RTP/AVPF (RFC 4585) is answered as RTP/AVPF without a=rtcp-fb: no feedback
//     is agreed, which leaves plain RTP.
//   - Keys are those of a=crypto (RFC 4568); Capability.Security says whether they
//     are wanted. Beside RTP/AVP they are an offer of more (RFC 8643). Lines that
//     want an MKI or leave something unprotected are passed over.
//   - Keys by DTLS (RFC 5763) are announced by a=fingerprint and a=setup, with
//     UDP/TLS/RTP/SAVP or beside others; Capability.Keying says which are wanted.
//     The handshake is not done here.
//   - ICE (RFC 8839) is answered, as the lite side, where Local.ICE has
//     credentials; a=rtcp-mux where it is offered.
//   - Capability negotiation (RFC 5939) and a=group are ignored: an answer without
//     them declines them.
//   - Packet times are multiples of 10 ms from 10 to 60; others are clamped.
//   - c=0.0.0.0 (or ::) is a hold as in RFC 2543: nothing is sent to the peer.
//   - Our own order of codecs decides what is sent, see Capability.
//
// RFCs: 3264 (offer/answer), 8866 and its predecessor 4566 (grammar), 3551
// (static payload types), 3605 (a=rtcp), 4568 (a=crypto), 4733 (telephone-event),
// 5761 (a=rtcp-mux), 5763, 8122, 8842 (DTLS), 8643 (keys beside RTP/AVP), 8839 (ICE).
//
// All functions are safe for concurrent use; a *Description is immutable.
package sdp
