// Package robots runs three callers who meet in the demo conference and tell
// who hears whom.
//
// They are phones of their own (internal/phone) and reach the server only by
// SIP and RTP: "melody" plays a tone melody with the rhythm of speech, "talker"
// a tone of its own, and mutes itself with the keys of its phone now and then;
// "listener" says nothing. Whose voice is in what a robot hears is found by the
// frequencies of the voices, a frame of 20 ms at a time.
//
// Where texts can be spoken the melody introduces itself and the talker talks.
// Speech has all frequencies, so a quiet tone of its own lies under each of the
// two, and whose voice is heard is found by these.
//
// Run is for one goroutine; it owns all that it starts.
package robots
