package rtp

const (
	// timedFrames is how often the arrival of the packets of a calm stream is asked
	// for [frames]; drainAllFrames is a multiple of it.
	timedFrames = 8
	// calmSpread is the jitter of a calm stream at most, and calmRoom how far its room
	// is above the target at least [ns].
	calmSpread = 10_000_000
	calmRoom   = 3_000_000
	// calmAfter is how long a stream must have been calm [ns].
	calmAfter = 2 * delayWindow
)

// The system says from whom a datagram is and when it came if it is asked, which
// costs more than the datagram alone. Where the answer is known well enough, few
// packets are asked.

// calm tells whether packets can come from the far end only and are of a calm
// stream, so that a few of them need to say from whom they are and when they
// came. Reports that come by the same way always have to.
func (e *Endpoint) calm(now int64) bool {
	l := &e.far
	return l.alone != 0 && e.receiver.empty > l.alone && !e.cur.mux && e.receiver.player.calm(now)
}

// calm tells whether the arrival of a few packets is enough to know the delay:
// there has been hardly any jitter for a while, nothing was missing, and packets
// come so long before they are needed that a little more jitter harms nobody. A
// packet that comes too late for its frame ends that.
func (p *player) calm(now int64) bool {
	return now >= p.tuner.alert && !p.idle && !p.fresh && p.delay.set
}

// watch has a stream count as calm only when nothing has happened for a while.
func (p *player) watch() { p.tuner.alert = p.now + calmAfter }
