package rtp

// Where sound is bent.
const (
	// spliceShare of a second, 5 ms, is how long one piece of a quiet moment
	// goes over into another.
	spliceShare = 200
	// quietPeak is a sample value that nobody hears, about -50 dBov.
	quietPeak = 96
	// quietBelow is by how much a moment must be quieter than the loudest since
	// a correction was wanted to be a pause, 2^7 in energy or 21 dB; and at most
	// pauseEnergy for each sample, about -40 dBov.
	quietBelow  = 7
	pauseEnergy = 330 * 330
	// alike is the square of the correlation from which on a pitch period may go
	// unnoticed.
	alike = 0.4
)

// quiet tells whether there is next to no sound in x: to nobody's ears, or
// compared to what has been heard since a correction was wanted.
func (t *tuner) quiet(x []int16) bool {
	var energy int64
	var peak int16
	for _, v := range x {
		energy += int64(v) * int64(v)
		peak = max(peak, v, -v)
	}
	energy /= int64(max(len(x), 1))
	t.loudest = max(t.loudest, energy)
	return peak < quietPeak || energy < min(t.loudest>>quietBelow, pauseEnergy)
}

// quietNow tells whether there is a pause in the frame that is next.
func (p *player) quietNow(frame int) bool {
	return p.tuner.quiet(p.queue.buf[p.queue.r : p.queue.r+frame])
}

// quietBefore tells whether there is a pause in what was played out last.
func (p *player) quietBefore(n int) bool {
	q := &p.queue
	ahead := min(q.waiting(), p.set.rate/spliceShare)
	return n > 0 && p.tuner.quiet(q.buf[q.r-n:q.r+ahead])
}

// gather decodes what waits until the queue holds n samples. What is missing
// ends it.
func (p *player) gather(n int) {
	for p.queue.waiting() < n {
		s := p.ring.front()
		if s == nil || s.kind < kindAudio || s.seq != p.ring.head || s.ts != p.ts {
			return
		}
		p.take(s)
	}
}

// cutQuiet takes up to n samples out of a quiet moment, if there is one long
// enough.
func (p *player) cutQuiet(frame, n int) bool {
	n = min(n, frame)
	p.gather(frame + n)
	if room := p.queue.waiting() - frame; room < n {
		p.tuner.hungry = true
		n = room
	}
	fade := min(p.set.rate/spliceShare, frame)
	if n <= 0 || !p.tuner.quiet(p.queue.buf[p.queue.r:p.queue.r+n+fade]) {
		return false
	}
	p.queue.cut(0, n, fade)
	p.counts.shrunk.Add(uint64(n))
	return true
}

// shrink takes a pitch period of at most n samples out of what waits, if there
// is one.
func (p *player) shrink(frame, n int) bool {
	rate := p.set.rate
	shortest, longest, template := rate/minPitch, rate/minPitch+rate/pitchSpan, rate/pitchTemplate
	p.gather(max(frame, template) + longest)
	room := p.queue.waiting() - max(frame, template)
	p.tuner.hungry = room < min(longest, n)
	if longest = min(longest, n, room); longest < shortest {
		return false
	}
	x := p.queue.buf[p.queue.r:][:longest+template]
	lag := findPeriod(x, shortest, longest, template, max(1, rate/coarseRate))
	if !periodic(x, lag, template) {
		return false
	}
	p.queue.cut(longest-lag, lag, lag)
	p.counts.shrunk.Add(uint64(lag))
	return true
}

// grow puts a pitch period in before what waits.
func (p *player) grow() {
	rate := p.set.rate
	shortest, longest, template := rate/minPitch, rate/minPitch+rate/pitchSpan, rate/pitchTemplate
	if p.queue.waiting() < template {
		return
	}
	x := p.queue.buf[p.queue.r-p.queue.history : p.queue.r+template]
	lag := findPeriod(x, shortest, longest, template, max(1, rate/coarseRate))
	p.queue.repeat(lag, lag)
	p.counts.stretched.Add(uint64(lag))
	p.tuner.cool = 0
}

// periodic tells whether the last n samples of x resemble those lag before.
func periodic(x []int16, lag, n int) bool {
	y, z := x[len(x)-n:], x[len(x)-n-lag:]
	var cross, a, b float64
	for i, v := range y {
		w := float64(z[i])
		cross += float64(v) * w
		a += float64(v) * float64(v)
		b += w * w
	}
	return cross > 0 && cross*cross >= alike*a*b
}
