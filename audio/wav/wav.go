package wav

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"mediaserver/audio"
)

// DefaultLimit is the greatest size of a file [bytes] where Decode is given none.
const DefaultLimit = 20 << 20

// narrowband is the rate of every clip that Decode gives [Hz].
const narrowband = 8000

var (
	// ErrNotWAV is returned for data that is not a RIFF file of form WAVE, or
	// whose chunks do not make sense.
	ErrNotWAV = errors.New("wav: not a WAV file")
	// ErrFormat is matched (errors.Is) by every FormatError.
	ErrFormat = errors.New("wav: format not supported")
	// ErrTooLarge is returned for a file larger than the limit.
	ErrTooLarge = errors.New("wav: file too large")
	// ErrNoAudio is returned for a WAV file without a single sample.
	ErrNoAudio = errors.New("wav: no audio in the file")
)

// Encoding is the form of the samples in a file.
type Encoding uint8

// The encodings that Decode reads. PCM16, ALaw and ULaw are written.
const (
	PCM16       Encoding = iota // 16-bit linear, little endian
	PCM8                        // 8-bit unsigned linear
	ALaw                        // G.711 A-law
	ULaw                        // G.711 µ-law
	IMAADPCM                    // IMA/DVI ADPCM, 4 bit
	DialogicOKI                 // OKI or Dialogic ADPCM, 4 bit
)

// String is the name for messages, "A-law" and so on.
func (e Encoding) String() string {
	switch e {
	case PCM16:
		return "16-bit PCM"
	case PCM8:
		return "8-bit PCM"
	case ALaw:
		return "A-law"
	case ULaw:
		return "µ-law"
	case IMAADPCM:
		return "IMA ADPCM"
	case DialogicOKI:
		return "OKI ADPCM"
	}
	return "Encoding(" + strconv.Itoa(int(e)) + ")"
}

// isADPCM reports whether the audio is in whole bytes or blocks of several samples.
func (e Encoding) isADPCM() bool { return e == IMAADPCM || e == DialogicOKI }

// Info says what a file holds.
type Info struct {
	Encoding  Encoding
	Rate      int  // samples per second and channel, in the file
	Channels  int  // in the file
	Samples   int  // per channel, in the file
	Truncated bool // the file ends before its audio does; the clip holds what is there
}

// Duration is the time the audio of the file takes.
func (i Info) Duration() time.Duration {
	if i.Rate == 0 {
		return 0
	}
	return time.Duration(i.Samples) * time.Second / time.Duration(i.Rate)
}

// FormatError says what was found in a WAV file that cannot be decoded, and
// what is possible. errors.Is(err, ErrFormat) holds.
type FormatError struct {
	Tag      uint16 // WAVE format tag, RFC 2361; inside an extensible format that of the sub-format
	Bits     int    // per sample
	Rate     int    // samples per second
	Channels int
	Reason   string // what of it is not supported
}

// Error names the format found and those that are possible.
func (e *FormatError) Error() string {
	return fmt.Sprintf("wav: %s: found format tag 0x%04x (%s), %d bit, %d Hz, %d channel(s); possible are "+
		"A-law, µ-law, 8-bit PCM, IMA and OKI ADPCM at 8000 Hz with one channel, "+
		"and 16-bit PCM at 8000, 16000, 44100 or 48000 Hz with one or two",
		e.Reason, e.Tag, tagName(e.Tag), e.Bits, e.Rate, e.Channels)
}

// Is matches ErrFormat.
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

// Decode reads a WAV file of at most limit bytes (DefaultLimit if limit is 0 or
// less) and gives its audio as a clip of one channel at 8000 Hz.
//
// Errors: ErrNotWAV, ErrTooLarge, ErrNoAudio, *FormatError, or that of r. Info is
// filled in as far as the file was understood.
func Decode(r io.Reader, limit int64) (audio.Clip, Info, error) {
	return decodeFile(r, limit)
}
