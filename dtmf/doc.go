// Package dtmf receives and sends telephone digits in the three ways they
// travel beside a call's audio: as telephone events in RTP (RFC 4733), as
// bodies of SIP INFO, and as tones within the audio itself.
//
// Words. A Digit is the character on the key: 0–9, A–D, * and #. An Event is
// its code on the wire (RFC 4733 §3.2: 0–9, * is 10, # is 11, A–D are 12–15)
// together with the end bit, the volume and the duration. A press is one use
// of a key, reported once, however many packets speak of it.
//
//	RTP telephone-event ─▶ Receiver ──────────────▶ press
//	SIP INFO ───▶ ParseInfo ──▶ Dedup ────────────▶ press
//	audio ──▶ Detector ───────────┘
//	            └─▶ the same audio, Delay later, the tones cut out
//	digits ──▶ Sender ──▶ payloads, one step of 20 ms at a time
//	digits ──▶ AppendInfo ──▶ body of a SIP INFO
//	presses, time ──▶ Collector ──▶ Outcome of an input
//
// The package is pure: it starts no goroutine, reads no clock (time is an
// argument), knows no socket, and holds no state outside its values. Rates
// are parameters: nothing assumes 8 kHz, although telephone events are
// negotiated at that rate today.
//
// Receiver, Sender, Detector, Dedup and Collector each belong to one goroutine at a
// time. Functions and the Digit and Event values are safe anywhere.
//
// RFC 4733 (telephone events), ITU-T Q.23 and Q.24 (tones and their
// reception).
package dtmf
