package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"mediaserver/audio"
	"mediaserver/audio/g711"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// raw reads samples of 16 bits without a header.
func raw(t testing.TB, name string) []int16 {
	t.Helper()
	b := load(t, name)
	s := make([]int16, len(b)/2)
	for i := range s {
		s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return s
}

// chunk is a chunk of a file made by hand.
type chunk struct {
	id   string
	body []byte
}

// riff makes a file of chunks.
func riff(chunks ...chunk) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVE")
	for _, c := range chunks {
		b = append(b, c.id...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(c.body)))
		b = append(b, c.body...)
		if len(c.body)&1 == 1 {
			b = append(b, 0)
		}
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

// fmtChunk makes a plain fmt chunk.
func fmtChunk(tag, channels, rate, align, bits int) chunk {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*align))
	b = le.AppendUint16(b, uint16(align))
	b = le.AppendUint16(b, uint16(bits))
	return chunk{"fmt ", b}
}

// extensible makes a fmt chunk with a sub-format.
func extensible(tag, channels, rate, align, bits int) chunk {
	c := fmtChunk(tagExtensible, channels, rate, align, bits)
	le := binary.LittleEndian
	c.body = le.AppendUint16(c.body, 22)
	c.body = le.AppendUint16(c.body, uint16(bits))
	c.body = le.AppendUint32(c.body, 4)
	c.body = le.AppendUint16(c.body, uint16(tag))
	c.body = append(c.body, mediaSubtype()...)
	return c
}

func decode(b []byte) (audio.Clip, Info, error) { return Decode(bytes.NewReader(b), 0) }

func TestDecodeGivesTheSamplesThatSoxGives(t *testing.T) {
	wrapped := func(tag int, vox string) []byte {
		return riff(fmtChunk(tag, 1, 8000, 1, 4), chunk{"data", load(t, vox)})
	}
	tests := map[string]struct {
		file []byte
		want []int16
		info Info
	}{
		"16-bit PCM":        {load(t, "pcm16.wav"), raw(t, "pcm16.s16"), Info{PCM16, 8000, 1, 2000, false}},
		"8-bit PCM":         {load(t, "pcm8.wav"), raw(t, "pcm8.s16"), Info{PCM8, 8000, 1, 2000, false}},
		"A-law":             {load(t, "alaw.wav"), raw(t, "alaw.s16"), Info{ALaw, 8000, 1, 2000, false}},
		"µ-law":             {load(t, "ulaw.wav"), raw(t, "ulaw.s16"), Info{ULaw, 8000, 1, 2000, false}},
		"IMA ADPCM":         {load(t, "ima.wav"), raw(t, "ima.s16")[:2000], Info{IMAADPCM, 8000, 1, 2000, false}},
		"IMA ADPCM, loud":   {load(t, "hard-ima.wav"), raw(t, "hard-ima.s16")[:800], Info{IMAADPCM, 8000, 1, 800, false}},
		"OKI ADPCM":         {wrapped(tagOKI, "oki.vox"), raw(t, "oki.s16"), Info{DialogicOKI, 8000, 1, 2000, false}},
		"Dialogic ADPCM":    {wrapped(tagDialogicOKI, "oki.vox"), raw(t, "oki.s16"), Info{DialogicOKI, 8000, 1, 2000, false}},
		"odd chunks before": {riff(chunk{"LIST", []byte("odd")}, fmtChunk(1, 1, 8000, 2, 16), chunk{"junk", nil}, chunk{"data", []byte{1, 0, 2, 0}}), []int16{1, 2}, Info{PCM16, 8000, 1, 2, false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, info, err := decode(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if info != tt.info {
				t.Errorf("info %+v, want %+v", info, tt.info)
			}
			if c.Rate != 8000 || len(c.Samples) != len(tt.want) {
				t.Fatalf("%d samples at %d Hz, want %d at 8000 Hz", len(c.Samples), c.Rate, len(tt.want))
			}
			for i, v := range c.Samples {
				if v != tt.want[i] {
					t.Fatalf("sample %d is %d, want %d", i, v, tt.want[i])
				}
			}
		})
	}
}

// TestOKIOverloadStopsAtTwelveBits covers input that the coder cannot follow. A
// sample stops at 2047, which is 32752 in 16 bits; sox stops at 32767 and keeps
// the difference until the next stop at the other end.
func TestOKIOverloadStopsAtTwelveBits(t *testing.T) {
	got, want := decodeOKI(load(t, "hard.vox")), raw(t, "hard.s16")
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	stopped := false
	for i, v := range got {
		if d := int(want[i]) - int(v); d < 0 || d > 15 || v&15 != 0 {
			t.Fatalf("sample %d is %d, sox gives %d", i, v, want[i])
		}
		stopped = stopped || v == 2047<<4
	}
	if !stopped {
		t.Error("no sample is at the limit")
	}
}

func TestADPCMFilesSoundLikeTheirOriginal(t *testing.T) {
	original := raw(t, "pcm16.s16")
	okiFile := riff(fmtChunk(tagOKI, 1, 8000, 1, 4), chunk{"data", load(t, "oki.vox")})
	for name, file := range map[string][]byte{"IMA": load(t, "ima.wav"), "OKI": okiFile} {
		c, _, err := decode(file)
		if err != nil {
			t.Fatal(err)
		}
		noise := make([]int32, len(original))
		audio.Set(noise, c.Samples)
		audio.Sub(noise, original)
		var energy uint64
		for _, v := range noise {
			energy += uint64(int64(v) * int64(v))
		}
		if snr := 10 * math.Log10(float64(audio.Energy(original))/float64(energy)); snr < 15 {
			t.Errorf("%s: signal to noise %.1f dB, want 15", name, snr)
		}
	}
}

func TestDecodeConvertsWidebandAndStereo(t *testing.T) {
	for _, rate := range []int{16000, 44100, 48000} {
		c, info, err := decode(load(t, fmt.Sprintf("stereo-%d.wav", rate)))
		if err != nil {
			t.Fatal(err)
		}
		if want := (Info{PCM16, rate, 2, rate / 10, false}); info != want {
			t.Errorf("%d Hz: info %+v, want %+v", rate, info, want)
		}
		if c.Rate != 8000 || len(c.Samples) != 800 {
			t.Fatalf("%d Hz: %d samples at %d Hz, want 800 at 8000 Hz", rate, len(c.Samples), c.Rate)
		}
		// Each channel has half the amplitude in the mean of the two.
		for _, f := range []float64{500, 2000} {
			if got := audio.ToneLevel(c.Samples, 8000, f); math.Abs(got-(-6-6.02-3.01)) > 0.3 {
				t.Errorf("%d Hz: tone of %v Hz at %.2f dBov, want -15.03", rate, f, got)
			}
		}
	}
}

// TestDecodeMixesDownRecordingsOfTwoSides plays back what a recording in mode
// separate is: G.711 with a channel for each side.
func TestDecodeMixesDownRecordingsOfTwoSides(t *testing.T) {
	pcm := []int16{1000, 3000, -8000, 0, 0, 0}
	for tag, encode := range map[int]func(dst []byte, src []int16) int{6: g711.EncodeALaw, 7: g711.EncodeULaw} {
		b := make([]byte, len(pcm))
		encode(b, pcm)
		c, info, err := decode(riff(fmtChunk(tag, 2, 8000, 2, 8), chunk{"data", b}))
		if err != nil || info.Channels != 2 || info.Samples != 3 || len(c.Samples) != 3 {
			t.Fatalf("tag %d: %d samples, %+v, %v", tag, len(c.Samples), info, err)
		}
		for i, want := range []int16{2000, -4000, 0} {
			if d := c.Samples[i] - want; d < -100 || d > 100 {
				t.Errorf("tag %d: sample %d is %d, want %d", tag, i, c.Samples[i], want)
			}
		}
	}
}

func TestDecodeMixesTwoChannelsWithoutOverflow(t *testing.T) {
	data := []byte{0xFF, 0x7F, 0xFF, 0x7F, 0x00, 0x80, 0x00, 0x80, 0xFF, 0x7F, 0x00, 0x80, 10, 0, 20, 0}
	c, info, err := decode(riff(fmtChunk(1, 2, 8000, 4, 16), chunk{"data", data}))
	if err != nil {
		t.Fatal(err)
	}
	want := []int16{32767, -32768, 0, 15}
	if fmt.Sprint(c.Samples) != fmt.Sprint(want) || info.Samples != 4 {
		t.Errorf("got %v, info %+v, want %v", c.Samples, info, want)
	}
}

func TestDecodeReadsExtensibleFormats(t *testing.T) {
	tests := map[string]struct {
		format chunk
		want   Encoding
	}{
		"16-bit": {extensible(tagPCM, 1, 8000, 2, 16), PCM16},
		"8-bit":  {extensible(tagPCM, 1, 8000, 1, 8), PCM8},
		"A-law":  {extensible(tagALaw, 1, 8000, 1, 8), ALaw},
	}
	for name, tt := range tests {
		_, info, err := decode(riff(tt.format, chunk{"data", make([]byte, 8)}))
		if err != nil || info.Encoding != tt.want {
			t.Errorf("%s: read as %v, error %v", name, info.Encoding, err)
		}
	}
	odd := extensible(tagPCM, 1, 8000, 2, 16)
	odd.body[30]++
	if _, _, err := decode(riff(odd, chunk{"data", make([]byte, 8)})); !errors.Is(err, ErrFormat) {
		t.Errorf("unknown sub-format: error %v, want ErrFormat", err)
	}
}

// withSize changes the size that the data chunk of file claims, and that of the
// whole file to whole if that is not negative.
func withSize(file []byte, data uint32, whole int64) []byte {
	file = bytes.Clone(file)
	at := bytes.Index(file, []byte("data"))
	binary.LittleEndian.PutUint32(file[at+4:], data)
	if whole >= 0 {
		binary.LittleEndian.PutUint32(file[4:], uint32(whole))
	}
	return file
}

func TestDecodePlaysDamagedFilesAsFarAsTheyGo(t *testing.T) {
	pcm := riff(fmtChunk(1, 1, 8000, 2, 16), chunk{"data", make([]byte, 100)})
	ima := load(t, "ima.wav")
	tests := map[string]struct {
		file      []byte
		samples   int
		truncated bool
	}{
		"whole":                            {pcm, 50, false},
		"cut after 20 samples":             {pcm[:len(pcm)-60], 20, true},
		"cut in the middle of a sample":    {pcm[:len(pcm)-61], 19, true},
		"length beyond the end":            {withSize(pcm, 5000, -1), 50, true},
		"length of a pipe":                 {withSize(pcm, 0xFFFFFFFF, 0xFFFFFFFF), 50, false},
		"length of sox into a pipe":        {withSize(pcm, 0x7FFFF000, 0x7FFFF024), 50, false},
		"interrupted before the lengths":   {withSize(pcm, 0, 0), 50, true},
		"interrupted with empty lengths":   {withSize(pcm, 0, 36), 50, true},
		"bytes after the audio":            {append(bytes.Clone(pcm), "LIST\x04\x00\x00\x00abcd"...), 50, false},
		"IMA ADPCM cut in a block":         {ima[:len(ima)-300], 505*2 + 505 - 2*44, true},
		"IMA ADPCM cut in a block header":  {ima[:len(ima)-253], 505 * 3, true},
		"IMA ADPCM with an index too high": {withByte(ima, 60+2, 200), 2000, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, info, err := decode(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Samples) != tt.samples || info.Truncated != tt.truncated {
				t.Errorf("%d samples, truncated %v; want %d, %v", len(c.Samples), info.Truncated, tt.samples, tt.truncated)
			}
		})
	}
}

func withByte(file []byte, at int, v byte) []byte {
	file = bytes.Clone(file)
	file[at] = v
	return file
}

func TestDecodeRefusesWhatIsNoTelephoneAudio(t *testing.T) {
	data := chunk{"data", make([]byte, 64)}
	tests := map[string]struct {
		file []byte
		says string
	}{
		"24 bit":             {load(t, "pcm24.wav"), "sample size not supported: found format tag 0x0001 (PCM), 24 bit, 16000 Hz, 1 channel"},
		"floating point":     {load(t, "float.wav"), "encoding not supported: found format tag 0x0003 (floating point)"},
		"Microsoft ADPCM":    {load(t, "msadpcm.wav"), "0x0002 (Microsoft ADPCM)"},
		"GSM":                {load(t, "gsm.wav"), "0x0031 (GSM 6.10)"},
		"unknown encoding":   {riff(fmtChunk(0x1234, 1, 8000, 1, 8), data), "0x1234 (unknown)"},
		"other rate":         {riff(fmtChunk(1, 1, 11025, 2, 16), data), "sample rate not supported"},
		"no rate":            {riff(fmtChunk(1, 1, 0, 2, 16), data), "sample rate not supported"},
		"no channel":         {riff(fmtChunk(1, 0, 8000, 2, 16), data), "number of channels not supported"},
		"three channels":     {riff(fmtChunk(1, 3, 8000, 6, 16), data), "number of channels not supported"},
		"A-law of three":     {riff(fmtChunk(6, 3, 8000, 3, 8), data), "number of channels not supported"},
		"A-law at 16 kHz":    {riff(fmtChunk(6, 2, 16000, 2, 8), data), "sample rate not supported"},
		"A-law of 16 kHz":    {riff(fmtChunk(6, 1, 16000, 1, 8), data), "sample rate not supported"},
		"8-bit in stereo":    {riff(fmtChunk(1, 2, 8000, 2, 8), data), "number of channels not supported"},
		"µ-law of 16 bit":    {riff(fmtChunk(7, 1, 8000, 1, 16), data), "sample size not supported"},
		"IMA without blocks": {riff(fmtChunk(0x11, 1, 8000, 0, 4), data), "block size not supported"},
		"IMA of 3 bit":       {riff(fmtChunk(0x11, 1, 8000, 256, 3), data), "sample size not supported"},
		"short extensible":   {riff(fmtChunk(tagExtensible, 1, 8000, 2, 16), data), "unknown extensible sub-format"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := decode(tt.file)
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("error %v, want ErrFormat", err)
			}
			if _, ok := errors.AsType[*FormatError](err); !ok {
				t.Errorf("error of type %T, want *FormatError", err)
			}
			for _, says := range []string{tt.says, "possible are A-law"} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("error %q does not say %q", err, says)
				}
			}
		})
	}
}

func TestDecodeNamesOtherFaults(t *testing.T) {
	pcm := fmtChunk(1, 1, 8000, 2, 16)
	tests := map[string]struct {
		file []byte
		want error
		says string
	}{
		"nothing":              {nil, ErrNotWAV, "RIFF header"},
		"text":                 {[]byte("<html>not found</html>"), ErrNotWAV, "RIFF header"},
		"other form":           {[]byte("RIFF\x04\x00\x00\x00AVI "), ErrNotWAV, "RIFF header"},
		"big-endian":           {[]byte("RIFX\x04\x00\x00\x00WAVE"), ErrNotWAV, "RIFF header"},
		"no chunk":             {riff(), ErrNotWAV, "no fmt chunk"},
		"no fmt chunk":         {riff(chunk{"LIST", make([]byte, 9)}), ErrNotWAV, "no fmt chunk"},
		"data first":           {riff(chunk{"data", make([]byte, 9)}, pcm), ErrNotWAV, "before a fmt chunk"},
		"short fmt chunk":      {riff(chunk{"fmt ", make([]byte, 9)}), ErrNotWAV, "fmt chunk has 9 bytes"},
		"chunk beyond the end": {withByte(riff(pcm, chunk{"LIST", nil}), 40, 9), ErrNotWAV, `"LIST" chunk goes beyond`},
		"no data chunk":        {riff(pcm), ErrNoAudio, "no audio"},
		"empty data chunk":     {riff(pcm, chunk{"data", nil}), ErrNoAudio, "no audio"},
		"empty before another": {riff(pcm, chunk{"data", nil}, chunk{"LIST", make([]byte, 9)}), ErrNoAudio, "no audio"},
		"half a sample":        {riff(pcm, chunk{"data", []byte{1}}), ErrNoAudio, "no audio"},
		"less than a sample":   {riff(fmtChunk(1, 1, 48000, 2, 16), chunk{"data", make([]byte, 4)}), ErrNoAudio, "no audio"},
		"half a block header":  {riff(fmtChunk(0x11, 1, 8000, 256, 4), chunk{"data", []byte{1, 2, 3}}), ErrNoAudio, "no audio"},
		"cut before the audio": {withSize(riff(pcm, chunk{"data", nil}), 100, -1), ErrNoAudio, "no audio"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := decode(tt.file)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %v that says %q", err, tt.want, tt.says)
			}
		})
	}
}

func TestDecodeKeepsToTheLimit(t *testing.T) {
	file := riff(fmtChunk(1, 1, 8000, 2, 16), chunk{"data", make([]byte, 100)})
	n := int64(len(file))
	if _, _, err := Decode(bytes.NewReader(file), n); err != nil {
		t.Errorf("file as large as the limit: %v", err)
	}
	if _, _, err := Decode(bytes.NewReader(file), n-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("file one byte larger than the limit: error %v, want ErrTooLarge", err)
	}
	endless := io.MultiReader(bytes.NewReader(file), zeros{})
	if _, _, err := Decode(endless, 1<<16); !errors.Is(err, ErrTooLarge) {
		t.Errorf("file without an end: error %v, want ErrTooLarge", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestDecodePassesOnTheErrorOfItsReader(t *testing.T) {
	broken := errors.New("connection lost")
	if _, _, err := Decode(iotest.ErrReader(broken), 0); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the reader", err)
	}
}

func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob("testdata/*.wav")
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range names {
		b := load(f, filepath.Base(name))
		f.Add(b[:min(len(b), 700)])
	}
	f.Add(riff(fmtChunk(tagOKI, 1, 8000, 1, 4), chunk{"data", load(f, "hard.vox")}))
	f.Add(riff(extensible(tagPCM, 2, 48000, 4, 16), chunk{"fact", make([]byte, 4)}, chunk{"data", make([]byte, 400)}))
	f.Fuzz(func(t *testing.T, file []byte) {
		const limit = 1 << 16
		c, info, err := Decode(bytes.NewReader(file), limit)
		if err != nil {
			if !errors.Is(err, ErrNotWAV) && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrNoAudio) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("error without a name: %v", err)
			}
			return
		}
		if c.Rate != 8000 || len(c.Samples) == 0 || len(c.Samples) > 2*len(file) {
			t.Fatalf("%d bytes give %d samples at %d Hz, %+v", len(file), len(c.Samples), c.Rate, info)
		}
		var again bytes.Buffer
		if err := Encode(&again, PCM16, c); err != nil {
			t.Fatal(err)
		}
		back, _, err := Decode(&again, 0)
		if err != nil || fmt.Sprint(back.Samples) != fmt.Sprint(c.Samples) {
			t.Fatalf("written and read again it is different, error %v", err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"pcm16", "alaw", "ima", "stereo-48000"} {
		file := load(b, name+".wav")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if _, _, err := decode(file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
