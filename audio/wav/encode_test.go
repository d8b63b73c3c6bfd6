package wav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mediaserver/audio"
)

func melody(n int) audio.Clip {
	c := audio.Clip{Rate: 8000, Samples: make([]int16, n)}
	audio.NewTone(8000, []float64{440, 1234}, -9).Read(c.Samples)
	return c
}

func TestEncodedFilesAreReadBack(t *testing.T) {
	for _, e := range []Encoding{PCM16, ALaw, ULaw} {
		for _, n := range []int{1, 160, 20001} {
			c := melody(n)
			var file bytes.Buffer
			if err := Encode(&file, e, c); err != nil {
				t.Fatal(err)
			}
			back, info, err := decode(file.Bytes())
			if err != nil || info != (Info{e, 8000, 1, n, false}) {
				t.Fatalf("%v: read back as %+v, error %v", e, info, err)
			}
			if e == PCM16 && !slices.Equal(back.Samples, c.Samples) {
				t.Errorf("%d samples: read back differently", n)
			}
		}
	}
}

// TestOpenFilesCanBeReadAtAnyTime: a header without lengths, and what has been
// written by then.
func TestOpenFilesCanBeReadAtAnyTime(t *testing.T) {
	for _, s := range []Spec{{Encoding: ULaw, Rate: 8000}, {Encoding: ALaw, Rate: 8000, Channels: 2}, {Encoding: PCM16, Rate: 16000, Channels: 2}} {
		file, err := s.OpenHeader()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := decode(file); !errors.Is(err, ErrNoAudio) {
			t.Errorf("%+v: nothing written, error %v", s, err)
		}
		channels := max(1, s.Channels)
		file = s.append(file, melody(800*channels).Samples)
		if _, info, err := decode(file); err != nil || info != (Info{s.Encoding, s.Rate, channels, 800, false}) {
			t.Errorf("%+v: read as %+v, error %v", s, info, err)
		}
	}
}

func TestOtherFormsAreRefused(t *testing.T) {
	for _, s := range []Spec{
		{Encoding: PCM8, Rate: 8000},
		{Encoding: IMAADPCM, Rate: 8000},
		{Encoding: PCM16},
		{Encoding: PCM16, Rate: 8000, Channels: 3},
		{Encoding: PCM16, Rate: 8000, Channels: -1},
	} {
		if _, err := s.OpenHeader(); !errors.Is(err, ErrFormat) {
			t.Errorf("%+v: error %v, want ErrFormat", s, err)
		}
	}
	if err := Encode(io.Discard, PCM8, melody(10)); !errors.Is(err, ErrFormat) {
		t.Errorf("Encode: error %v, want ErrFormat", err)
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestEncodePassesOnTheErrorOfItsFile(t *testing.T) {
	if err := Encode(full{}, PCM16, melody(10)); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
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
