package rtp

// Times of concealment as parts of a second, after ITU-T G.711 Appendix I.
const (
	minPitch      = 200 // shortest period, 5 ms
	pitchSpan     = 100 // range of periods above it, 10 ms
	pitchTemplate = 50  // what is compared, 20 ms
	fullMillis    = 10  // concealed without fading
	fadeMillis    = 60  // concealed until nothing is left
	periods       = 3   // of history used from the first end of a period after fullMillis on
	coarseRate    = 4000
)

// concealer makes up sound that goes on like the sound before: it repeats the
// last pitch period, later the last three, and fades out. Its result is blended
// into the first sound after the gap.
type concealer struct {
	rate int
	done int // samples made up in this gap
	*gap     // made with the first gap, once in the life of an endpoint, if at all
}

// gap is what a concealer needs while a gap is open, and memory for that.
type gap struct {
	past   []int16 // the sound before the gap
	cycle  []int16 // what is repeated: the end of past, its end blended into its beginning
	loop   []int16 // holds cycle
	period int
	pos    int
	seam   int32
	tail   []int16 // scratch for what goes on beneath the sound after the gap
}

func newConcealer(rate int) concealer { return concealer{rate: rate} }

func newGap(rate int) *gap {
	h := rate / historyPerSecond
	return &gap{past: make([]int16, h), loop: make([]int16, h), tail: make([]int16, rate/100)}
}

// active tells whether a gap is open.
func (c *concealer) active() bool { return c.done > 0 }

// sounds tells whether a gap is open in which there is something to hear.
func (c *concealer) sounds() bool { return c.active() && !c.silent() }

// silent tells whether the fading has come to its end.
func (c *concealer) silent() bool { return c.done >= fadeMillis*c.rate/1000 }

// add appends n made-up samples to the queue.
func (c *concealer) add(q *queue, n int) {
	if c.done == 0 {
		c.begin(q)
	}
	c.make(q.room(n))
	q.added(n)
}

// begin looks at the sound before the gap.
func (c *concealer) begin(q *queue) {
	if c.gap == nil {
		c.gap = newGap(c.rate)
	}
	copy(c.past, q.last(len(c.past)))
	c.period = c.pitch()
	c.setCycle(1)
	c.pos = 0
	n := len(c.past)
	c.seam = int32(c.past[n-1]) - int32(c.past[n-1-c.period])
}

// pitch is the period of the sound before the gap.
func (c *concealer) pitch() int {
	return findPeriod(c.past, c.rate/minPitch, c.rate/minPitch+c.rate/pitchSpan, c.rate/pitchTemplate, max(1, c.rate/coarseRate))
}

// setCycle makes the last n periods of the past the part that is repeated. Its
// last quarter period goes over into what precedes its first sample.
func (c *concealer) setCycle(n int) {
	quarter := c.period / 4
	n = min(n, (len(c.past)-quarter)/c.period)
	size := n * c.period
	end := len(c.past)
	c.pos += size - len(c.cycle)
	c.cycle = c.loop[:copy(c.loop, c.past[end-size:])]
	before := c.past[end-size-quarter : end-size]
	blend(c.cycle[size-quarter:], c.cycle[size-quarter:], before, quarter)
}

// make fills dst with the next made-up samples.
func (c *concealer) make(dst []int16) {
	full, end := fullMillis*c.rate/1000, fadeMillis*c.rate/1000
	quarter := c.period / 4
	for i := range dst {
		if c.done >= end {
			clear(dst[i:])
			c.done += len(dst) - i
			return
		}
		if c.pos >= len(c.cycle) {
			c.pos = 0
			if c.done >= full && len(c.cycle) == c.period {
				c.setCycle(periods) // where one period ends: elsewhere there might be a step
			}
		}
		v := int32(c.cycle[c.pos])
		c.pos++
		if c.done < quarter {
			v += c.seam * int32(quarter-c.done) / int32(quarter)
		}
		if c.done > full {
			v = v * int32(end-c.done) / int32(end-full)
		}
		dst[i] = int16(max(-32768, min(32767, v)))
		c.done++
	}
}

// span opens a gap of no length, so that the sound that follows is blended
// into what would have come.
func (c *concealer) span(q *queue) {
	if c.done == 0 {
		c.begin(q)
		c.done = 1
	}
}

// end closes the gap: sound is the first after it, into which the made-up sound
// goes over within a quarter of a period and 4 ms for each 10 ms of the gap, at
// most 10 ms.
func (c *concealer) end(sound []int16) {
	if c.done == 0 {
		return
	}
	fade := min(c.period/4+c.done*4/10, c.rate/100, len(sound), len(c.tail))
	c.make(c.tail[:fade])
	blend(sound, c.tail, sound, fade)
	c.drop()
}

// drop closes the gap without a word: silence follows.
func (c *concealer) drop() {
	if c.done > 0 {
		c.done = 0
		c.cycle = nil
	}
}

// findPeriod is the lag between shortest and longest at which the last n samples
// of x are most alike to those before: first every step samples with as many
// left out, then exactly around the best.
func findPeriod(x []int16, shortest, longest, n, step int) int {
	longest = min(longest, len(x)-n)
	best := bestLag(x, shortest, longest, n, step)
	if step == 1 {
		return best
	}
	return bestLag(x, max(shortest, best-step+1), min(longest, best+step-1), n, 1)
}

// bestLag compares by normalised cross-correlation.
func bestLag(x []int16, first, last, n, step int) int {
	y := x[len(x)-n:]
	best, bestScore := first, -1.0
	for lag := first; lag <= last; lag += step {
		z := x[len(x)-n-lag:][:n]
		var cross, energy int64
		for i := 0; i < n; i += step {
			a, b := int64(y[i]), int64(z[i])
			cross += a * b
			energy += b * b
		}
		if cross <= 0 {
			continue
		}
		score := float64(cross) * float64(cross) / float64(energy+1)
		if score > bestScore {
			best, bestScore = lag, score
		}
	}
	return best
}
