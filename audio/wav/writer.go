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

// writerBuffer is the number of bytes a Writer collects before it writes.
const writerBuffer = 32 << 10

// Writer writes a file whose length is not known beforehand. Until the first
// Flush or Close the lengths in its header mean "until the end of the file", so
// that what an interrupted program leaves behind can be played.
type Writer struct {
	w      io.WriteSeeker
	spec   Spec
	buffer []byte
	size   int64 // bytes of audio, the buffered ones included
}

// NewWriter writes the header of a file of form s to w, which must be at its
// beginning. The errors are ErrFormat and those of w.
func NewWriter(w io.WriteSeeker, s Spec) (*Writer, error) {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return nil, err
	}
	header := s.header(0)
	binary.LittleEndian.PutUint32(header[4:], 0xFFFFFFFF)
	binary.LittleEndian.PutUint32(header[len(header)-4:], 0xFFFFFFFF)
	if _, err := w.Write(header); err != nil {
		return nil, fmt.Errorf("wav: write header: %w", err)
	}
	return &Writer{w: w, spec: s, buffer: make([]byte, 0, writerBuffer)}, nil
}

// Write adds samples to the audio. Most calls only fill a buffer. The errors are
// ErrFull and those of the underlying writer.
func (w *Writer) Write(samples []int16) error {
	for len(samples) > 0 {
		n := min(len(samples), (cap(w.buffer)-len(w.buffer))/w.spec.width())
		if n == 0 {
			if err := w.drain(); err != nil {
				return err
			}
			continue
		}
		if w.size+int64(n*w.spec.width()) > maxData {
			return ErrFull
		}
		w.buffer = w.spec.append(w.buffer, samples[:n])
		w.size += int64(n * w.spec.width())
		samples = samples[n:]
	}
	return nil
}

// Samples is the number of samples written so far, per channel.
func (w *Writer) Samples() int64 { return w.size / int64(w.spec.width()*w.spec.Channels) }

func (w *Writer) drain() error {
	_, err := w.w.Write(w.buffer)
	w.buffer = w.buffer[:0]
	if err != nil {
		return fmt.Errorf("wav: write: %w", err)
	}
	return nil
}

// Flush writes what is buffered and brings the lengths in the header up to date.
func (w *Writer) Flush() error {
	if err := w.drain(); err != nil {
		return err
	}
	if _, err := w.w.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("wav: seek to the header: %w", err)
	}
	if _, err := w.w.Write(w.spec.header(uint32(w.size))); err != nil {
		return fmt.Errorf("wav: write header: %w", err)
	}
	if _, err := w.w.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("wav: seek to the end: %w", err)
	}
	return nil
}

// Close completes the file. It does not close the underlying writer. The Writer
// must not be used afterwards.
func (w *Writer) Close() error {
	if w.size&1 == 1 { // a chunk ends at an even place
		w.buffer = append(w.buffer, 0)
	}
	return w.Flush()
}
