// Package websocket places calls to WebSockets (RFC 6455) that carry raw
// audio: to a speech or AI agent in place of a telephone.
//
// # Protocol
//
// We are the client and offer the sub-protocols of Subprotocols. Text messages
// are JSON objects with a member type; binary messages are audio: 16-bit
// linear, little-endian, mono, 8 kHz, 20 ms (320 bytes) in each that we send.
//
//	→ {"type":"start","call_id":"c-1","sample_rate":8000,"encoding":"linear16"}
//	← {"type":"answer"}, or audio: the call is answered
//	⇄ audio
//	⇄ {"type":"digit","digit":"5"}
//	⇄ {"type":"hang_up"}, or closing: the end
//
// Unknown types are ignored, messages of more than MaxMessage bytes close the
// connection. A lost connection is not made again.
//
// # Audio
//
// A Conn looks like the sockets of an RTP endpoint (call.Stream), so that a
// WebSocket has the jitter buffer of every other call. Frames wait in a short
// queue each way; when it is full the oldest go, which is counted. A media
// worker never waits for a connection, nor allocates or locks.
//
// Methods of a Client are safe for concurrent use; those of a Conn as
// call.Stream says, Drain and Flush by one worker at a time.
package websocket
