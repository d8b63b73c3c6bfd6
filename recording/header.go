package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

// maxAudio is the greatest size of the audio of a repaired file [bytes].
const maxAudio = math.MaxUint32 - maxHeader - 16

// maxHeader is how far the audio of a file may be from its beginning.
const maxHeader = 4096

// errHeader is returned for data that does not begin as a WAV file does.
var errHeader = errors.New("recording: no WAV header")

// newHeader is the file up to the first sample. Its lengths mean "until the end
// of the file".
func newHeader(f audio.Format, m Mode, e Encoding) ([]byte, error) {
	spec := wav.Spec{Encoding: wav.ALaw, Rate: f.Rate, Channels: channels(m)}
	if e == ULaw {
		spec.Encoding = wav.ULaw
	}
	h, err := spec.OpenHeader()
	if err != nil {
		return nil, fmt.Errorf("make the header: %w", err)
	}
	return h, nil
}

// layout says where in a header the lengths are.
type layout struct {
	audio int // of the first sample, and the number of bytes before it
	align int // bytes of the samples of one instant
	fact  int // of the number of instants; 0: there is none
}

// parseHeader finds the layout of the file that begins with b.
func parseHeader(b []byte) (layout, error) {
	var l layout
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return l, errHeader
	}
	for at := 12; at+8 <= len(b); {
		id, size := string(b[at:at+4]), binary.LittleEndian.Uint32(b[at+4:])
		at += 8
		if id == "data" {
			l.audio = at
			if l.align == 0 {
				return l, errHeader
			}
			return l, nil
		}
		if uint64(at)+uint64(size) > uint64(len(b)) {
			return l, errHeader
		}
		switch {
		case id == "fmt " && size >= 16:
			l.align = int(binary.LittleEndian.Uint16(b[at+12:]))
		case id == "fact" && size >= 4:
			l.fact = at
		}
		at += int(size) + int(size&1)
	}
	return l, errHeader
}

// setLengths writes into the header b, which has the layout, that n bytes of
// audio follow.
func (l layout) setLengths(b []byte, n uint32) {
	le := binary.LittleEndian
	le.PutUint32(b[4:], uint32(l.audio)-8+n+n&1)
	if l.fact > 0 {
		le.PutUint32(b[l.fact:], n/uint32(l.align))
	}
	le.PutUint32(b[l.audio-4:], n)
}
