package recording

import (
	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// soundLevel is the level [dBov] from which a frame counts as sound.
const soundLevel = -45

// limiterRest is how many frames of silence the limiter is run for, so that
// its gain is back at one when sound returns.
const limiterRest = 100

// encoder turns frames into the audio of a file.
type encoder struct {
	samples int // of a frame and side
	mode    Mode
	encode  func(dst []byte, src []int16) int
	silence byte // one encoded sample
	gate    uint64

	limiter audio.Limiter // for Mixed
	early   int           // samples of the limiter's delay that are yet to be left out
	quiet   int           // frames without sound since the last with
	sound   bool          // there was a frame above soundLevel

	sum []int32
	pcm []int16 // of a frame, as many as the file has
}

func newEncoder(f audio.Format, m Mode, e Encoding) *encoder {
	n := f.Samples()
	c := &encoder{
		samples: n, mode: m, encode: g711.EncodeALaw, gate: audio.EnergyAt(soundLevel, n),
		limiter: *audio.NewLimiter(f.Rate), quiet: limiterRest,
		sum: make([]int32, n), pcm: make([]int16, n*channels(m)),
	}
	if e == ULaw {
		c.encode = g711.EncodeULaw
	}
	var zero [1]byte
	c.encode(zero[:], []int16{0})
	c.silence = zero[0]
	if m == Mixed {
		c.early = c.limiter.Delay()
	}
	return c
}

// channels is the number of channels of a file.
func channels(m Mode) int {
	if m == Separate {
		return 2
	}
	return 1
}

// append encodes a frame behind b; a nil side is silence. What comes out is
// late by the delay of the limiter; the first samples of it are left out, and
// rest gives the last.
func (c *encoder) append(b []byte, said, heard []int16) []byte {
	c.sound = c.sound || c.loud(said) || c.loud(heard)
	if c.mode == Separate {
		interleave(c.pcm, 0, said)
		interleave(c.pcm, 1, heard)
		return c.code(b, c.pcm)
	}
	switch {
	case said == nil && heard == nil:
		if c.quiet >= limiterRest {
			return c.code(b, nil)
		}
		c.quiet++
		clear(c.sum)
	case said == nil:
		c.quiet = 0
		audio.Set(c.sum, heard)
	default:
		c.quiet = 0
		audio.Set(c.sum, said)
		audio.Add(c.sum, heard)
	}
	c.limiter.Process(c.pcm, c.sum)
	if c.quiet == limiterRest {
		c.limiter.Reset()
	}
	return c.code(b, c.pcm)
}

// code encodes one frame without the early samples; nil is silence.
func (c *encoder) code(b []byte, pcm []int16) []byte {
	n := len(c.pcm) - c.early
	at := len(b)
	b = append(b, make([]byte, n)...)
	if pcm == nil {
		c.fill(b[at:])
	} else {
		c.encode(b[at:], pcm[c.early:])
	}
	c.early = 0
	return b
}

// rest encodes what is still in the limiter behind b. It ends the file.
func (c *encoder) rest(b []byte) []byte {
	if c.mode == Separate || c.early > 0 {
		return b
	}
	n := c.limiter.Delay()
	clear(c.sum)
	c.limiter.Process(c.pcm, c.sum[:n])
	at := len(b)
	b = append(b, make([]byte, n)...)
	c.encode(b[at:], c.pcm[:n])
	return b
}

// fill fills b with silence.
func (c *encoder) fill(b []byte) {
	for i := range b {
		b[i] = c.silence
	}
}

func (c *encoder) loud(s []int16) bool { return s != nil && audio.Energy(s) >= c.gate }

// interleave puts one side into every other sample of dst, from the given on.
func interleave(dst []int16, from int, side []int16) {
	if side == nil {
		for i := from; i < len(dst); i += 2 {
			dst[i] = 0
		}
		return
	}
	for i, v := range side[:len(dst)/2] {
		dst[2*i+from] = v
	}
}
