package rtp

import (
	"slices"
	"time"
)

const (
	// stopAfter is how long nothing may come in mid-sound before the far end
	// counts as silent.
	stopAfter = 200 * time.Millisecond
	// gapLimit is the longest gap in the timestamps that is kept at play-out.
	gapLimit = 2 * time.Second
	// wobble is a step of the timestamp that is no gap.
	wobble = 10 * time.Millisecond
)

// player turns the packets of a ring into frames. It is either silent (idle:
// nothing is missing, the next packet is played out when it is due) or sounding
// (the next sample must come from somewhere: a packet or concealment).
type player struct {
	ring    ring
	delay   delay
	queue   queue
	conceal concealer
	noise   noise    // in idle
	set     *current // of the endpoint
	counts  *counts

	now   int64 // [ns]
	ts    int64 // extended timestamp that follows what has been decoded
	idle  bool
	fresh bool // ts means nothing yet: a new stream, in mid-sound
	// dry are the samples concealed since the ring ran empty. ts waits meanwhile:
	// they make the delay grow, or stand for packets that turn out to be lost.
	dry   int
	quiet int // samples at the end of the queue that are silence
	tuner tuner
	near  []byte // memory that is near, for a payload; within Receive only

	parts [numConcealCauses]int // concealed samples not yet counted as a frame
}

func (p *player) init(j JitterConfig, s *current, c *counts, m *memory) {
	p.set, p.counts = s, c
	p.ring.init(c, m)
	floor := max(0, int64(j.MinMS)*1e6-int64(frameTime))
	p.delay = newDelay(s.rate, floor, int64(j.MaxMS)*1e6)
	p.tuner.grain = s.frame
	p.queue = newQueue(s.rate)
	p.conceal = newConcealer(s.rate)
	p.idle = true
}

// restart begins a new stream.
func (p *player) restart() {
	p.delay.reset()
	p.watch()
	p.fresh = !p.idle
}

// level is the sound that waits [samples].
func (p *player) level() int { return p.ring.samples + p.queue.waiting() }

// full tells whether as much waits as is wanted, a frame at least, and nothing
// is missing at the front.
func (p *player) full() bool {
	want := max(int64(p.set.frame), samplesSince(p.delay.target(), p.set.rate))
	return int64(p.level()) >= want && (p.ring.count == 0 || p.ring.ready()) && !p.tuner.hungry
}

// frame fills pcm, whatever has come, and tells whether it holds sound.
func (p *player) frame(now int64, pcm []int16) (sound bool) {
	p.now = now
	if !p.set.receive {
		p.deaf()
		clear(pcm)
		return false
	}
	if p.tuner.owed > 0 {
		p.catchUp()
	} else {
		p.skipBacklog()
	}
	for p.queue.waiting() < len(pcm) {
		p.step(len(pcm) - p.queue.waiting())
	}
	p.adapt(len(pcm))
	sound = p.queue.waiting() > p.quiet
	p.queue.play(pcm)
	p.quiet = min(p.quiet, p.queue.waiting())
	return sound
}

// deaf throws away what waits.
func (p *player) deaf() {
	for s := p.ring.front(); s != nil; s = p.ring.front() {
		p.ring.take(s)
	}
	p.queue.r, p.quiet = p.queue.w, 0
	p.rest()
	p.conceal.drop()
}

// step adds sound to the queue, need samples if it has to be made up, or takes
// a packet that has none from the ring.
func (p *player) step(need int) {
	s := p.ring.front()
	switch {
	case s != nil && s.kind < kindAudio:
		p.pass(s)
	case p.idle && s != nil && p.due(s):
		p.take(s)
	case p.idle && p.conceal.sounds():
		p.makeUp(need)
	case p.idle:
		p.conceal.drop()
		p.noise.fill(p.queue.room(need))
		p.add(need, p.noise.amplitude > 0)
	case s == nil, p.fresh && !p.due(s):
		p.dryUp(need)
	default:
		p.next(s, need)
	}
}

// add takes n samples written to the queue's room.
func (p *player) add(n int, sound bool) {
	p.queue.added(n)
	p.quiet += n
	if sound {
		p.quiet = 0
	}
}

// due tells whether a packet's time to begin a stretch of sound has come.
func (p *player) due(s *slot) bool {
	wait := p.set.frame - gcd(p.set.frame, int(s.samples))
	return p.delay.behind(p.now, s.ts)-p.delay.nanos(int64(wait)) >= p.delay.target()
}

// pass takes a packet that holds no sound.
func (p *player) pass(s *slot) {
	switch s.kind {
	case kindEvent:
		p.rest()
	case kindNoise:
		p.rest()
		p.noise.set(p.ring.payload(s))
	}
	p.ring.take(s)
}

// rest begins silence, into which the sound before fades.
func (p *player) rest() {
	p.settle(0, ConcealUnderrun)
	if !p.idle {
		p.conceal.span(&p.queue)
	}
	p.idle, p.fresh = true, false
	p.noise.amplitude = 0
}

// dryUp fills in for an empty ring, until nobody can be expected to come any more.
func (p *player) dryUp(need int) {
	p.makeUp(need)
	p.dry += need
	if p.dry >= samplesOf(stopAfter, p.set.rate) {
		p.dry = fadeMillis * p.set.rate / 1000 // the rest was silence already
		p.rest()
	}
}

// makeUp adds n concealed samples.
func (p *player) makeUp(n int) {
	p.conceal.add(&p.queue, n)
	p.quiet += n
	if !p.conceal.silent() {
		p.quiet = 0
	}
}

// next goes on with packet s, or fills in for what is missing before it.
func (p *player) next(s *slot, need int) {
	gap := int(s.ts - p.ts)
	switch missing := s.seq - p.ring.head; {
	case p.fresh, gap <= p.dry, gap > samplesOf(gapLimit, p.set.rate):
		p.take(s)
	case missing == 0 && gap <= samplesOf(wobble, p.set.rate):
		p.take(s)
	case missing == 0: // the far end suppresses silence
		p.rest()
	case p.spare(s):
		p.counts.shrunk.Add(uint64(gap - p.dry))
		p.conceal.span(&p.queue)
		p.take(s)
	default:
		n := min(gap-p.dry, need)
		p.makeUp(n)
		p.concealed(ConcealLoss, n)
		p.ts += int64(n)
	}
}

// take decodes the front packet into the queue.
func (p *player) take(s *slot) {
	gap := 0
	if s.seq > p.ring.head {
		gap = max(0, int(s.ts-p.ts))
	}
	p.settle(gap, ConcealLate)
	p.play(*s, p.ring.payload(s))
	p.ring.take(s)
}

// play decodes a packet into the queue.
func (p *player) play(s slot, payload []byte) {
	codec := p.set.codec(s.kind)
	dst := p.queue.room(int(s.samples))
	n := codec.Decode(dst, payload)
	p.conceal.end(dst[:n])
	p.add(n, true)
	p.ts = s.ts + int64(n)
	p.idle, p.fresh = false, false
	p.tuner.packet(int(s.samples), p.set.frame)
}

// ready tells whether there is nothing to be played out but a packet that has yet
// to come, and that one at once.
func (p *player) ready() bool {
	return p.ring.count == 0 && p.ring.started && !p.idle && !p.fresh && p.dry == 0 && p.queue.waiting() < p.set.frame && p.tuner.owed == 0
}

// direct decodes a packet that would be taken out of the ring in this frame
// without putting it there first: most packets of a network without jitter. False:
// it is another one.
func (p *player) direct(s slot, payload []byte) bool {
	r := &p.ring
	if s.kind < kindAudio || s.seq != r.head || s.ts != p.ts || len(payload) > len(p.near) || !p.ready() {
		return false
	}
	// A codec may keep what it is given, as far as the compiler knows, but the
	// packet is on the stack.
	p.play(s, p.near[:copy(p.near, payload)])
	r.newest = s.seq
	r.pass()
	return true
}

// settle counts what was concealed while the ring was empty: lost of it stood
// for packets that never came, the rest has the other cause.
func (p *player) settle(lost int, other ConcealCause) {
	if p.dry == 0 {
		return
	}
	lost = min(lost, p.dry)
	p.concealed(ConcealLoss, lost)
	p.concealed(other, p.dry-lost)
	p.dry = 0
}

// concealed counts n samples, in frames.
func (p *player) concealed(cause ConcealCause, n int) {
	n += p.parts[cause]
	if frames := n / p.set.frame; frames > 0 {
		p.counts.concealed[cause].Add(uint64(frames))
	}
	p.parts[cause] = n % p.set.frame
}

// update prepares for new settings: packets that wait keep their codec.
func (p *player) update(s *settings) {
	old := p.set.codecs
	for i := range p.ring.slots {
		w := &p.ring.slots[i]
		if !w.used || w.kind < kindAudio {
			continue
		}
		to := slices.Index(s.codecs, old[w.kind-kindAudio])
		if to < 0 {
			p.ring.samples -= int(w.samples)
			w.kind, w.samples = kindMark, 0
			continue
		}
		w.kind = kindAudio + kind(to)
	}
}
