package audio

import "math"

const (
	// lookAheads is the number of look-ahead delays in a second: each is 2.5 ms.
	lookAheads = 400
	// maxDelay is the delay in samples at the highest rate, 48 kHz.
	maxDelay = 48000 / lookAheads
	// fewDelay is that at 8 kHz, for which a Limiter has memory of its own.
	fewDelay = 8000 / lookAheads
	// releaseSeconds is the time constant of the gain's way back to one.
	releaseSeconds = 0.2
	// Gains are fixed-point numbers; unity is a gain of one.
	gainShift = 30
	unity     = 1 << gainShift
	// partShift is the place of the point in Limiter.part.
	partShift = 32
	// nearUnity is the gain, -0.009 dB, from which the release goes to one in a
	// single delay.
	nearUnity = unity - unity/1000
	// ceiling is the largest magnitude that an output sample has while limiting.
	ceiling = math.MaxInt16
)

// Limiter brings sums back to 16 bit without ever clipping or wrapping. It
// looks 2.5 ms ahead: the gain has come down, in a straight line, before the
// first sample that needs it, and goes back to one slowly. While nothing needs
// limiting the output is the input, bit for bit, delayed by Delay samples.
//
// Use NewLimiter to make one. It belongs to one goroutine at a time. What a
// Limiter was assigned to takes its place: a copy is made by CopyFrom only.
type Limiter struct {
	delay   int32 // samples
	peak    int32 // magnitude of the sums in line
	gain    int64 // at the end of the last output
	release int64 // the part of its way to unity that the gain goes per delay
	part    int64 // one delay-th, rounded down
	few     [fewDelay]int32
	many    *[maxDelay]int32 // in place of few where that is too short; else nil
}

// line is the sums that have come in and not gone out.
func (l *Limiter) line() []int32 {
	if l.many != nil {
		return l.many[:l.delay]
	}
	return l.few[:l.delay]
}

// NewLimiter makes a limiter for a rate of 400 to 48,000 Hz.
func NewLimiter(rate int) *Limiter {
	delay := max(1, min(maxDelay, rate/lookAheads))
	l := &Limiter{
		delay:   int32(delay),
		gain:    unity,
		release: int64(unity * (1 - math.Exp(-1/(lookAheads*releaseSeconds)))),
		part:    1 << partShift / int64(delay),
	}
	if delay > fewDelay {
		l.many = new([maxDelay]int32)
	}
	return l
}

// Delay is the number of samples by which output is behind input.
func (l *Limiter) Delay() int { return int(l.delay) }

// Active reports whether the gain is below one, or will be with the next output.
func (l *Limiter) Active() bool { return l.gain != unity || l.peak > ceiling }

// Reset empties the delay line and sets the gain to one.
func (l *Limiter) Reset() {
	l.gain, l.peak = unity, 0
	clear(l.line())
}

// CopyFrom makes l the same as o, so that a listener who goes over from the
// output of o to that of l hears no step. It allocates only where o is of a
// higher rate than l was made for.
func (l *Limiter) CopyFrom(o *Limiter) {
	if o.many != nil && l.many == nil {
		l.many = new([maxDelay]int32)
	}
	l.delay, l.peak, l.gain, l.release, l.part = o.delay, o.peak, o.gain, o.release, o.part
	copy(l.line(), o.line())
}

// Process limits the sums acc into dst, which must be at least as long. It does
// not allocate.
func (l *Limiter) Process(dst []int16, acc []int32) {
	dst = dst[:len(acc)]
	d := int(l.delay)
	if !l.Active() && len(acc) >= d {
		ahead := len(acc) - d
		if narrow(dst[d:], acc[:ahead]) && narrow(dst[:d], acc[ahead:]) {
			l.exchange(dst[:d])
			return
		}
	}
	for len(acc) > 0 {
		k := min(d, len(acc))
		l.block(dst[:k], acc[:k])
		dst, acc = dst[k:], acc[k:]
	}
}

// ProcessMinus limits the sums acc without the samples of own, which is what a
// talker hears. dst and own must be at least as long as acc, and not the same. It
// does not allocate.
func (l *Limiter) ProcessMinus(dst []int16, acc []int32, own []int16) {
	dst, own = dst[:len(acc)], own[:len(acc)]
	d := int(l.delay)
	if !l.Active() && len(acc) >= d {
		ahead := len(acc) - d
		if narrowMinus(dst[d:], acc[:ahead], own[:ahead]) && narrowMinus(dst[:d], acc[ahead:], own[ahead:]) {
			l.exchange(dst[:d])
			return
		}
	}
	l.limitMinus(dst, acc, own)
}

// limitMinus is ProcessMinus where something has to be limited.
func (l *Limiter) limitMinus(dst []int16, acc []int32, own []int16) {
	var in [maxDelay]int32
	for len(acc) > 0 {
		k := min(int(l.delay), len(acc))
		Minus(in[:k], acc[:k], own[:k])
		l.block(dst[:k], in[:k])
		dst, acc, own = dst[k:], acc[k:], own[k:]
	}
}

// exchange gives out the whole delay line as it is and puts in its place the last
// sums that came in, which wait, narrowed, where the line goes to. All fit into 16
// bits; how large they are does not matter.
func (l *Limiter) exchange(last []int16) {
	line := l.line()
	last = last[:len(line)]
	for i, v := range line {
		line[i], last[i] = int32(last[i]), int16(v)
	}
	l.peak = 0
}

// block takes in sums, at most a delay of them, and gives out as many of the
// oldest. The gain moves in a straight line, and its values at both ends of it
// are small enough for every sum that is in the line before and after. Hence no
// output sample is beyond the ceiling, and the gain is where it has to be when a
// loud sum comes out.
func (l *Limiter) block(dst []int16, in []int32) {
	line, k := l.line(), len(in)
	before := l.peak
	l.peak = max(magnitude(line[k:]), magnitude(in))
	end := l.released(k)
	if peak := max(before, l.peak); peak > ceiling {
		end = min(end, int64(ceiling*unity/(float64(peak)+1)))
	}
	amplify(dst, line[:k], l.gain, l.slope(end, k))
	l.gain = end
	copy(line, line[k:])
	copy(line[len(line)-k:], in)
}

// released is the gain after k samples in which nothing needs limiting.
func (l *Limiter) released(k int) int64 {
	if l.gain > nearUnity {
		return unity
	}
	step := (unity - l.gain) * l.release >> gainShift
	return l.gain + step*int64(k)/int64(l.delay)
}

// slope is the change of the gain per sample on its way to end in k samples,
// rounded. The gain is never above the higher end of its way, and that is small
// enough for every sum on the way.
func (l *Limiter) slope(end int64, k int) int64 {
	if k == int(l.delay) { // nearly always: save a division
		return (end - l.gain) * l.part >> partShift
	}
	return (end - l.gain) / int64(k)
}

// amplify makes dst the sums in times a gain that starts at gain and changes by
// step per sample, rounded.
func amplify(dst []int16, in []int32, gain, step int64) {
	g := gain + step
	for len(dst) >= 4 && len(in) >= 4 {
		d, a := (*[4]int16)(dst), (*[4]int32)(in)
		d[0], d[1] = scaled(a[0], g), scaled(a[1], g+step)
		d[2], d[3] = scaled(a[2], g+2*step), scaled(a[3], g+3*step)
		g += 4 * step
		dst, in = dst[4:], in[4:]
	}
	for i := range min(len(dst), len(in)) {
		dst[i] = scaled(in[i], g)
		g += step
	}
}

func scaled(v int32, gain int64) int16 {
	return int16((int64(v)*gain + unity/2) >> gainShift)
}

// magnitude is the largest of v for v ≥ 0 and -v-1 for v < 0: it is above the
// ceiling exactly when some sum does not fit into 16 bit.
func magnitude(s []int32) int32 {
	var m, n int32
	for len(s) >= 4 {
		a := (*[4]int32)(s)
		m = max(m, a[0]^a[0]>>31, a[1]^a[1]>>31)
		n = max(n, a[2]^a[2]>>31, a[3]^a[3]>>31)
		s = s[4:]
	}
	for _, v := range s {
		m = max(m, v^v>>31)
	}
	return max(m, n)
}

// excess is zero in its upper half exactly if v fits into 16 bit; several may
// be joined by or.
func excess(v int32) uint32 { return uint32(v + FullScale) }

// narrow makes dst the sums, if they all fit into 16 bits, and reports that.
func narrow(dst []int16, acc []int32) bool {
	n := min(len(dst), len(acc))
	if n < lanes {
		return narrowFew(dst[:n], acc[:n])
	}
	return narrowOf(dst[:n], acc[:n])
}

// narrowFew is narrow of slices of one length, one after the other.
func narrowFew(dst []int16, acc []int32) bool {
	var over uint32
	acc = acc[:len(dst)]
	for i, v := range acc {
		over |= excess(v)
		dst[i] = int16(v)
	}
	return over>>16 == 0
}

// narrowMinus is narrow of the sums without the samples of own, which must not be
// those of dst.
func narrowMinus(dst []int16, acc []int32, own []int16) bool {
	n := min(len(dst), len(acc), len(own))
	if n < lanes {
		return narrowMinusFew(dst[:n], acc[:n], own[:n])
	}
	return narrowMinusOf(dst[:n], acc[:n], own[:n])
}

// narrowMinusFew is narrowMinus of slices of one length, one after the other.
func narrowMinusFew(dst []int16, acc []int32, own []int16) bool {
	var over uint32
	acc, own = acc[:len(dst)], own[:len(dst)]
	for i := range dst {
		v := acc[i] - int32(own[i])
		over |= excess(v)
		dst[i] = int16(v)
	}
	return over>>16 == 0
}
