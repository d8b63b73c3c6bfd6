// Package tone tells talkers apart in mixed audio. Each talker of a room sends
// a tone of its own whose frequency is a multiple of [Step], 50 Hz, so that a
// packet of 20 ms holds a whole number of its periods: every packet of a
// talker is the same, all tones are orthogonal in every packet, and it does
// not matter at which sample the packets of a listener begin.
//
// A Detector measures one packet: [Detector.Load] decodes it, and
// [Detector.Amplitude] gives the amplitude of one tone in about a tenth of a
// microsecond (a dot product of 80 values with a sine and a cosine table,
// after the two halves of the packet were folded into sum and difference).
//
// A Detector is of one goroutine; the rest is safe for concurrent use.
package tone
