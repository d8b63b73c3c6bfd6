package wav

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

// WAVE format tags, RFC 2361.
const (
	tagPCM         = 0x0001
	tagALaw        = 0x0006
	tagULaw        = 0x0007
	tagOKI         = 0x0010
	tagIMA         = 0x0011
	tagDialogicOKI = 0x0017
	tagExtensible  = 0xFFFE
)

// tagName is the name of the tags one meets; for messages.
func tagName(tag uint16) string {
	switch tag {
	case tagPCM:
		return "PCM"
	case tagALaw:
		return "A-law"
	case tagULaw:
		return "µ-law"
	case tagOKI, tagDialogicOKI:
		return "OKI ADPCM"
	case tagIMA:
		return "IMA ADPCM"
	case tagExtensible:
		return "extensible"
	case 0x0002:
		return "Microsoft ADPCM"
	case 0x0003:
		return "floating point"
	case 0x0031:
		return "GSM 6.10"
	case 0x0040, 0x0014, 0x0064, 0x0045:
		return "G.72x ADPCM"
	case 0x0050, 0x0055:
		return "MPEG audio"
	}
	return "unknown"
}

// unknownLength is the size from which the length in a chunk header is taken
// to mean "until the end": programs that write to a pipe put a value like this.
const unknownLength = 0x7FFFF000

// header is what the chunks before the audio say.
type header struct {
	format format
	fact   uint32 // samples per channel, 0 if not known
}

// format is the fmt chunk.
type format struct {
	tag      uint16
	channels int
	rate     int
	align    int // bytes of one block
	bits     int
	block    int // samples of one block, IMA ADPCM
}

func decodeFile(r io.Reader, limit int64) (audio.Clip, Info, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	file, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return audio.Clip{}, Info{}, fmt.Errorf("wav: read: %w", err)
	}
	if int64(len(file)) > limit {
		return audio.Clip{}, Info{}, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	h, data, truncated, err := parseChunks(file)
	if err != nil {
		return audio.Clip{}, Info{}, err
	}
	info := Info{Rate: h.format.rate, Channels: h.format.channels, Truncated: truncated}
	if info.Encoding, err = h.format.encoding(); err != nil {
		return audio.Clip{}, info, err
	}
	samples := h.samples(info.Encoding, data)
	if n := int(h.fact); info.Encoding.isADPCM() && n > 0 && n < len(samples) && !truncated {
		samples = samples[:n] // the rest only fills up the last block
	}
	info.Samples = len(samples) / info.Channels
	if info.Channels == 2 {
		samples = mixDown(samples)
	}
	clip, err := audio.Resample(audio.Clip{Rate: info.Rate, Samples: samples}, narrowband)
	if err != nil {
		return audio.Clip{}, info, fmt.Errorf("wav: %w", err)
	}
	if len(clip.Samples) == 0 {
		return audio.Clip{}, info, ErrNoAudio
	}
	return clip, info, nil
}

// parseChunks walks over the chunks of file up to the end of its data chunk.
func parseChunks(file []byte) (h header, data []byte, truncated bool, err error) {
	const riffHeader, chunkHeader = 12, 8
	if len(file) < riffHeader || string(file[0:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return h, nil, false, fmt.Errorf("%w: it does not begin with a RIFF header of form WAVE", ErrNotWAV)
	}
	whole := binary.LittleEndian.Uint32(file[4:8])
	hasFormat := false
	rest := file[riffHeader:]
	for len(rest) >= chunkHeader {
		id, size := string(rest[0:4]), binary.LittleEndian.Uint32(rest[4:8])
		body := rest[chunkHeader:]
		if id == "data" {
			if !hasFormat {
				return h, nil, false, fmt.Errorf("%w: its data chunk comes before a fmt chunk", ErrNotWAV)
			}
			// A writer that fills in the sizes at its end has begun with none, or
			// with those of a file without audio.
			before := int64(len(file) - len(body))
			unsealed := int64(whole)+chunkHeader <= before || whole >= unknownLength
			data, truncated = dataChunk(body, size, unsealed)
			return h, data, truncated, nil
		}
		if int64(size) > int64(len(body)) {
			return h, nil, false, fmt.Errorf("%w: its %q chunk goes beyond the end of the file", ErrNotWAV, id)
		}
		switch id {
		case "fmt ":
			if h.format, err = parseFormat(body[:size]); err != nil {
				return h, nil, false, err
			}
			hasFormat = true
		case "fact":
			if size >= 4 {
				h.fact = binary.LittleEndian.Uint32(body)
			}
		}
		rest = body[min(int64(size)+int64(size&1), int64(len(body))):] // chunks begin at even places
	}
	if !hasFormat {
		return h, nil, false, fmt.Errorf("%w: it has no fmt chunk", ErrNotWAV)
	}
	return h, nil, false, ErrNoAudio
}

// dataChunk is the audio in body, the file from the start of the data on, of
// which the header claims size bytes.
func dataChunk(body []byte, size uint32, unsealed bool) (data []byte, truncated bool) {
	switch {
	case size >= unknownLength:
		return body, false
	case size == 0 && unsealed: // the writer was interrupted
		return body, len(body) > 0
	case int64(size) > int64(len(body)):
		return body, true
	}
	return body[:size], false
}

// parseFormat reads a fmt chunk.
func parseFormat(b []byte) (format, error) {
	const plain, extensible = 16, 40
	if len(b) < plain {
		return format{}, fmt.Errorf("%w: its fmt chunk has %d bytes", ErrNotWAV, len(b))
	}
	le := binary.LittleEndian
	f := format{
		tag:      le.Uint16(b),
		channels: int(le.Uint16(b[2:])),
		rate:     int(le.Uint32(b[4:])),
		align:    int(le.Uint16(b[12:])),
		bits:     int(le.Uint16(b[14:])),
	}
	switch {
	case f.tag == tagExtensible:
		if len(b) < extensible || !bytes.Equal(b[26:40], mediaSubtype()) {
			return f, f.unsupported("unknown extensible sub-format")
		}
		f.tag = le.Uint16(b[24:])
	case f.tag == tagIMA && len(b) >= plain+4:
		f.block = int(le.Uint16(b[18:]))
	}
	return f, nil
}

// mediaSubtype is the part of a sub-format GUID after the format tag,
// KSDATAFORMAT_SUBTYPE_WAVEFORMATEX.
func mediaSubtype() []byte {
	return []byte{0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71}
}

func (f format) unsupported(reason string) error {
	return &FormatError{Tag: f.tag, Bits: f.bits, Rate: f.rate, Channels: f.channels, Reason: reason}
}

// encoding tells what f is, or why it is not supported.
func (f format) encoding() (Encoding, error) {
	var e Encoding
	bits := 8
	switch {
	case f.tag == tagPCM && f.bits == 16:
		e, bits = PCM16, 16
	case f.tag == tagPCM && f.bits == 8:
		e = PCM8
	case f.tag == tagPCM:
		return 0, f.unsupported("sample size not supported")
	case f.tag == tagALaw:
		e = ALaw
	case f.tag == tagULaw:
		e = ULaw
	case f.tag == tagIMA:
		e, bits = IMAADPCM, 4
	case f.tag == tagOKI || f.tag == tagDialogicOKI:
		e, bits = DialogicOKI, 4
	default:
		return 0, f.unsupported("encoding not supported")
	}
	linear, logarithmic := e == PCM16, e == ALaw || e == ULaw
	switch {
	case f.bits != bits:
		return 0, f.unsupported("sample size not supported")
	case f.channels != 1 && !((linear || logarithmic) && f.channels == 2):
		return 0, f.unsupported("number of channels not supported")
	case f.rate != narrowband && !(linear && (f.rate == 16000 || f.rate == 44100 || f.rate == 48000)):
		return 0, f.unsupported("sample rate not supported")
	case e == IMAADPCM && (f.align < imaHeader || f.align%4 != 0):
		return 0, f.unsupported("block size not supported")
	}
	return e, nil
}

// samples decodes the data of encoding e; the channels stay interleaved.
func (h header) samples(e Encoding, data []byte) []int16 {
	switch e {
	case PCM16:
		s := make([]int16, len(data)/2/h.format.channels*h.format.channels)
		for i := range s {
			s[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
		}
		return s
	case PCM8:
		s := make([]int16, len(data))
		for i, v := range data {
			s[i] = (int16(v) - 128) << 8
		}
		return s
	case ALaw, ULaw:
		s := make([]int16, len(data))
		if e == ALaw {
			g711.DecodeALaw(s, data)
		} else {
			g711.DecodeULaw(s, data)
		}
		return s
	case IMAADPCM:
		return decodeIMA(data, h.format.align, h.format.block)
	case DialogicOKI:
		return decodeOKI(data)
	}
	return nil
}

// mixDown makes one channel of two: their mean.
func mixDown(s []int16) []int16 {
	mono := make([]int16, len(s)/2)
	for i := range mono {
		mono[i] = int16(math.RoundToEven((float64(s[2*i]) + float64(s[2*i+1])) / 2))
	}
	return mono
}
