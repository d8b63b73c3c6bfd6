package tone

import (
	"math"

	"mediaserver/audio/g711"
)

const (
	// Samples of a packet: 20 ms at 8000 Hz.
	Samples = 160
	// Step is the distance of two tones [Hz].
	Step = 50
	// FirstBin and Bins are the tones that may be used, as multiples of Step:
	// 300 to 3400 Hz.
	FirstBin = 6
	Bins     = 63 // see FirstBin

	half      = Samples / 2
	fullScale = 32767
)

// Law is the G.711 law of payloads.
type Law int

// The two laws.
const (
	ULaw Law = iota
	ALaw
)

// Silence is the code of a sample of zero.
func (l Law) Silence() byte {
	if l == ALaw {
		return g711.SilenceALaw
	}
	return g711.SilenceULaw
}

// Bin spreads the tones of a room of so many over the band: the frequency, in
// multiples of Step, of its talker i. Talkers of a room have different ones as
// long as there are at most Bins.
func Bin(i int) int {
	const stride = 25 // without a divisor in common with Bins; neighbours lie far apart
	return FirstBin + i*stride%Bins
}

// Amplitude is the amplitude of each tone [samples, of 32767] that leaves head
// room when so many talk at once.
func Amplitude(talkers int) float64 {
	const single = -15.0 // dBFS
	level := single - 10*math.Log10(math.Max(1, float64(talkers)/3))
	return fullScale * math.Pow(10, level/20)
}

// phase is where a tone begins [radians]. It grows with the square of the
// frequency, so that many tones never have their peaks at the same sample
// (Schroeder 1970).
func phase(bin int) float64 { return math.Pi * float64(bin*bin) / (FirstBin + Bins) }

// Payload is a packet of a tone.
func Payload(law Law, bin int, amplitude float64) [Samples]byte {
	var pcm [Samples]int16
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Cos(2*math.Pi*float64(bin*i%Samples)/Samples+phase(bin))))
	}
	var b [Samples]byte
	if law == ALaw {
		g711.EncodeALaw(b[:], pcm[:])
	} else {
		g711.EncodeULaw(b[:], pcm[:])
	}
	return b
}

// Silence is a packet of silence.
func Silence(law Law) (b [Samples]byte) {
	for i := range b {
		b[i] = law.Silence()
	}
	return b
}

// Detector measures the tones of a packet.
type Detector struct {
	linear    [256]float32 // of each code
	cos, sin  [FirstBin + Bins][half]float32
	even, odd [half]float32 // sum and difference of the halves
}

// NewDetector makes a detector for a law.
func NewDetector(law Law) *Detector {
	d := &Detector{}
	for code := range d.linear {
		var pcm [1]int16
		if law == ALaw {
			g711.DecodeALaw(pcm[:], []byte{byte(code)})
		} else {
			g711.DecodeULaw(pcm[:], []byte{byte(code)})
		}
		d.linear[code] = float32(pcm[0])
	}
	for bin := FirstBin; bin < FirstBin+Bins; bin++ {
		for i := range half {
			s, c := math.Sincos(2 * math.Pi * float64(bin*i%Samples) / Samples)
			d.sin[bin][i], d.cos[bin][i] = float32(s), float32(c)
		}
	}
	return d
}

// Load takes the payload of a packet.
func (d *Detector) Load(payload *[Samples]byte) {
	for i := range half {
		a, b := d.linear[payload[i]], d.linear[payload[i+half]]
		d.even[i], d.odd[i] = a+b, a-b
	}
}

// Amplitude is the amplitude of a tone [samples], given as a multiple of Step
// from FirstBin on, in the packet that was loaded. Of a tone that sounds for a
// part of the packet only it is that part of its amplitude.
func (d *Detector) Amplitude(bin int) float64 {
	x := &d.even
	if bin%2 == 1 { // the second half of the period table is the negative of the first
		x = &d.odd
	}
	c, s := &d.cos[bin], &d.sin[bin]
	var re0, re1, im0, im1 float32
	for i := 0; i < half; i += 2 {
		re0 += x[i] * c[i]
		im0 += x[i] * s[i]
		re1 += x[i+1] * c[i+1]
		im1 += x[i+1] * s[i+1]
	}
	return math.Hypot(float64(re0+re1), float64(im0+im1)) / half
}
