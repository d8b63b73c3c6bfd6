package wav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mediaserver/audio"
)

// memory is a file in memory.
type memory struct {
	b  []byte
	at int64
}

func (m *memory) Write(p []byte) (int, error) {
	if grow := int(m.at) + len(p) - len(m.b); grow > 0 {
		m.b = append(m.b, make([]byte, grow)...)
	}
	copy(m.b[m.at:], p)
	m.at += int64(len(p))
	return len(p), nil
}

func (m *memory) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += m.at
	case io.SeekEnd:
		offset += int64(len(m.b))
	}
	m.at = offset
	return m.at, nil
}

func melody(n int) audio.Clip {
	c := audio.Clip{Rate: 8000, Samples: make([]int16, n)}
	audio.NewTone(8000, []float64{440, 1234}, -9).Read(c.Samples)
	return c
}

func TestWriterGivesTheSameFileAsEncode(t *testing.T) {
	for _, e := range []Encoding{PCM16, ALaw, ULaw} {
		for _, n := range []int{0, 1, 160, 20001, 50000} {
			c := melody(n)
			var want bytes.Buffer
			if err := Encode(&want, e, c); err != nil {
				t.Fatal(err)
			}
			var file memory
			w, err := NewWriter(&file, Spec{Encoding: e, Rate: 8000})
			if err != nil {
				t.Fatal(err)
			}
			for rest := c.Samples; len(rest) > 0; {
				k := min(163, len(rest))
				if err := w.Write(rest[:k]); err != nil {
					t.Fatal(err)
				}
				rest = rest[k:]
			}
			if w.Samples() != int64(n) {
				t.Errorf("%v: %d samples written, want %d", e, w.Samples(), n)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(file.b, want.Bytes()) {
				t.Errorf("%v, %d samples: the files differ", e, n)
			}
			if n == 0 {
				continue
			}
			back, info, err := decode(file.b)
			if err != nil || info != (Info{e, 8000, 1, n, false}) {
				t.Fatalf("%v: read back as %+v, error %v", e, info, err)
			}
			if e == PCM16 && fmt.Sprint(back.Samples) != fmt.Sprint(c.Samples) {
				t.Errorf("%d samples: read back differently", n)
			}
		}
	}
}

func TestFileOfAnInterruptedWriterCanBeRead(t *testing.T) {
	var file memory
	w, err := NewWriter(&file, Spec{Encoding: ULaw, Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(melody(writerBuffer + 100).Samples); err != nil {
		t.Fatal(err)
	}
	c, _, err := decode(file.b)
	if err != nil || len(c.Samples) != writerBuffer {
		t.Errorf("%d samples, error %v; want the %d that were written out", len(c.Samples), err, writerBuffer)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(melody(50).Samples); err != nil {
		t.Fatal(err)
	}
	c, info, err := decode(file.b)
	if err != nil || len(c.Samples) != writerBuffer+100 || info.Truncated {
		t.Errorf("%d samples, %+v, error %v; want all up to the flush", len(c.Samples), info, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if c, _, err = decode(file.b); err != nil || len(c.Samples) != writerBuffer+150 {
		t.Errorf("%d samples, error %v; want all", len(c.Samples), err)
	}
}

func TestWriterWritesTwoChannels(t *testing.T) {
	var file memory
	w, err := NewWriter(&file, Spec{Encoding: PCM16, Rate: 8000, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write([]int16{100, 300, -5, 5}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, info, err := decode(file.b)
	if err != nil || fmt.Sprint(c.Samples) != "[200 0]" || info.Channels != 2 || w.Samples() != 2 {
		t.Errorf("got %v, %+v, error %v", c.Samples, info, err)
	}
}

func TestWriterRefusesOtherForms(t *testing.T) {
	for _, s := range []Spec{
		{Encoding: PCM8, Rate: 8000},
		{Encoding: IMAADPCM, Rate: 8000},
		{Encoding: PCM16},
		{Encoding: PCM16, Rate: 8000, Channels: 3},
		{Encoding: PCM16, Rate: 8000, Channels: -1},
	} {
		if _, err := NewWriter(&memory{}, s); !errors.Is(err, ErrFormat) {
			t.Errorf("%+v: error %v, want ErrFormat", s, err)
		}
	}
	if err := Encode(io.Discard, PCM8, melody(10)); !errors.Is(err, ErrFormat) {
		t.Errorf("Encode: error %v, want ErrFormat", err)
	}
}

// full is a disk without room.
type full struct{ memory }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if len(f.b) > 0 {
		return 0, errFull
	}
	return f.memory.Write(p)
}

func TestWriterPassesOnTheErrorOfItsFile(t *testing.T) {
	w, err := NewWriter(&full{}, Spec{Encoding: PCM16, Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(melody(writerBuffer).Samples); !errors.Is(err, errFull) {
		t.Errorf("Write: error %v", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: error %v", err)
	}
}

func TestWriterDoesNotAllocate(t *testing.T) {
	file := &memory{b: make([]byte, 0, 1<<20)}
	w, err := NewWriter(file, Spec{Encoding: ALaw, Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	frame := melody(160).Samples
	if n := testing.AllocsPerRun(100, func() {
		if err := w.Write(frame); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSoxReadsOurFiles(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed")
	}
	c := melody(4001)
	for _, e := range []Encoding{PCM16, ALaw, ULaw} {
		var b bytes.Buffer
		if err := Encode(&b, e, c); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "out.wav")
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(sox, "--i", name).CombinedOutput()
		if err != nil || strings.Contains(string(out), "WARN") || !strings.Contains(string(out), "= 4001 samples") {
			t.Errorf("%v: error %v, %s", e, err, out)
		}
		want, _, err := decode(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var pcm bytes.Buffer
		cmd := exec.Command(sox, "-D", name, "-t", "raw", "-e", "signed", "-b", "16", "-")
		cmd.Stdout = &pcm
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if got := (Spec{Encoding: PCM16}).append(nil, want.Samples); !bytes.Equal(got, pcm.Bytes()) {
			t.Errorf("%v: sox reads other samples", e)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	frame := melody(160).Samples
	for _, e := range []Encoding{PCM16, ALaw} {
		b.Run(e.String(), func(b *testing.B) {
			w, err := NewWriter(discard{}, Spec{Encoding: e, Rate: 8000})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if w.size > 1<<30 {
					w.size = 0
				}
				if err := w.Write(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error)        { return len(p), nil }
func (discard) Seek(o int64, _ int) (int64, error) { return o, nil }

func Example() {
	beep := audio.Beep(8000)
	var file bytes.Buffer
	if err := Encode(&file, ULaw, beep); err != nil {
		fmt.Println(err)
		return
	}
	clip, info, err := Decode(&file, DefaultLimit)
	fmt.Println(info.Encoding, info.Rate, "Hz", clip.Duration(), err)
	// Output: µ-law 8000 Hz 200ms <nil>
}
