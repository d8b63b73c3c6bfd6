package dtmf

import "math"

// The eight frequencies of the keys [Hz]: four rows, then four columns.
// ITU-T Q.23.
var frequencies = [lanes]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}

// keys are the digits by row and column. ITU-T Q.23.
const keys = "123A" + "456B" + "789C" + "*0#D"

const (
	lanes = 8         // frequencies watched
	rows  = lanes / 2 // of which are rows; the rest are columns
)

// Sizes in time. Audio is looked at in blocks; a verdict is passed on every
// window of windowBlocks consecutive ones, so windows overlap.
const (
	blocksPerSecond = 200 // blocks of 5 ms
	windowBlocks    = 5   // 25 ms: 40 Hz of resolution, rows lie 73 Hz apart
	historyBlocks   = 8   // kept to look back at
)

// vector is one value per frequency.
type vector [lanes]float32

// spectrum is what a block holds of each frequency: complex correlation sums,
// their phase counted from the block's first sample.
type spectrum struct{ re, im vector }

// block is a stretch of audio and what was found in it.
type block struct {
	samples  []int16
	energy   float32 // sum of squares
	known    bool    // spectrum is
	spectrum spectrum
}

// bank computes the spectra of blocks with eight Goertzel resonators.
// It is read only once made.
type bank struct {
	rate   int
	size   int    // samples of a block
	coeff  vector // 2 cos ω
	cos    vector
	sin    vector
	endRe  vector // e^{-jω(size-1)}: from the phase of the last sample to that of the first
	endIm  vector
	stepRe [windowBlocks]vector // e^{-jω·size·k}: from the phase of block k to that of block 0
	stepIm [windowBlocks]vector
}

// narrowband is the bank of telephone calls, which all of them share.
var narrowband = newBank(minRate)

func bankFor(rate int) *bank {
	if rate == narrowband.rate {
		return narrowband
	}
	return newBank(rate)
}

func newBank(rate int) *bank {
	b := &bank{rate: rate, size: rate / blocksPerSecond}
	for l, f := range frequencies {
		w := 2 * math.Pi * f / float64(rate)
		sin, cos := math.Sincos(w)
		b.coeff[l], b.cos[l], b.sin[l] = float32(2*cos), float32(cos), float32(sin)
		sin, cos = math.Sincos(-w * float64(b.size-1))
		b.endRe[l], b.endIm[l] = float32(cos), float32(sin)
		for k := range windowBlocks {
			sin, cos = math.Sincos(-w * float64(b.size*k))
			b.stepRe[k][l], b.stepIm[k][l] = float32(cos), float32(sin)
		}
	}
	return b
}

// spectrumOf is the spectrum of a block, found out when it is asked for first:
// nobody asks where it is not as loud as the audio around. scratch has room for
// its samples.
func (b *bank) spectrumOf(r *block, scratch []float32) *spectrum {
	if !r.known {
		r.known, r.spectrum = true, spectrum{}
		if r.energy >= tailAmplitude*tailAmplitude/2*float32(len(r.samples)) {
			r.spectrum = b.analyse(r.floats(scratch))
		}
	}
	return &r.spectrum
}

// floats copies the samples of a block.
func (r *block) floats(to []float32) []float32 {
	to = to[:len(r.samples)]
	for i, v := range r.samples {
		to[i] = float32(v)
	}
	return to
}

// analyse is the spectrum of audio.
func (b *bank) analyse(x []float32) spectrum {
	var s1, s2 vector
	resonate((*[rows]float32)(b.coeff[:rows]), x, (*[rows]float32)(s1[:rows]), (*[rows]float32)(s2[:rows]))
	resonate((*[rows]float32)(b.coeff[rows:]), x, (*[rows]float32)(s1[rows:]), (*[rows]float32)(s2[rows:]))
	var s spectrum
	for l := range lanes {
		re := s1[l] - b.cos[l]*s2[l]
		im := b.sin[l] * s2[l]
		s.re[l] = re*b.endRe[l] - im*b.endIm[l]
		s.im[l] = re*b.endIm[l] + im*b.endRe[l]
	}
	return s
}

// resonate runs four resonators side by side, as many as registers hold.
func resonate(coeff *[rows]float32, x []float32, out1, out2 *[rows]float32) {
	c0, c1, c2, c3 := coeff[0], coeff[1], coeff[2], coeff[3]
	var a0, a1, a2, a3, b0, b1, b2, b3 float32 // states one and two samples ago
	for _, v := range x {
		a0, b0 = c0*a0+(v-b0), a0 // v-b0 need not wait for the product
		a1, b1 = c1*a1+(v-b1), a1
		a2, b2 = c2*a2+(v-b2), a2
		a3, b3 = c3*a3+(v-b3), a3
	}
	*out1 = [rows]float32{a0, a1, a2, a3}
	*out2 = [rows]float32{b0, b1, b2, b3}
}

// energyOf is the sum of the squares of x. Two sums side by side, because one
// would wait for itself.
func energyOf(x []int16) float32 {
	var a, b int64
	for ; len(x) >= 2; x = x[2:] {
		a += int64(x[0]) * int64(x[0])
		b += int64(x[1]) * int64(x[1])
	}
	for _, v := range x {
		a += int64(v) * int64(v)
	}
	return float32(a + b)
}

// correlate is the correlation of x with two frequencies of w and v radians
// per sample, the phase counted from the first sample.
func correlate(x []float32, w, v float64) (atW, atV complex128) {
	sinW, cosW := math.Sincos(w)
	sinV, cosV := math.Sincos(v)
	c, d := float32(2*cosW), float32(2*cosV)
	var s1, s2, t1, t2 float32
	for _, u := range x {
		s1, s2 = u+c*s1-s2, s1
		t1, t2 = u+d*t1-t2, t1
	}
	atW = complex(float64(s1)-cosW*float64(s2), sinW*float64(s2)) * turn(-w*float64(len(x)-1))
	atV = complex(float64(t1)-cosV*float64(t2), sinV*float64(t2)) * turn(-v*float64(len(x)-1))
	return atW, atV
}

// subtract takes the sinusoids of w and v radians per sample that have the
// correlations atW and atV with x out of x, and returns the energy left.
func subtract(x []float32, w, v float64, atW, atV complex128) float32 {
	scale := complex(2/float64(len(x)), 0)
	a, b := complex64(atW*scale), complex64(atV*scale)
	ar, ai, br, bi := real(a), imag(a), real(b), imag(b)
	sinW, cosW := math.Sincos(w)
	sinV, cosV := math.Sincos(v)
	ca, sa, cb, sb := float32(cosW), float32(sinW), float32(cosV), float32(sinV)
	var left float32
	for i, u := range x {
		u -= ar + br
		x[i] = u
		left += u * u
		ar, ai = ar*ca-ai*sa, ai*ca+ar*sa
		br, bi = br*cb-bi*sb, bi*cb+br*sb
	}
	return left
}

// turn is e^{jφ}.
func turn(phi float64) complex128 {
	sin, cos := math.Sincos(phi)
	return complex(cos, sin)
}

// square is |c|².
func square(c complex128) float64 { return real(c)*real(c) + imag(c)*imag(c) }
