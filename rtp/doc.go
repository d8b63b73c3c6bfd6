// Package rtp is the media side of a call on the wire: sockets, port
// allocation, the jitter buffer, concealment of what is missing, packets out,
// and RTCP. It turns datagrams into exactly one frame of linear PCM per
// [Endpoint.Receive] and frames of payload into packets.
//
//	datagrams  →  parse, latch  →  jitter buffer  →  decode, conceal  →  one frame
//	(IO.Drain)                     (sequence slots)  (sample queue)      (Receive)
//
//	one frame of payload  →  repacketise  →  header in place  →  IO.Flush
//	(Send)                   (10–60 ms)
//
// An Endpoint is passive: it has no goroutine, no timer and no lock. Time is an
// argument everywhere. Its methods Receive, Send, SendEvent and Codec are called
// by one worker at a time; Update, Stats and LastReceived may be called from any
// goroutine; Close after the worker has let go of the endpoint. Nothing on the
// way of a packet allocates.
//
// # Where packets come from and go to
//
// Packets are sent to the signalled address until valid packets have come
// (version 2, a payload type that was negotiated, a length that can be): their
// source is then the far end ("symmetric RTP", RFC 4961). The signalled address
// is believed with its first packet, any other with its third in sequence (RFC
// 3550 §6.2.1), so that a stray packet does not take the audio away from a far
// end that sends nothing, and only within a minute after the session has last
// changed. Another source is believed only after the one in use has been silent
// for a second, if it is of the same host, continues the stream that was heard
// or knows the key; when the packet comes from exactly the signalled address; or
// after an Update with another remote address. Until then its packets are
// dropped and counted. After
// such an Update packets go to the new address at once, and the old source stays
// audible until the new one is heard. RTCP goes to the address of a=rtcp, else to
// the RTP port + 1, and from the first report on to the source of the last one. A
// report is believed from the address of a=rtcp and, at any port, from the host that
// RTP comes from (before there is RTP: the signalled one), if it is well formed and,
// where there are keys, protected. With SourceStrict nothing is believed but the
// signalled address, and for RTCP its host and the address of a=rtcp.
//
// What shares the port with RTP goes aside (RFC 7983): STUN and DTLS to
// [Aside], RTCP to the reporter where Params.Mux says that it comes there.
//
// # Sockets
//
// When a far end has been where it was announced for a second its socket is
// connected: the system lets nobody else through. While its stream is calm then,
// seven of eight packets are read without asking from whom and when they came;
// they say nothing about delay and jitter.
//
// # Shared ports
//
// Instead of a pair of [Sockets], an endpoint may have a [Share] of ports that
// many calls use ([Shared]). A datagram is then for the call that its source
// address belongs to: announced or latched. One from an unknown address is for
// the call whose SSRC it continues, after a silence or after an Update with another
// remote address, or for the one call that nothing has been heard of; where two calls
// fit, for none. A port takes a call
// only if nobody there has its remote address, and at most one at a time whose
// packets may come from anywhere (ErrApart: it needs sockets of its own). What
// comes from the address of a call that has ended is thrown away for a while.
//
//	recvmmsg  →  table of addresses  →  inbox of the call  →  Endpoint.Receive
//	(Gather, the port's worker)         (one writer, one reader)
//	Endpoint.Send  →  batch of worker and port  →  sendmmsg (Scatter)
//
// # Delay
//
// The jitter buffer measures how late each packet is relative to the fastest of
// the last seconds, from kernel receive timestamps: of all packets, or of every
// eighth where there has been hardly any jitter for 4 s. Between the time when the
// fastest packets come and the frame that needs them it wants the largest such
// lateness of the last 2 to 4 seconds and 1 ms more, between the configured
// minimum and maximum. Packets come at any phase of the frame: without jitter
// the delay is 1 to 21 ms, and no sample is changed.
//
// The delay is put right at the start of each stretch of sound, where a gap has
// to be filled anyway, else in the next quiet moment, else by repeating or
// removing single pitch periods; a packet that comes too late makes the delay
// grow at once. A backlog beyond the maximum is skipped down to the wanted
// delay, never to nothing, and so is what came for frames that were not asked
// for.
//
// # Words
//
// SSRC, payload type, sequence number, timestamp, marker, jitter, SR and RR as
// in RFC 3550; events as in RFC 4733. A frame is 20 ms of audio, whatever the
// packets hold. Lost is a packet passed over at play-out; late, one that came
// after that. Concealed is sound made up for what is missing: nothing is
// concealed while the far end is known to be silent, nor counted, but the sound
// before that fades.
//
// RFC 3550 (RTP, RTCP), 3551 (profile), 3389 (comfort noise), 4733 (events,
// carried only), 4961 (symmetric RTP), 3605 (a=rtcp), 7022 (CNAME), ITU-T G.711
// Appendix I (concealment).
package rtp
