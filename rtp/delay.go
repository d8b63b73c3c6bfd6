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
	// In every frame.
	unit     int64 // a timestamp unit [ns], 0 if that is no whole number
	min, max int64 // bounds of the target [ns]; min without the frame itself
	least    int64 // transit of the fastest packet of both windows [ns]
	late     int64 // how much later the slowest was [ns]
	set      bool

	rate int64
	fast [2]int64 // least transit of this window and of the one before [ns]
	slow [2]int64 // largest
	end  int64    // of this window [ns]
}

func newDelay(rate int, least, most int64) delay {
	d := delay{rate: int64(rate), min: least, max: most}
	if second := int64(time.Second); second%d.rate == 0 {
		d.unit = second / d.rate
	}
	return d
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
	d.least = min(d.fast[0], d.fast[1])
	d.late = max(d.slow[0], d.slow[1]) - d.least
}

// reset forgets everything.
func (d *delay) reset() { d.set = false }

// spread is how much later than the fastest packet the slowest was [ns].
func (d *delay) spread() int64 {
	if !d.set {
		return 0
	}
	return d.late
}

// target is how long after the fastest packet a packet should be played out at
// the earliest [ns].
func (d *delay) target() int64 {
	return max(d.min, min(d.spread()+delayMargin, d.max))
}

// behind is how far the play-out of timestamp ts at time now is behind
// the fastest packet [ns].
func (d *delay) behind(now, ts int64) int64 {
	return now - d.least - d.nanos(ts)
}

// nanos is the time that ts timestamp units take [ns].
func (d *delay) nanos(ts int64) int64 {
	if d.unit > 0 {
		return ts * d.unit
	}
	return int64(durationOf(ts, int(d.rate)))
}
