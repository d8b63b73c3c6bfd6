package sound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hajimehoshi/go-mp3"

	"mediaserver/audio"
)

// Format is a form of audio data.
type Format uint8

// The formats. Raw is 16 bit little-endian samples, mono.
const (
	Auto Format = iota // WAV or MP3, by its first bytes
	WAV
	Raw
	MP3
)

// String is the name of the format in the configuration.
func (f Format) String() string {
	return [...]string{"auto", "wav", "raw", "mp3"}[f]
}

// ParseFormat reads the name of a format; "" is Auto.
func ParseFormat(name string) (Format, error) {
	for f := Auto; f <= MP3; f++ {
		if name == f.String() || name == "" {
			return f, nil
		}
	}
	return Auto, fmt.Errorf("sound: %q is not one of auto, wav, raw, mp3", name)
}

// Longest is the longest speech that is taken.
const Longest = 20 * time.Minute

// Rates that are taken [Hz].
const (
	minRate = 4000
	maxRate = 96000
)

// ErrFormat is wrapped by the errors of Decode.
var ErrFormat = errors.New("sound: not usable")

// Decode reads data in format f; rate [Hz] is that of raw data. Two channels
// are mixed to one. Errors wrap ErrFormat; data without a sample is one.
func Decode(data []byte, f Format, rate int) (audio.Clip, error) {
	if len(data) == 0 {
		return audio.Clip{}, fmt.Errorf("%w: no data", ErrFormat)
	}
	if f == Auto {
		f = detect(data)
	}
	var c audio.Clip
	var err error
	switch f {
	case WAV:
		c, err = decodeWAV(data)
	case MP3:
		c, err = decodeMP3(data)
	default:
		c = audio.Clip{Rate: rate, Samples: Samples(data)}
	}
	if err != nil {
		return audio.Clip{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	switch {
	case c.Rate < minRate || c.Rate > maxRate:
		return audio.Clip{}, fmt.Errorf("%w: %d samples a second", ErrFormat, c.Rate)
	case len(c.Samples) == 0:
		return audio.Clip{}, fmt.Errorf("%w: %s data of %d bytes without a sample", ErrFormat, f, len(data))
	case c.Duration() > Longest:
		return audio.Clip{}, fmt.Errorf("%w: longer than %v", ErrFormat, Longest)
	}
	return c, nil
}

// detect tells WAV from MP3, which begins with a tag or a frame.
func detect(data []byte) Format {
	if bytes.HasPrefix(data, []byte("RIFF")) {
		return WAV
	}
	return MP3
}

// Samples reads 16 bit little-endian samples.
func Samples(data []byte) []int16 {
	s := make([]int16, len(data)/2)
	for i := range s {
		s[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return s
}

// AppendSamples writes samples as 16 bit little-endian.
func AppendSamples(dst []byte, s []int16) []byte {
	for _, v := range s {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
	}
	return dst
}

// Layout of a WAV file.
const (
	riffHeader  = 12
	chunkHeader = 8
	fmtSize     = 16
	tagPCM      = 1
	tagExtended = 0xfffe
)

// decodeWAV reads 16 bit PCM. A chunk that claims more than there is ends with
// the data.
func decodeWAV(data []byte) (audio.Clip, error) {
	if len(data) < riffHeader || string(data[:4]) != "RIFF" || string(data[8:riffHeader]) != "WAVE" {
		return audio.Clip{}, errors.New("no RIFF header of form WAVE")
	}
	data = data[riffHeader:]
	var format []byte
	for len(data) >= chunkHeader {
		id, size := string(data[:4]), int64(binary.LittleEndian.Uint32(data[4:]))
		data = data[chunkHeader:]
		body := data[:min(size, int64(len(data)))]
		switch id {
		case "fmt ":
			format = body
		case "data":
			if size == 0 { // not filled in
				body = data
			}
			return fromPCM(format, body)
		}
		data = data[min(size+size&1, int64(len(data))):]
	}
	return audio.Clip{}, errors.New("no data chunk")
}

func fromPCM(format, body []byte) (audio.Clip, error) {
	if len(format) < fmtSize {
		return audio.Clip{}, errors.New("no fmt chunk")
	}
	tag, channels := binary.LittleEndian.Uint16(format), binary.LittleEndian.Uint16(format[2:])
	rate, bits := binary.LittleEndian.Uint32(format[4:]), binary.LittleEndian.Uint16(format[14:])
	if tag != tagPCM && tag != tagExtended || bits != 16 || channels < 1 || channels > 2 {
		return audio.Clip{}, fmt.Errorf("tag %#x, %d bits, %d channels: not 16 bit PCM of one or two channels", tag, bits, channels)
	}
	s := Samples(body)
	if channels == 2 {
		s = mixDown(s)
	}
	return audio.Clip{Rate: int(min(rate, 1<<30)), Samples: s}, nil
}

// mixDown halves interleaved pairs into one channel, in place.
func mixDown(s []int16) []int16 {
	n := len(s) / 2
	for i := range n {
		s[i] = int16((int32(s[2*i]) + int32(s[2*i+1])) / 2)
	}
	return s[:n]
}

// decodeMP3 reads MPEG 1 and 2 layer 3; the decoder always gives two channels.
func decodeMP3(data []byte) (c audio.Clip, err error) {
	// Data from outside must not end the server, whatever the decoder thinks of it.
	defer func() {
		if r := recover(); r != nil {
			c, err = audio.Clip{}, fmt.Errorf("mp3: decoder failed: %v", r)
		}
	}()
	d, err := mp3.NewDecoder(bytes.NewReader(data))
	if err != nil {
		return audio.Clip{}, fmt.Errorf("mp3: %w", err)
	}
	limit := int64(Longest/time.Second) * int64(d.SampleRate()) * 4
	pcm, err := io.ReadAll(io.LimitReader(d, limit+4))
	if err != nil && len(pcm) == 0 {
		return audio.Clip{}, fmt.Errorf("mp3: %w", err)
	}
	return audio.Clip{Rate: d.SampleRate(), Samples: mixDown(Samples(pcm))}, nil
}
