package sound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

// file makes a WAV file with the sizes given.
func file(riff, data uint32, tag, channels, bits uint16, rate uint32, samples ...int16) []byte {
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), riff)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, tag)
	b = binary.LittleEndian.AppendUint16(b, channels)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*uint32(channels)*2)
	b = binary.LittleEndian.AppendUint16(b, 2*channels)
	b = binary.LittleEndian.AppendUint16(b, bits)
	b = append(b, "LIST\x03\x00\x00\x00abc\x00data"...) // a chunk of odd size
	b = binary.LittleEndian.AppendUint32(b, data)
	return AppendSamples(b, samples)
}

// silentMP3 is n frames of MPEG 1 layer 3 at 44.1 kHz and 128 kbit/s whose side
// information is all zero: silence.
func silentMP3(n int) []byte {
	const frame = 417 // bytes
	b := make([]byte, n*frame)
	for i := range n {
		copy(b[i*frame:], []byte{0xff, 0xfb, 0x90, 0x00})
	}
	return b
}

func TestDecode(t *testing.T) {
	for name, tt := range map[string]struct {
		data    []byte
		format  Format
		rate    int
		samples []int16
		want    int // rate, 0 if it is an error
	}{
		"WAV":                                    {file(58, 4, 1, 1, 16, 22050, 1, -2), Auto, 0, []int16{1, -2}, 22050},
		"WAV of unknown length, as of espeak-ng": {file(0x7ffff024, 0x7ffff000, 1, 1, 16, 22050, 1, -2), WAV, 0, []int16{1, -2}, 22050},
		"WAV of length -1":                       {file(0xffffffff, 0xffffffff, 1, 1, 16, 24000, 5), Auto, 0, []int16{5}, 24000},
		"WAV of length 0":                        {file(0, 0, 1, 1, 16, 24000, 5), Auto, 0, []int16{5}, 24000},
		"two channels are mixed":                 {file(0, 8, 1, 2, 16, 48000, 100, 200, 32767, 32767), WAV, 0, []int16{150, 32767}, 48000},
		"8 bit WAV is not taken":                 {file(0, 8, 1, 1, 8, 8000, 1), WAV, 0, nil, 0},
		"float WAV is not taken":                 {file(0, 8, 3, 1, 32, 8000, 1), WAV, 0, nil, 0},
		"a rate of zero is not taken":            {file(0, 8, 1, 1, 16, 0, 1), WAV, 0, nil, 0},
		"a rate of 4 GHz is not taken":           {file(0, 8, 1, 1, 16, 0xffffffff, 1), WAV, 0, nil, 0},
		"WAV without data":                       {file(0, 8, 1, 1, 16, 8000)[:40], WAV, 0, nil, 0},
		"raw":                                    {[]byte{1, 0, 255, 255, 7}, Raw, 16000, []int16{1, -1}, 16000},
		"half a sample":                          {[]byte{1}, Raw, 16000, nil, 0},
		"nothing":                                {nil, Auto, 0, nil, 0},
		"text":                                   {[]byte(`{"error":"quota"}`), Auto, 0, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Decode(tt.data, tt.format, tt.rate)
			if c.Rate != tt.want || !slices.Equal(c.Samples, tt.samples) || (err != nil) != (tt.want == 0) {
				t.Errorf("got %+v, error %v", c, err)
			}
			if err != nil && !errors.Is(err, ErrFormat) {
				t.Errorf("error %v does not wrap ErrFormat", err)
			}
		})
	}
}

func TestDecodeMP3(t *testing.T) {
	for _, data := range [][]byte{silentMP3(20), append([]byte("ID3\x03\x00\x00\x00\x00\x00\x04abcd"), silentMP3(20)...)} {
		c, err := Decode(data, Auto, 0)
		if err != nil || c.Rate != 44100 || len(c.Samples) < 18*1152 || len(c.Samples) > 20*1152 {
			t.Fatalf("%d samples at %d Hz, error %v", len(c.Samples), c.Rate, err)
		}
		if audio.Energy(c.Samples) != 0 {
			t.Error("silence is not silent")
		}
	}
}

func TestDecodeReadsWhatWeWrite(t *testing.T) {
	tone := audio.ToneClip(8000, []float64{440}, -10, 200*time.Millisecond, 0)
	var b bytes.Buffer
	if err := wav.Encode(&b, wav.PCM16, tone); err != nil {
		t.Fatal(err)
	}
	if c, err := Decode(b.Bytes(), Auto, 0); err != nil || !slices.Equal(c.Samples, tone.Samples) {
		t.Errorf("%d samples, error %v", len(c.Samples), err)
	}
}

func TestTooLongIsAnError(t *testing.T) {
	if _, err := Decode(make([]byte, 2*8000*21*60), Raw, 8000); !errors.Is(err, ErrFormat) {
		t.Errorf("error %v, want ErrFormat", err)
	}
}

func TestParseFormat(t *testing.T) {
	for name, want := range map[string]Format{"": Auto, "auto": Auto, "wav": WAV, "raw": Raw, "mp3": MP3} {
		if f, err := ParseFormat(name); f != want || err != nil {
			t.Errorf("%q: %v, error %v", name, f, err)
		}
	}
	if _, err := ParseFormat("ogg"); err == nil {
		t.Error("ogg: no error")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(file(58, 4, 1, 1, 16, 22050, 1, -2), uint8(0))
	f.Add(file(0xffffffff, 0, 1, 2, 16, 48000, 1, -2), uint8(1))
	f.Add(silentMP3(3), uint8(3))
	f.Add(append([]byte("ID3\x03\x00\x00\x00\x00\x00\x04abcd"), silentMP3(2)...), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, format uint8) {
		if len(data) > 1<<16 {
			return
		}
		c, err := Decode(data, Format(format%4), 8000)
		switch {
		case err != nil && !errors.Is(err, ErrFormat):
			t.Errorf("error %v does not wrap ErrFormat", err)
		case err == nil && (c.Rate < minRate || c.Rate > maxRate || len(c.Samples) == 0):
			t.Errorf("%d samples at %d Hz", len(c.Samples), c.Rate)
		}
	})
}
