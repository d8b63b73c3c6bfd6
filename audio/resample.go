package audio

import (
	"errors"
	"fmt"
	"math"
)

// ErrRatio is returned for a pair of rates that a Resampler cannot convert.
var ErrRatio = errors.New("audio: unsupported pair of sample rates")

// Design of the low-pass of a Resampler, relative to the Nyquist frequency of
// the lower of its two rates (4 kHz where one is 8 kHz).
const (
	passEdge = 0.85 // up to here the gain is 0 ± 0.1 dB: 3.4 kHz
	stopEdge = 1.0  // from here on the attenuation is 80 dB: 4 kHz
	stopDB   = 80.0
	// maxPhases bounds the memory of a ratio: 441 is 8000 to 44,100 Hz.
	maxPhases = 1024
)

// Resampler converts a stream of samples from one rate to another by a
// polyphase FIR filter (windowed sinc, Kaiser window, linear phase). Between
// 8 kHz and any higher rate 0 to 3.4 kHz pass within 0.1 dB and aliases and
// images are 70 dB or more down. It belongs to one goroutine at a time.
type Resampler struct {
	from, to int         // rates divided by their greatest common divisor
	phases   [][]float32 // filters, one per position between two input samples
	history  []float32   // the last taps-1 inputs, then those being processed
	phase    int         // of the next output, 0 to to-1
	skip     int         // inputs to pass over before the next output
}

// resampleBlock is the number of inputs processed at a time.
const resampleBlock = 960

// NewResampler makes a resampler from one rate to another [Hz], both 4000 to
// 192,000 and in a ratio that can be written with numbers up to 1024. Errors wrap
// [ErrRatio].
func NewResampler(from, to int) (*Resampler, error) {
	const lowest, highest = 4000, 192000
	if min(from, to) < lowest || max(from, to) > highest {
		return nil, fmt.Errorf("%w: %d Hz to %d Hz", ErrRatio, from, to)
	}
	g := gcd(from, to)
	r := &Resampler{from: from / g, to: to / g}
	if r.to > maxPhases || r.from > maxPhases {
		return nil, fmt.Errorf("%w: %d Hz to %d Hz", ErrRatio, from, to)
	}
	r.phases = designPhases(from, to, r.to)
	r.history = make([]float32, r.taps()-1+resampleBlock)
	return r, nil
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (r *Resampler) taps() int { return len(r.phases[0]) }

// designPhases makes the filters for n output positions between two inputs.
// Rates are in Hz.
func designPhases(from, to, n int) [][]float32 {
	if from == to {
		return [][]float32{{1}}
	}
	nyquist := float64(min(from, to)) / 2
	cut := (passEdge + stopEdge) / 2 * nyquist / float64(from) // cycles per input sample
	width := (stopEdge - passEdge) * nyquist / float64(from)
	// Kaiser's formulas for the length and the shape of the window.
	half := int(math.Ceil((stopDB-7.95)/(2.285*2*math.Pi*width)/2)) + 1
	beta := 0.1102 * (stopDB - 8.7)
	phases := make([][]float32, n)
	for p := range phases {
		taps := make([]float64, 2*half)
		sum := 0.0
		for k := range taps {
			// Distance [input samples] of tap k from the output's place.
			x := float64(half-1-k) + float64(p)/float64(n)
			taps[k] = 2 * cut * sinc(2*cut*x) * kaiser(x/float64(half), beta)
			sum += taps[k]
		}
		phases[p] = make([]float32, len(taps))
		for k := range taps {
			phases[p][k] = float32(taps[k] / sum) // gain of exactly one at 0 Hz in every phase
		}
	}
	return phases
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window at x, -1 to 1.
func kaiser(x, beta float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel0(beta*math.Sqrt(1-x*x)) / bessel0(beta)
}

// bessel0 is the modified Bessel function of the first kind of order zero.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x / (2 * k) * x / (2 * k)
		sum += term
	}
	return sum
}

// Delay is the number of input samples by which the output is behind.
func (r *Resampler) Delay() int { return r.taps() / 2 }

// MaxOutput is the greatest number of samples that Process makes of n.
func (r *Resampler) MaxOutput(n int) int { return (n*r.to + r.from - 1) / r.from }

// Process converts all of src and returns the number of samples written to dst,
// which must have room for MaxOutput(len(src)). It does not allocate.
func (r *Resampler) Process(dst, src []int16) int {
	n := 0
	keep := r.taps() - 1
	for len(src) > 0 {
		k := min(len(src), resampleBlock)
		for i, v := range src[:k] {
			r.history[keep+i] = float32(v)
		}
		n += r.filter(dst[n:], k)
		copy(r.history[:keep], r.history[k:k+keep])
		src = src[k:]
	}
	return n
}

// filter makes the outputs that belong to the k newest inputs.
func (r *Resampler) filter(dst []int16, k int) int {
	n := 0
	at := r.skip
	for at < k {
		dst[n] = clamp16(float64(dot(r.history[at:], r.phases[r.phase])))
		n++
		r.phase += r.from
		at += r.phase / r.to
		r.phase %= r.to
	}
	r.skip = at - k
	return n
}

// dot is the inner product of h and the first len(h) values of x.
func dot(x, h []float32) float32 {
	x = x[:len(h)]
	var a, b, c, d float32
	for len(h) >= 4 && len(x) >= 4 {
		p, q := (*[4]float32)(x), (*[4]float32)(h)
		a += p[0] * q[0]
		b += p[1] * q[1]
		c += p[2] * q[2]
		d += p[3] * q[3]
		x, h = x[4:], h[4:]
	}
	for i := range min(len(x), len(h)) {
		a += x[i] * h[i]
	}
	return a + b + c + d
}

// Resample converts a whole clip to rate [Hz]; the delay of the filter is taken
// out, so that the result has the length of c. A clip that has the rate already
// is returned as it is. Errors wrap [ErrRatio].
func Resample(c Clip, rate int) (Clip, error) {
	if c.Rate == rate {
		return c, nil
	}
	r, err := NewResampler(c.Rate, rate)
	if err != nil {
		return Clip{}, err
	}
	r.skip = r.Delay() // the first output belongs to the first sample
	want := int((int64(len(c.Samples))*int64(rate) + int64(c.Rate)/2) / int64(c.Rate))
	out := make([]int16, r.MaxOutput(len(c.Samples))+r.MaxOutput(r.Delay()))
	n := r.Process(out, c.Samples)
	n += r.Process(out[n:], make([]int16, r.Delay()))
	return Clip{Rate: rate, Samples: out[:min(want, n)]}, nil
}
