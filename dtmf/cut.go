package dtmf

import "math"

const (
	rampsPerSecond = 500 // ramps of 2 ms
	cutBlocks      = 64  // blocks whose fate is remembered, a power of two
)

// cutter is a delay line that silences some of the blocks passing through,
// with a ramp before and after. Blocks are counted from the first sample.
type cutter struct {
	block  int
	line   []int16 // ring of the delayed samples
	pos    int     // next of line to leave
	out    int64   // samples let out so far, the first len(line) being silence
	cuts   [cutBlocks]bool
	latest int64     // last block marked so far
	ramp   []float32 // gains from full to silent
}

func newCutter(rate, block int) *cutter {
	c := &cutter{block: block, line: make([]int16, delaySamples(rate)), latest: math.MinInt32}
	c.ramp = make([]float32, rate/rampsPerSecond)
	for i := range c.ramp {
		c.ramp[i] = float32(0.5 + 0.5*math.Cos(math.Pi*(float64(i)+0.5)/float64(len(c.ramp))))
	}
	return c
}

// mark has blocks first to last silenced, as far as they have not left.
func (c *cutter) mark(first, last int64) {
	for b := max(first, 0); b <= last; b++ {
		c.cuts[b%cutBlocks] = true
	}
	c.latest = max(c.latest, last)
}

// open makes room for the fate of block b+cutBlocks/2 once block b is in.
func (c *cutter) open(b int64) {
	c.cuts[(b+cutBlocks/2)%cutBlocks] = false
}

func (c *cutter) marked(b int64) bool { return b >= 0 && c.cuts[b%cutBlocks] }

// pass lets frame in and the samples of a delay ago out in its place.
func (c *cutter) pass(frame []int16) {
	for rest := frame; len(rest) > 0; {
		n := min(len(rest), len(c.line)-c.pos)
		swap(rest[:n], c.line[c.pos:c.pos+n])
		rest = rest[n:]
		if c.pos += n; c.pos == len(c.line) {
			c.pos = 0
		}
	}
	first := c.out - int64(len(c.line)) // of frame, counted from the first sample let in
	c.out += int64(len(frame))
	if first > (c.latest+2)*int64(c.block) {
		return
	}
	for len(frame) > 0 {
		if first < 0 {
			n := min(int64(len(frame)), -first)
			frame, first = frame[n:], first+n
			continue
		}
		b, at := first/int64(c.block), int(first%int64(c.block))
		n := min(len(frame), c.block-at)
		c.silence(frame[:n], b, at)
		frame, first = frame[n:], first+int64(n)
	}
}

// swap exchanges two stretches of the same length.
func swap(x, y []int16) {
	y = y[:len(x)]
	for i := range x {
		x[i], y[i] = y[i], x[i]
	}
}

// silence applies the fate of block b to samples of it, the first of which is
// at within the block.
func (c *cutter) silence(x []int16, b int64, at int) {
	switch before, after := c.marked(b-1), c.marked(b+1); {
	case c.marked(b):
		clear(x)
	case before || after:
		for i := range x {
			x[i] = int16(float32(x[i]) * c.gain(at+i, before, after))
		}
	}
}

// gain at a sample of a block that is heard between silenced ones.
func (c *cutter) gain(at int, before, after bool) float32 {
	g := float32(1)
	if n := len(c.ramp); before && at < n {
		g = c.ramp[n-1-at]
	}
	if i := at - (c.block - len(c.ramp)); after && i >= 0 {
		g *= c.ramp[i]
	}
	return g
}
