package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// ErrFull is returned when the audio of a file would exceed 2 GiB.
var ErrFull = errors.New("wav: file is full")

// maxData is the greatest size of the audio [bytes] in a file.
const maxData = unknownLength - 1

// Spec is the form of a file to be written.
type Spec struct {
	Encoding Encoding // PCM16, ALaw or ULaw
	Rate     int      // samples per second and channel
	Channels int      // 0 means 1; the samples of several are interleaved
}

func (s Spec) withDefaults() Spec {
	if s.Channels == 0 {
		s.Channels = 1
	}
	return s
}

func (s Spec) validate() error {
	if s.Encoding != PCM16 && s.Encoding != ALaw && s.Encoding != ULaw {
		return fmt.Errorf("%w: %v cannot be written", ErrFormat, s.Encoding)
	}
	if s.Rate <= 0 || s.Channels < 0 || s.Channels > 2 {
		return fmt.Errorf("%w: %d Hz, %d channels cannot be written", ErrFormat, s.Rate, s.Channels)
	}
	return nil
}

// OpenHeader is a file up to its first sample, with lengths that mean "until the
// end of the file": what follows can be played at any time. Errors: ErrFormat.
func (s Spec) OpenHeader() ([]byte, error) {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return nil, err
	}
	b := s.header(0)
	binary.LittleEndian.PutUint32(b[4:], 0xFFFFFFFF)
	binary.LittleEndian.PutUint32(b[len(b)-4:], 0xFFFFFFFF)
	return b, nil
}

// width is the number of bytes of one sample.
func (s Spec) width() int {
	if s.Encoding == PCM16 {
		return 2
	}
	return 1
}

// header is the file up to the first sample, for n bytes of audio. G.711 files
// have a fmt chunk of 18 bytes and a fact chunk, as the standards update asks.
func (s Spec) header(n uint32) []byte {
	le := binary.LittleEndian
	tag, extra := uint16(tagPCM), 0
	switch s.Encoding {
	case ALaw:
		tag, extra = tagALaw, 2
	case ULaw:
		tag, extra = tagULaw, 2
	}
	align := s.width() * s.Channels
	b := append([]byte(nil), "RIFF\x00\x00\x00\x00WAVEfmt "...)
	b = le.AppendUint32(b, uint32(16+extra))
	b = le.AppendUint16(b, tag)
	b = le.AppendUint16(b, uint16(s.Channels))
	b = le.AppendUint32(b, uint32(s.Rate))
	b = le.AppendUint32(b, uint32(s.Rate*align))
	b = le.AppendUint16(b, uint16(align))
	b = le.AppendUint16(b, uint16(8*s.width()))
	if extra > 0 {
		b = le.AppendUint16(b, 0)
		b = append(b, "fact\x04\x00\x00\x00"...)
		b = le.AppendUint32(b, n/uint32(align))
	}
	b = append(b, "data"...)
	b = le.AppendUint32(b, n)
	le.PutUint32(b[4:], uint32(len(b)-8)+n+n&1)
	return b
}

// append encodes samples behind b. It allocates only if b has no room.
func (s Spec) append(b []byte, samples []int16) []byte {
	if s.Encoding == PCM16 {
		for _, v := range samples {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
		return b
	}
	at := len(b)
	b = slices.Grow(b, len(samples))[:at+len(samples)]
	if s.Encoding == ALaw {
		g711.EncodeALaw(b[at:], samples)
	} else {
		g711.EncodeULaw(b[at:], samples)
	}
	return b
}

// Encode writes c as a whole file.
func Encode(w io.Writer, e Encoding, c audio.Clip) error {
	s := Spec{Encoding: e, Rate: c.Rate}.withDefaults()
	if err := s.validate(); err != nil {
		return err
	}
	n := len(c.Samples) * s.width()
	if n > maxData {
		return ErrFull
	}
	b := s.append(s.header(uint32(n)), c.Samples)
	if n&1 == 1 {
		b = append(b, 0)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("wav: write: %w", err)
	}
	return nil
}
