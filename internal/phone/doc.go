// Package phone is a robot telephone: it dials or is called, sends a tone or
// any other audio, mutes, holds, presses keys in all three ways, and keeps
// everything it hears. The demo's callers and the tests of whole calls are
// such phones.
//
//	Phone ── SIP user agent, RTP ports
//	  └─ Call ── one dialog
//	       └─ Stream ── one media stream, a frame of 20 ms at a time
//	            ├─ sends: audio.Source, silence while muted, keys
//	            └─ keeps: what was heard, the keys pressed at the far end
//
// A Stream needs no Phone: made on two rtp.IO, for instance sockets of
// internal/memnet, it is a phone without signalling for tests in virtual time,
// stepped by hand (Step) or by its own loop (Run) in a testing/synctest bubble.
//
// Frames are counted from 0, the first one of a stream; all that was heard is
// found by frame number, whose wall time is known too.
//
// Phone, Call and Stream are safe for concurrent use, but for Stream.Step and
// Stream.Run, which belong to one goroutine. A phone has a goroutine for its
// user agent, those of the user agent, and one for each call; Close waits for
// all of them.
//
// RFC 3261, 3264, 3550, 4733.
package phone
