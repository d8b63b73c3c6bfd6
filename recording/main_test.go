package recording

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"mediaserver/audio/g711"
	"mediaserver/internal/leaktest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirectory); dir != "" {
		recordUntilKilled(dir)
		return
	}
	leaktest.Main(m)
}

var start = time.Date(2026, 3, 2, 10, 0, 2, 0, time.UTC)

// options are of a whole-call recording of a secondary call.
func options() Options {
	return Options{InstanceID: "a1b2c3d4e5f60718.55", Call: 2, Start: start}
}

const optionsName = "/rest_api/recordings/2026/03/02/10_00_02_a1b2c3d4e5f60718.55_2_call.wav"

// run runs a store until the test ends.
func run(t testing.TB, s *Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
}

// newTestStore makes a store in a directory of its own, and runs it.
func newTestStore(t testing.TB, cfg Config) (*Store, string) {
	t.Helper()
	if cfg.Directory == "" {
		cfg.Directory = t.TempDir()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := NewStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s, cfg.Directory
}

func open(t testing.TB, s *Store, o Options) *Recording {
	t.Helper()
	r, err := s.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func closed(t testing.TB, r *Recording) Result {
	t.Helper()
	result, err := r.Close(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// sine is frame number n of a tone.
func sine(n int64, freq, peak float64) []int16 {
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = int16(math.Round(peak * math.Sin(2*math.Pi*freq*float64(n*160+int64(i))/8000)))
	}
	return pcm
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// parsed is a WAV file, taken apart without the code under test.
type parsed struct {
	tag, channels int
	audio         []byte
}

// parseExact takes a file of ours apart and checks all its lengths.
func parseExact(t testing.TB, b []byte) parsed {
	t.Helper()
	le := binary.LittleEndian
	if len(b) < 58 || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[50:54]) != "data" {
		t.Fatalf("no WAV file: %q", b[:min(len(b), 64)])
	}
	n := le.Uint32(b[54:])
	w := parsed{int(le.Uint16(b[20:])), int(le.Uint16(b[22:])), nil}
	if int(le.Uint32(b[4:])) != len(b)-8 || int(n+n&1) != len(b)-58 || int(le.Uint32(b[46:])) != int(n)/w.channels {
		t.Fatalf("lengths %d, %d, %d in a file of %d bytes", le.Uint32(b[4:]), le.Uint32(b[46:]), n, len(b))
	}
	w.audio = b[58 : 58+n]
	return w
}

// linear decodes one channel of a file.
func (w parsed) linear(channel int) []int16 {
	var one []byte
	for i := channel; i < len(w.audio); i += w.channels {
		one = append(one, w.audio[i])
	}
	pcm := make([]int16, len(one))
	if w.tag == 6 {
		g711.DecodeALaw(pcm, one)
	} else {
		g711.DecodeULaw(pcm, one)
	}
	return pcm
}

// coded is pcm after A-law and back.
func coded(pcm []int16) []int16 {
	b := make([]byte, len(pcm))
	g711.EncodeALaw(b, pcm)
	out := make([]int16, len(pcm))
	g711.DecodeALaw(out, b)
	return out
}

// decrypted is what is behind an encrypted file, whose padding must be right.
func decrypted(t testing.TB, c Cipher, b []byte) []byte {
	t.Helper()
	if len(b) == 0 || len(b)%aes.BlockSize != 0 {
		t.Fatalf("%d bytes, not whole blocks", len(b))
	}
	clear := make([]byte, len(b))
	cipher.NewCBCDecrypter(c.block, c.vector[:]).CryptBlocks(clear, b)
	n := int(clear[len(b)-1])
	if n < 1 || n > aes.BlockSize || !bytes.Equal(clear[len(b)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		t.Fatalf("bad padding: %x", clear[len(b)-aes.BlockSize:])
	}
	return clear[:len(b)-n]
}

func testCipher(t testing.TB) Cipher {
	t.Helper()
	c, err := ParseAESCBC(testKey, testVector)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testAge is a cipher for a recipient that nobody is.
func testAge(t testing.TB) Cipher {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Age(identity.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	testKey    = "000102030405060708090a0b0c0d0e0f"
	testVector = "101112131415161718191A1B1C1D1E1F"
)
