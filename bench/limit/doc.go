// Package limit measures what the machine can do at best, to hold the server's
// figures against: the cost of a system call, of a UDP packet in the best case
// and in the case that matters, and of the kernels of the media path.
//
// The case that matters is the cold echo: as many participants as the run has,
// their packets sent by a process of its own, staggered, and echoed by another
// without touching the audio. Its CPU time per participant-second is the limit
// of its class of I/O. The hot pair of calls in one process hides the caches
// that a thousand sockets empty, and is three times too good.
package limit
