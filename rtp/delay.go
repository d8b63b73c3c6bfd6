package rtp

import "time"

const (
	// delayWindow is how long extremes of the transit time are kept at least;
	// they are forgotten after twice as long [ns].
	delayWindow = int64(2 * time.Second)
	// delayMargin is what the wanted delay has above the lateness seen [ns].
	delayMargin = int64(time.Millisecond)
	// jumpLimit is how far a timestamp may be from what sequence number and
	// arrival say before its base counts as changed [ns].
	jumpLimit = int64(500 * time.Millisecond)
)

// delay measures how late packets are and says how long to wait for them. The
// transit time of a packet is its arrival minus its timestamp, of which only
// differences have a meaning.
type delay struct {
	rate     int64
	min, max int64 // bounds of the target [ns]; min without the frame itself

	fast [2]int64 // least transit of this window and of the one before [ns]
	slow [2]int64 // largest
	end  int64    // of this window [ns]
	set  bool
}

// observe takes the arrival [ns] and timestamp of a packet.
func (d *delay) observe(at, ts int64) {
	transit := at - d.nanos(ts)
	switch {
	case !d.set || at >= d.end+delayWindow:
		d.fast = [2]int64{transit, transit}
		d.slow = d.fast
		d.end = at + delayWindow
		d.set = true
	case at >= d.end:
		d.fast[1], d.slow[1] = d.fast[0], d.slow[0]
		d.fast[0], d.slow[0] = transit, transit
		d.end = at + delayWindow
	default:
		d.fast[0] = min(d.fast[0], transit)
		d.slow[0] = max(d.slow[0], transit)
	}
}

// reset forgets everything.
func (d *delay) reset() { d.set = false }

// spread is how much later than the fastest packet the slowest was [ns].
func (d *delay) spread() int64 {
	if !d.set {
		return 0
	}
	return max(d.slow[0], d.slow[1]) - min(d.fast[0], d.fast[1])
}

// target is how long after the fastest packet a packet should be played out at
// the earliest [ns].
func (d *delay) target() int64 {
	return max(d.min, min(d.spread()+delayMargin, d.max))
}

// behind is how far the play-out of timestamp ts at time now is behind
// the fastest packet [ns].
func (d *delay) behind(now, ts int64) int64 {
	return now - min(d.fast[0], d.fast[1]) - d.nanos(ts)
}

// nanos is the time that ts timestamp units take [ns].
func (d *delay) nanos(ts int64) int64 {
	return int64(durationOf(ts, int(d.rate)))
}
