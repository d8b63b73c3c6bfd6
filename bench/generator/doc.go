// Package generator plays the far ends of many calls: it sends a packet every
// 20 ms for each participant and examines every packet that comes back.
//
// It is made so that the server under test pays nothing for it, and does not
// hold up its own load: a thread runs before all others of the machine as soon
// as a slot is due, if the system allows it ([Priority]). Its threads
// never wait in a receive call, so that no send of the server wakes anybody;
// each looks at its sockets once a millisecond by recvmmsg and sends what is due
// in that millisecond: packets are injected (package inject), or where that cannot
// be, sent by sendmmsg. The participants are spread evenly
// over the 20 slots of a packet time, and stay in theirs. Nothing is allocated
// and no lock is held on the way. What is sent lies in the order of sending, a
// packet with all that the kernel needs for it in one piece.
//
//	slot 0    1    2   …   19 | 0 …        each 1 ms: obey, send, receive, examine
//
// All participants share a few sockets, yet each has an IP address of its own,
// 127.16.0.0 and up: the source is set, and the destination read, by
// IP_PKTINFO. So a server with shared ports can tell them apart by their remote
// address as it could in the world.
//
// What is examined of each packet: sequence (lost, reordered), the kernel's
// receive time against the schedule of its stream and against the packet
// before (lateness, gap), whether each talker that should be heard is in it
// (package tone), and the first loud sample of a probe's burst (added latency).
// The tones repeat with every packet, so a listener's packet is mostly equal
// to the one before and needs no analysis but a comparison; where it differs
// the analysis takes some 0.2 µs. So every packet is examined at once, none
// is recorded for later.
//
// Added latency is measured from the first loud sample in to the first loud
// sample out: sample i of a packet counts as heard i/8000 s after the packet
// was sent, or received. What only forwards packets adds nothing.
//
// A Generator's methods may be called from any goroutine. Linux only; elsewhere
// New returns ErrPlatform.
package generator
