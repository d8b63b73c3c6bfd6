// Package events numbers, keeps and hands out what happens in the server:
// the Log that calls and applications emit into, the Reader that event streams
// read from, and the webhooks.
//
//	Emit ─► queue ─► writer: JSON → store, in batches ─► readers and webhooks
//	        bounded          (history)                    each at its own place
//
// # Order and loss
//
// Sequence numbers have no holes. Nobody is told of an event before it is in
// the history, so that a number means the same event for everybody, also after
// the process was killed. When the queue is full events are dropped and an
// events.dropped tells how many; closing events (call.EventType.Closes) are
// taken all the same: there are no more of them than things that are open.
//
// What was open when the process was killed is closed at the next start, with
// the cause failed and end.unnoticed.
//
// A reader is a place in the history, not a queue: it costs the same however
// slow it is. One that was up to date and falls Config.ClientBuffer events behind is
// cut with ErrSlow; it may come back and go on where it was.
//
// # Concurrency
//
// Log is safe for concurrent use; Emit never waits for anything but a short
// lock. Run owns the one goroutine that writes, Webhooks.Run one for each
// webhook. A Reader is for one goroutine.
package events
