package call

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testCipher has the key and vector of the protocol's check value.
func testCipher(t *testing.T) *Cipher {
	t.Helper()
	return &Cipher{Key: unhex(t, "000102030405060708090a0b0c0d0e0f"), IV: unhex(t, "101112131415161718191a1b1c1d1e1f")}
}

// encipher is AES-CBC with PKCS#7 padding.
func encipher(t *testing.T, c *Cipher, plain []byte) []byte {
	t.Helper()
	n := aes.BlockSize - len(plain)%aes.BlockSize
	return encipherBlocks(t, c, append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...))
}

// encipherBlocks is AES-CBC without padding.
func encipherBlocks(t *testing.T, c *Cipher, plain []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, c.IV).CryptBlocks(out, plain)
	return out
}

func TestDecipherCheckValue(t *testing.T) {
	plain, err := testCipher(t).decipher(bytes.NewReader(unhex(t, "32f6d6ea1ec8872debccea8596d9c3c3")))
	if err != nil || string(plain) != "hello" {
		t.Errorf("%q, %v", plain, err)
	}
}

func TestDecipher(t *testing.T) {
	c := testCipher(t)
	with := func(tail ...byte) []byte {
		return encipherBlocks(t, c, append(make([]byte, aes.BlockSize-len(tail)), tail...))
	}
	for _, tt := range []struct {
		name   string
		cipher *Cipher
		data   []byte
		plain  int // bytes, -1: cannot be deciphered
	}{
		{"a whole block of padding", c, encipher(t, c, make([]byte, 32)), 32},
		{"a byte of padding", c, encipher(t, c, make([]byte, 31)), 31},
		{"nothing but padding", c, encipher(t, c, nil), 0},
		{"a key of 24 bytes", &Cipher{Key: make([]byte, 24), IV: c.IV}, encipher(t, &Cipher{Key: make([]byte, 24), IV: c.IV}, make([]byte, 5)), 5},
		{"a key of 32 bytes", &Cipher{Key: make([]byte, 32), IV: c.IV}, encipher(t, &Cipher{Key: make([]byte, 32), IV: c.IV}, make([]byte, 5)), 5},
		{"no data", c, nil, -1},
		{"half a block", c, make([]byte, 24), -1},
		{"padding of 0", c, with(0), -1},
		{"padding of 17", c, with(17), -1},
		{"padding of two kinds", c, with(3, 2, 3), -1},
		{"a key of 15 bytes", &Cipher{Key: make([]byte, 15), IV: c.IV}, make([]byte, 16), -1},
		{"a vector of 15 bytes", &Cipher{Key: c.Key, IV: make([]byte, 15)}, make([]byte, 16), -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plain, err := tt.cipher.decipher(bytes.NewReader(tt.data))
			if tt.plain < 0 {
				if !errors.Is(err, errCipher) {
					t.Errorf("%d bytes, %v, want %v", len(plain), err, errCipher)
				}
				return
			}
			if err != nil || len(plain) != tt.plain {
				t.Errorf("%d bytes, %v, want %d", len(plain), err, tt.plain)
			}
		})
	}
}

func TestStoreDeciphers(t *testing.T) {
	c := testCipher(t)
	other := &Cipher{Key: c.Key, IV: bytes.Repeat([]byte{9}, 16)} // damages the RIFF header
	plain := wavFile(t, 440)
	store := NewStore(fstest.MapFS{
		"secret.wav": {Data: encipher(t, c, plain.Data)},
		"text.wav":   {Data: encipher(t, c, []byte("no sound"))},
		"cut.wav":    {Data: encipher(t, c, plain.Data)[:161]},
		"plain.wav":  plain,
	})
	for _, tt := range []struct {
		name    string
		item    MediaItem
		samples int
		err     error
	}{
		{"with its key", MediaItem{File: "secret.wav", Cipher: c}, 800, nil},
		{"with another vector", MediaItem{File: "secret.wav", Cipher: other}, 0, ErrMediaInvalid},
		{"with another key", MediaItem{File: "secret.wav", Cipher: &Cipher{Key: c.IV, IV: c.IV}}, 0, ErrMediaInvalid},
		{"without a key", MediaItem{File: "secret.wav"}, 0, ErrMediaInvalid},
		{"again with its key", MediaItem{File: "secret.wav", Cipher: c}, 800, nil},
		{"what is no audio", MediaItem{File: "text.wav", Cipher: c}, 0, ErrMediaInvalid},
		{"a file cut short", MediaItem{File: "cut.wav", Cipher: c}, 0, ErrMediaInvalid},
		{"what is not encrypted", MediaItem{File: "plain.wav", Cipher: c}, 0, ErrMediaInvalid},
		{"what is not there", MediaItem{File: "none.wav", Cipher: c}, 0, ErrMediaNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clip, err := store.Load(t.Context(), tt.item)
			if !errors.Is(err, tt.err) || len(clip.Samples) != tt.samples {
				t.Errorf("%d samples, %v; want %d, %v", len(clip.Samples), err, tt.samples, tt.err)
			}
		})
	}
}

func TestDecodeMediaBoundsEncryptedFiles(t *testing.T) {
	c := testCipher(t)
	_, err := DecodeMedia(bytes.NewReader(make([]byte, MaxMediaFile+2*aes.BlockSize)), MediaItem{Cipher: c})
	if !errors.Is(err, ErrMediaInvalid) || !errors.Is(err, wav.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestKeysAreNotShown(t *testing.T) {
	c := testCipher(t)
	item := MediaItem{File: "a.wav", Cipher: c}
	_, err := NewStore(fstest.MapFS{"a.wav": wavFile(t, 440)}).Load(t.Context(), item)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "item", item, "cipher", c, "value", *c, "error", err)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "item", item, "cipher", c, "value", *c, "error", err)
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s", c, c, c, *c) + fmt.Sprintf("%v %+v %v", item, item, err)
	for _, part := range []string{"00010203", "10111213", "0 1 2 3", "16 17 18", "0x1", "\x01\x02", "AAECAw"} {
		if strings.Contains(shown, part) {
			t.Errorf("%q is shown in %s", part, shown)
		}
	}
}

func TestSourcesAskTheLoaderForTheKind(t *testing.T) {
	var asked MediaItem
	web := loaderFunc(func(item MediaItem) (audio.Clip, error) { asked = item; return audio.Clip{}, nil })
	item := MediaItem{URL: "http://a.test/b.wav", Hosts: []string{"a.test"}, Cipher: testCipher(t)}
	if _, err := (Sources{Web: web}).Load(t.Context(), item); err != nil || asked.URL != item.URL || asked.Cipher != item.Cipher || len(asked.Hosts) != 1 {
		t.Errorf("%+v, %v", asked, err)
	}
}

type loaderFunc func(item MediaItem) (audio.Clip, error)

func (f loaderFunc) Load(_ context.Context, item MediaItem) (audio.Clip, error) { return f(item) }
