package rtp

const (
	// slack is how far the delay may be above a frame beyond the target before
	// sound is taken out [ns].
	slack = 5_000_000
	// lack is how far it may be below the target before sound is put in [ns].
	lack = 2_000_000
	// steep is an error of the delay that is corrected fast [ns].
	steep = 20_000_000
	// backlogSlack is how far the delay may be above its maximum before packets
	// are thrown away [ns].
	backlogSlack = 40_000_000

	// Frames between two corrections.
	shrinkFast, shrinkSlow = 5, 25
	growFast, growSlow     = 2, 10

	// lasting is for how many frames the delay must have been too long: a worker
	// that comes late sees it too long once.
	lasting = 5

	// gaugeFrames is how often the gauges are brought up to date.
	gaugeFrames = 16
)

// behind is how far play-out is behind the fastest packet [ns].
func (p *player) behind() int64 {
	return p.delay.behind(p.now, p.ts-int64(p.queue.waiting()))
}

// spare tells whether what is missing before packet s can be left out because
// the delay is too long anyway.
func (p *player) spare(s *slot) bool {
	target := p.delay.target()
	return p.delay.behind(p.now, s.ts-int64(p.queue.waiting())) >= target &&
		int64(p.ring.samples) >= samplesSince(target, p.set.rate)
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
	frame := int64(frameTime)
	want := samplesSince(p.delay.target()+frame, p.set.rate)
	if behind <= p.delay.max+backlogSlack || int64(p.level()) <= want+int64(p.set.frame) {
		return
	}
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

// adapt brings the delay nearer to its target, by at most one pitch period.
// The queue holds a frame at least.
func (p *player) adapt(frame int) {
	p.cool++
	if p.idle || p.fresh || p.conceal.active() || !p.delay.set {
		p.long = 0
		p.gauge(p.delay.target())
		return
	}
	target, behind := p.delay.target(), p.behind()
	p.gauge(behind)
	level := int64(p.level())
	enough := samplesSince(target+int64(frameTime), p.set.rate)
	surplus := behind - target - int64(frameTime)
	missing := target - behind
	p.long++
	if surplus <= slack {
		p.long = 0
	}
	switch {
	case p.long >= lasting && level >= enough && p.cool >= pace(surplus, shrinkFast, shrinkSlow):
		p.shrink(frame)
	case missing > lack && level < enough && p.cool >= pace(missing, growFast, growSlow):
		p.grow()
	}
}

func pace(deviation int64, fast, slow int) int {
	if deviation > steep {
		return fast
	}
	return slow
}

// gauge publishes the delay, once in a while.
func (p *player) gauge(behind int64) {
	if p.cool%gaugeFrames == 0 {
		p.counts.target.Store(p.delay.target())
		p.counts.delay.Store(behind)
	}
}

// shrink takes a pitch period out of what waits. Where there is next to no
// sound, any length does, and the search finds one.
func (p *player) shrink(frame int) {
	rate := p.set.rate
	shortest, longest, template := rate/minPitch, rate/minPitch+rate/pitchSpan, rate/pitchTemplate
	for p.queue.waiting() < max(frame, template)+longest {
		s := p.ring.front()
		if s == nil || s.kind < kindAudio || s.seq != p.ring.head || s.ts != p.ts {
			return
		}
		p.take(s)
	}
	x := p.queue.buf[p.queue.r:][:longest+template]
	lag := findPeriod(x, shortest, longest, template, max(1, rate/coarseRate))
	p.queue.cut(longest-lag, lag, lag)
	p.counts.shrunk.Add(uint64(lag))
	p.cool = 0
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
	p.cool = 0
}
