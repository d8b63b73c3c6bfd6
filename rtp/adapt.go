package rtp

const (
	// erosion is how far the room may sink below the target before sound is put
	// in; less than delayMargin [ns].
	erosion = 500_000
	// calmShare of the spread, at most calmMost, is how far the room must be
	// above what a frame less would leave before sound is taken out, lest a
	// spread that wavers make it go to and fro [ns].
	calmShare = 4
	calmMost  = 5_000_000
	// steep is an error of the delay that is corrected fast [ns].
	steep = 30_000_000
	// backlogSlack is how far the delay may be above its maximum before packets
	// are thrown away [ns].
	backlogSlack = 40_000_000

	// lasting is for how many frames the delay must have been too long: a worker
	// that comes late sees it too long once.
	lasting = 5
	// How many frames a correction waits for a quiet moment: when there is too
	// much, when something has been late, when only the margin has worn off.
	patienceSurplus, patienceLate, patienceWorn = 20, 8, 40
	// Frames between two corrections where there is sound.
	paceFast, paceSlow = 3, 6

	// gaugeFrames is how often the gauges are brought up to date.
	gaugeFrames = 16
)

// tuner is what a player knows about its delay.
//
// A packet is needed in the frame that plays its first sample, all of it. Its
// room is the time from the arrival of the fastest packets, were this one of
// them, until then: packets later than that are missing. The room of all must
// be the target at least. How much the sound itself is behind depends on how
// packets and frames lie: with packets of 20 ms the delay is the room when a
// packet begins with a frame, and up to 20 ms more otherwise. This rest, and
// any whole grain by which the room is more than is wanted, is surplus.
type tuner struct {
	size    int   // samples of the last packet
	grain   int   // greatest common divisor of size and a frame: the room changes by whole grains
	cool    int   // frames since the delay was changed by hand
	long    int   // frames for which there has been a surplus
	least   int   // least surplus of these [samples]
	short   int   // frames for which there has been too little
	loudest int64 // energy of a sample since a correction was wanted
	hungry  bool  // there is a surplus, but what can be taken out has not been read
	owed    int64 // frames that were not played and are to be left out
	alert   int64 // the stream counts as calm from then on [ns]
	blind   int64 // when packets came last whose arrival is not known [ns]
	frames  int
}

// packet takes the size of a packet that is played out.
func (t *tuner) packet(size, frame int) {
	if size != t.size && size > 0 {
		t.size, t.grain = size, gcd(frame, size)
	}
}

func gcd(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// forget drops what there was too much or too little of.
func (t *tuner) forget() {
	t.long, t.short, t.loudest, t.hungry = 0, 0, 0, false
}

// behind is how far play-out is behind the fastest packet [ns].
func (p *player) behind() int64 {
	return p.delay.behind(p.now, p.ts-int64(p.queue.waiting()))
}

// room is how long before they are needed the fastest packets come [ns], and
// rest, how much the sound is behind for nothing [samples]. behind is that of
// a frame that begins now, waiting what is decoded and not played out before it.
func (p *player) room(behind int64, waiting int) (room int64, rest int) {
	g := p.tuner.grain
	rest = waiting % g
	return behind - p.delay.nanos(int64(p.set.frame-g+rest)), rest
}

// hysteresis is how far above the target the room stays when sound is left out [ns].
func (p *player) hysteresis() int64 { return min(p.delay.spread()/calmShare, calmMost) }

// surplus is how much sound can be left out at the most while the room stays
// what is wanted [samples].
func (p *player) surplus(room int64, rest int) int {
	over := room - p.delay.target() - p.hysteresis()
	if over < 0 {
		return 0
	}
	g := p.tuner.grain
	return rest + int(samplesSince(over, p.set.rate))/g*g
}

// spare tells whether the gap before packet s can be left out because the delay
// is too long anyway.
func (p *player) spare(s *slot) bool {
	waiting := p.queue.waiting()
	room, _ := p.room(p.delay.behind(p.now, s.ts-int64(waiting)), waiting)
	target := p.delay.target()
	return room >= target+p.hysteresis() && int64(p.ring.samples) >= samplesSince(target, p.set.rate)
}

// skipBacklog throws packets away after a stall, when more waits than the
// largest delay, until the wanted delay is left.
func (p *player) skipBacklog() {
	s := p.ring.front()
	if s == nil || !p.delay.set {
		return
	}
	behind := p.delay.behind(p.now, s.ts)
	if !p.idle && !p.fresh {
		behind = p.behind()
	}
	want := samplesSince(p.delay.target(), p.set.rate) + int64(p.set.frame)
	if behind <= p.delay.max+backlogSlack || int64(p.level()) <= want+int64(p.set.frame) {
		return
	}
	p.leaveOut(want)
}

// leaveOut throws the oldest packets away until no more than want samples wait.
func (p *player) leaveOut(want int64) {
	s := p.ring.front()
	for ; s != nil && int64(p.level()) > want; s = p.ring.front() {
		if s.kind < kindAudio {
			p.pass(s)
			continue
		}
		p.counts.drop(DropBacklog)
		p.ring.take(s)
	}
	if s != nil && !p.idle {
		p.conceal.span(&p.queue)
		p.ts = s.ts
	}
}

// skipped says that so many frames were not played: what has become too much
// by that is left out, as nobody misses it now.
func (p *player) skipped(frames int64) { p.tuner.owed += frames }

// catchUp leaves out what is owed to frames that were not played, in as many
// frames as it takes to read it.
func (p *player) catchUp() {
	t := &p.tuner
	if p.idle || p.fresh || !p.delay.set || p.conceal.active() {
		t.owed = 0
		return
	}
	t.forget()
	room, rest := p.room(p.behind(), p.queue.waiting())
	n := min(int64(p.surplus(room, rest)/p.set.frame), t.owed)
	t.owed -= n
	if n == 0 {
		t.owed = 0
		return
	}
	before := p.ts
	p.leaveOut(max(int64(p.set.frame), int64(p.level())-n*int64(p.set.frame)))
	if left := n - (p.ts-before)/int64(p.set.frame); left > 0 {
		t.owed += left
	}
}

// adapt brings the delay nearer to its target. The queue holds a frame at least.
func (p *player) adapt(frame int) {
	t := &p.tuner
	t.cool++
	t.frames++
	if p.idle || p.fresh || p.conceal.active() || !p.delay.set {
		t.forget()
		p.watch()
		if p.idle {
			p.gauge(p.delay.target())
		}
		return
	}
	behind := p.behind()
	p.gauge(behind)
	room, rest := p.room(behind, p.queue.waiting())
	target := p.delay.target()
	surplus := p.surplus(room, rest)
	if surplus > 0 || p.delay.spread() > calmSpread || room < target+calmRoom {
		p.watch()
	}
	if surplus > 0 {
		t.short = 0
		if p.now-t.blind >= delayWindow {
			p.tooMuch(frame, surplus)
		}
		return
	}
	if room >= target-erosion {
		t.forget()
		return
	}
	t.long, t.hungry = 0, false
	p.tooLittle(target-room, rest)
}

// gauge publishes the delay, once in a while.
func (p *player) gauge(behind int64) {
	if p.tuner.frames%gaugeFrames == 0 {
		p.counts.target.Store(p.delay.target())
		p.counts.delay.Store(behind)
	}
}

// tooMuch takes sound out: all the surplus in a quiet moment, else, after a
// while, a pitch period.
func (p *player) tooMuch(frame, surplus int) {
	t := &p.tuner
	if t.long == 0 {
		t.least = surplus
	}
	t.long++
	t.least = min(t.least, surplus)
	if t.long < lasting {
		return
	}
	far := t.least >= int(samplesSince(steep, p.set.rate))
	if !p.quietNow(frame) && !far && t.long < patienceSurplus {
		return
	}
	keep := int(samplesSince(p.delay.target(), p.set.rate))
	most := min(t.least, p.level()-max(frame, keep))
	if p.cutQuiet(frame, most) {
		t.cool = 0
		t.forget()
		return
	}
	pace := paceSlow
	if far {
		pace = paceFast
	}
	if t.cool >= pace && p.shrink(frame, most) {
		t.cool = 0
		t.least -= p.set.rate / minPitch
	}
}

// tooLittle puts sound in: all that is missing in a quiet moment, else, after a
// while, a pitch period.
func (p *player) tooLittle(missing int64, rest int) {
	t := &p.tuner
	if int64(p.ring.samples) >= samplesSince(p.delay.target(), p.set.rate) {
		return // it is not the sound that is missing: the clock was set
	}
	t.short++
	g := int64(t.grain)
	need := int((samplesSince(missing, p.set.rate)+g)/g*g) - rest
	if n := min(need, p.set.frame); p.quietBefore(n) {
		p.queue.repeat(n, min(n, p.set.rate/spliceShare))
		p.counts.stretched.Add(uint64(n))
		t.cool = 0
		return
	}
	patience, pace := patienceWorn, paceSlow
	if missing > delayMargin {
		patience = patienceLate
	}
	if missing > steep {
		patience, pace = 0, paceFast
	}
	if t.short > patience && t.cool >= pace {
		p.grow()
	}
}
