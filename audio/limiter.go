package audio

import "math"

const (
	// limiterDelay is the look-ahead: 1/400 s = 2.5 ms.
	limiterDelay = 400 // [1/s]
	// maxDelay is the delay in samples at the highest rate, 48 kHz.
	maxDelay = 48000 / limiterDelay
	// limiterRelease is the time constant of the gain's way back to one [s].
	limiterRelease = 0.2
	// unity is a gain of one; gains are fixed-point numbers.
	unity     = 1 << gainShift
	gainShift = 30
	// nearUnity is the gain from which the release goes to one in a single
	// step: -0.009 dB.
	nearUnity = unity - unity/1000
	ceiling   = math.MaxInt16
)

// Limiter brings sums back to 16 bit without ever clipping or wrapping. It
// looks 2.5 ms ahead: the gain has come down, in a straight line, before the
// first sample that needs it, and goes back to one slowly. While nothing needs
// limiting the output is the input, bit for bit, delayed by Delay samples.
//
// A Limiter is a plain value: it may be copied by assignment or CopyFrom. One
// goroutine at a time may use it.
type Limiter struct {
	delay   int32 // samples
	peak    int32 // magnitude of the largest sum in line
	gain    int64 // at the end of the last output, fixed point
	release int64 // part of the way to unity per delay, fixed point
	line    [maxDelay]int32
}

// NewLimiter makes a limiter for a rate of 400 to 48,000 Hz.
func NewLimiter(rate int) *Limiter {
	d := max(1, min(maxDelay, rate/limiterDelay))
	part := 1 - math.Exp(-1/(limiterDelay*limiterRelease))
	return &Limiter{delay: int32(d), gain: unity, release: int64(part * unity)}
}

// Delay is the number of samples by which output is behind input.
func (l *Limiter) Delay() int { return int(l.delay) }

// Active reports whether the gain is or is about to be below one.
func (l *Limiter) Active() bool { return l.gain != unity || l.peak > ceiling }

// Reset empties the delay line and sets the gain to one.
func (l *Limiter) Reset() {
	l.gain, l.peak = unity, 0
	clear(l.line[:])
}

// CopyFrom makes l the same as o, so that a stream that goes over from o to l
// goes on without a step.
func (l *Limiter) CopyFrom(o *Limiter) {
	l.delay, l.peak, l.gain, l.release = o.delay, o.peak, o.gain, o.release
	copy(l.line[:o.delay], o.line[:o.delay])
}

// Process limits the sums acc into dst, len(acc) samples; dst must be at least
// as long. It does not allocate.
func (l *Limiter) Process(dst []int16, acc []int32) {
	l.slow(dst, acc, nil)
}

// ProcessMinus limits the sums acc without the samples of own: what a talker
// hears. dst and own must be at least as long as acc. It does not allocate.
func (l *Limiter) ProcessMinus(dst []int16, acc []int32, own []int16) {
	l.slow(dst, acc, own[:len(acc)])
}

func (l *Limiter) slow(dst []int16, acc []int32, own []int16) {
	d := int(l.delay)
	var in [maxDelay]int32
	for len(acc) > 0 {
		k := min(d, len(acc))
		copy(in[:k], acc)
		if own != nil {
			Sub(in[:k], own[:k])
			own = own[k:]
		}
		l.block(dst[:k], in[:k])
		dst, acc = dst[k:], acc[k:]
	}
}

// block takes in k sums, at most a delay, and gives out the k oldest. The gain
// moves in a straight line between its values at the two ends of the output.
// Both are small enough for every sum that is in the line before or after:
// hence no output sample is beyond the ceiling.
func (l *Limiter) block(dst []int16, in []int32) {
	line, k := l.line[:l.delay], len(in)
	end := l.gain + (unity-l.gain)>>gainShift*l.release
	end = l.gain + int64(float64(unity-l.gain)*float64(l.release)/unity)
	if end > nearUnity {
		end = unity
	}
	end = min(end, gainFor(l.peak))
	out := [maxDelay]int32{}
	copy(out[:k], line)
	copy(line, line[k:])
	copy(line[len(line)-k:], in)
	l.peak = magnitude(line)
	end = min(end, gainFor(l.peak))
	g, step := l.gain, (end-l.gain)/int64(k)
	for i := range dst {
		g += step
		dst[i] = int16((int64(out[i])*g + unity/2) >> gainShift)
	}
	l.gain = end
}

// gainFor is the largest gain that brings sums of magnitude peak to the ceiling.
func gainFor(peak int32) int64 {
	if peak <= ceiling {
		return unity
	}
	return ceiling << gainShift / (int64(peak) + 1)
}

// magnitude is the largest of v for v ≥ 0 and of -v-1 for v < 0: it is above
// the ceiling exactly when a sum does not fit into 16 bit.
func magnitude(s []int32) int32 {
	var m int32
	for _, v := range s {
		m = max(m, v^(v>>31))
	}
	return m
}
