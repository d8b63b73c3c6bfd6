// Package mixer is the media engine: it decides, frame after frame, who hears
// what. It knows audio only: no packet, no socket, no SIP.
//
// # Vocabulary
//
// An Engine has W workers. Each worker wakes every quarter of a frame (5 ms of
// a frame of 20 ms) on an absolute schedule, t0 + n·5 ms; the wake-up n is slot
// n mod 4 of frame n / 4. A Room lives on one (worker, slot), the least loaded
// when it was made, and is served once per frame by that worker alone (until it is
// large, see below). A Member
// is a place in a room. It may have a Port, the media side of a call: the
// engine pulls exactly one frame of linear PCM from the port and pushes exactly
// one frame to it per frame number. A Playback is a Source that is being read.
//
//	gather                     mix                        scatter
//	Port.Receive → level   →   at most MixedTalkers    →  N−1 for contributors,
//	→ contributes?             loudest, Σ in int32,       one mix and one encode
//	                           announcement               per codec for all others
//	                                                      → Port.Send
//
// # Large rooms
//
// A Room with more than Config.WideRoom members grows sections at other places. A
// section serves its members in its own slot as a room does; besides it lets the
// others have those who make a sound, and mixes those of the others in, by rings of
// cells with atomic frame numbers. Nobody waits: a section that is late is missed.
// What is said at another place is heard less than a frame and half a slot later.
//
// # Caches
//
// Nothing of a member is in the caches near the core when its slot comes round.
// While the worker serves one member it has the next ones fetched, stage by stage:
// the member, its port (Prefetcher), what that points to. A section that has no
// port and nothing to play is not looked at until a command wakes it: most calls
// in a conference have such a room of their own.
//
// # Who hears what
//
// A member contributes while it may talk and its input is above the gate
// (GateLevel, opens at once, closes after GateHangover). Everybody who hears
// the room and contributes nothing hears the same samples, so there is one
// limiter for all of them and one encode per codec. A contributor hears the sum
// without its own part (N−1, exact in int32) through a limiter of its own. A
// member with a private Play hears it over all that. Limiters have a look-ahead
// (audio.Limiter.Delay); whoever goes from one group to the other takes the
// state of the limiter along, and a leaving contributor stays on its own one
// frame longer, so that nothing clicks. A member that hears nothing is sent
// encoded silence, made once per codec, with Output.Silent set.
//
// # Control
//
// Every change is a command in a lock-free queue that the slot drains at the
// start of its frame. Commands carry the memory they need: nothing in a slot
// allocates, takes a lock or uses a Go channel. What must be told (the end of a
// Playback, a removal, a port's notice) is told after the slot's sends.
//
// A port moves between rooms, also of different workers, at a frame boundary:
// it is served exactly once per frame number, by one worker at a time.
//
// # Concurrency
//
// Methods of Engine, Room, Member and Playback are safe for concurrent use and
// never wait. Ports and Sources are used by one worker at a time.
package mixer
