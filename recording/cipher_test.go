package recording

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
)

// TestCheckValue is the check value of the protocol.
func TestCheckValue(t *testing.T) {
	s := newSealer(testCipher(t))
	if got := hex.EncodeToString(s.seal([]byte("hello"))); got != "32f6d6ea1ec8872debccea8596d9c3c3" {
		t.Errorf("got %s", got)
	}
}

func TestBadCiphersAreRefused(t *testing.T) {
	for _, tc := range []struct{ key, vector string }{
		{"", testVector},
		{testKey, ""},
		{testKey[2:], testVector},
		{testKey + "00", testVector},
		{testKey, testVector + "00"},
		{"zz" + testKey[2:], testVector},
		{testKey, testVector[1:]},
		{testKey + " ", testVector},
	} {
		_, err := ParseAESCBC(tc.key, tc.vector)
		if !errors.Is(err, ErrCipher) {
			t.Errorf("%q %q: %v", tc.key, tc.vector, err)
		}
		if err != nil && len(tc.key) > 8 && strings.Contains(err.Error(), tc.key[2:10]) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	for _, r := range []string{"", "age1", "age1qqqq", "AGE-SECRET-KEY-1QQQQ", "ssh-ed25519 AAAA"} {
		if _, err := Age(r); !errors.Is(err, ErrCipher) {
			t.Errorf("%q: %v", r, err)
		}
	}
}

// TestCipherShowsNoKey: however it is printed.
func TestCipherShowsNoKey(t *testing.T) {
	c := testCipher(t)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cipher", c, "options", Options{Cipher: c})
	text, err := json.Marshal(map[string]any{"cipher": c, "options": Options{Cipher: c}})
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		all += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, Options{Cipher: c})
	}
	for _, secret := range []string{"000102", "0x1, 0x2", "1 2 3", "101112", "16 17 18"} {
		if strings.Contains(strings.ToLower(all), secret) {
			t.Errorf("found %q in %s", secret, all)
		}
	}
	if !strings.Contains(all, "aescbc") || c.IsZero() || !(Cipher{}).IsZero() || (Cipher{}).String() != "none" {
		t.Error("type")
	}
}

// TestSealedFileIsCompleteAfterEveryPiece: whatever the sizes of the pieces,
// and if writing one failed before it worked.
func TestSealedFileIsCompleteAfterEveryPiece(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		c := testCipher(t)
		s := newSealer(c)
		var clear, onDisk []byte
		for range 30 {
			piece := make([]byte, rnd.IntN(70))
			for i := range piece {
				piece[i] = byte(rnd.Uint32())
			}
			if rnd.IntN(4) == 0 {
				s.seal(piece) // fails
			}
			out := s.seal(piece)
			onDisk = append(onDisk[:s.at], out...)
			s.commit(piece)
			clear = append(clear, piece...)
			if got := decrypted(t, c, onDisk); !bytes.Equal(got, clear) {
				t.Fatalf("%d clear bytes, want %d", len(got), len(clear))
			}
		}
	}
}

// record writes frames over several flushes and returns the name of the file.
func record(t testing.TB, s *Store, o Options, frames int64) string {
	t.Helper()
	r := open(t, s, o)
	for i := range frames {
		r.Write(i, sine(i, 440, 6000), sine(i, 1320, 3000), 0)
		if i%20 == 19 {
			time.Sleep(flushEvery)
		}
	}
	result := closed(t, r)
	if want := time.Duration(frames) * 20 * time.Millisecond; result.Duration != want || result.Lost != 0 {
		t.Errorf("%+v, want %v", result, want)
	}
	return result.Filename
}

// TestEncryptedRecording: what is behind it is byte for byte the file in clear,
// with exact lengths, for crypto/cipher and for openssl.
func TestEncryptedRecording(t *testing.T) {
	for _, bits := range []int{128, 192, 256} {
		for _, frames := range []int64{0, 1, 3, 1000} {
			t.Run(fmt.Sprintf("AES-%d/%d frames", bits, frames), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, dir := newTestStore(t, Config{})
					key := strings.Repeat(testKey, 2)[:bits/4]
					c, err := ParseAESCBC(key, testVector)
					if err != nil {
						t.Fatal(err)
					}
					plain := record(t, s, options(), frames)
					o := options()
					o.Cipher = c
					name := record(t, s, o, frames)
					want := read(t, dir, plain)
					parseExact(t, want)
					sealed := read(t, dir, name)
					if got := decrypted(t, c, sealed); !bytes.Equal(got, want) {
						t.Errorf("%d bytes differ from the %d in clear", len(got), len(want))
					}
					checkStandardLibrary(t, key, sealed, want)
					checkOpenSSL(t, bits, key, filepath.Join(dir, name), want)
				})
			})
		}
	}
}

func checkStandardLibrary(t *testing.T, key string, sealed, want []byte) {
	t.Helper()
	k, _ := hex.DecodeString(key)
	v, _ := hex.DecodeString(testVector)
	block, err := aes.NewCipher(k)
	if err != nil {
		t.Fatal(err)
	}
	b := slices.Clone(sealed)
	cipher.NewCBCDecrypter(block, v).CryptBlocks(b, b)
	if pad := int(b[len(b)-1]); !bytes.Equal(b[:len(b)-pad], want) {
		t.Error("crypto/cipher gives something else")
	}
}

// checkOpenSSL decrypts a file with openssl. The vector is testVector, unless
// there are other arguments.
func checkOpenSSL(t *testing.T, bits int, key, name string, want []byte, vector ...string) {
	t.Helper()
	if vector == nil {
		vector = []string{"-iv", testVector}
	}
	args := append([]string{"enc", "-d", fmt.Sprintf("-aes-%d-cbc", bits), "-in", name, "-K", key}, vector...)
	got, err := exec.Command("openssl", args...).Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Log("no openssl here")
		return
	}
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("openssl gives %d bytes, %v", len(got), err)
	}
}

// TestNothingInClear: at no time while a recording is made.
func TestNothingInClear(t *testing.T) {
	for _, c := range []Cipher{testCipher(t), testAge(t)} {
		t.Run(c.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, dir := newTestStore(t, Config{})
				o := options()
				o.Cipher = c
				r := open(t, s, o)
				look := func() {
					files, _ := filepath.Glob(filepath.Join(dir, directory, "*/*/*/*"))
					for _, f := range files {
						b, err := os.ReadFile(f)
						if err != nil {
							t.Fatal(err)
						}
						for _, clear := range []string{"RIFF", "WAVE", "\xd5\xd5\xd5\xd5\xd5\xd5", "\x00\x01\x02\x03\x04", testKey} {
							if bytes.Contains(b, []byte(clear)) {
								t.Errorf("%s contains %q", f, clear)
							}
						}
						info, err := os.Stat(f)
						if err != nil || info.Mode().Perm() != 0o600 {
							t.Errorf("%s: mode %v", f, info.Mode())
						}
					}
				}
				look()
				for i := range int64(100) {
					r.Write(i, nil, nil, 0)
					if i%20 == 0 {
						time.Sleep(flushEvery + time.Millisecond)
						look()
					}
				}
				closed(t, r)
				look()
			})
		})
	}
}

// TestAgeRecording decrypts to the file in clear, and nothing else is left.
func TestAgeRecording(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, frames := range []int64{0, 1, 50, 1500} {
		t.Run(fmt.Sprint(frames, " frames"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, dir := newTestStore(t, Config{})
				plain := record(t, s, options(), frames)
				o := options()
				if o.Cipher, err = Age(identity.Recipient().String()); err != nil {
					t.Fatal(err)
				}
				name := record(t, s, o, frames)
				r, err := age.Decrypt(bytes.NewReader(read(t, dir, name)), identity)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, read(t, dir, plain)) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				if files, _ := filepath.Glob(filepath.Join(dir, directory, "*/*/*/*")); len(files) != 2 {
					t.Errorf("left over: %q", files)
				}
			})
		})
	}
}

// TestResealDyingLeavesOneBadBlock: where the process died, the rest can be
// decrypted.
func TestResealDyingLeavesOneBadBlock(t *testing.T) {
	c := testCipher(t)
	clear := make([]byte, 5*copyBlocks)
	for i := range clear {
		clear[i] = byte(i / 100)
	}
	f := &memFile{data: slices.Clone(newSealer(c).seal(clear))}
	f.failAfter = 3 // reads and writes
	if err := reseal(f, c, int64(len(f.data)), []byte("HEAD")); err == nil {
		t.Fatal("did not fail")
	}
	got := decrypted(t, c, f.data)
	bad := 0
	for at := 0; at < len(clear); at += aes.BlockSize {
		if !bytes.Equal(got[at:at+16], clear[at:at+16]) {
			bad++
		}
	}
	if string(got[:4]) != "HEAD" || bad != 2 {
		t.Errorf("%d bad blocks, that of the new beginning included; begins %q", bad, got[:4])
	}
}
