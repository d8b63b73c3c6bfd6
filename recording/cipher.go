package recording

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"filippo.io/age"
)

// ErrCipher is matched by errors of bad keys, vectors and recipients. Their
// text does not contain them.
var ErrCipher = errors.New("recording: bad cipher")

// Cipher says how a recording is encrypted; the zero value: not at all. It
// shows nothing of its key when it is printed, logged or turned into JSON.
type Cipher struct {
	block     cipher.Block // of AES-CBC
	vector    [aes.BlockSize]byte
	recipient *age.X25519Recipient // of age
}

// AESCBC is AES in CBC mode with PKCS#7 padding. The key has 16, 24 or 32
// bytes, the initialisation vector 16.
func AESCBC(key, vector []byte) (Cipher, error) {
	if len(vector) != aes.BlockSize {
		return Cipher{}, fmt.Errorf("%w: initialisation vector of %d bytes", ErrCipher, len(vector))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return Cipher{}, fmt.Errorf("%w: key of %d bytes", ErrCipher, len(key))
	}
	return Cipher{block: block, vector: [aes.BlockSize]byte(vector)}, nil
}

// ParseAESCBC is AESCBC with key and vector as hexadecimal digits.
func ParseAESCBC(key, vector string) (Cipher, error) {
	k, err := hex.DecodeString(key)
	if err != nil {
		return Cipher{}, fmt.Errorf("%w: key is not hexadecimal", ErrCipher)
	}
	v, err := hex.DecodeString(vector)
	if err != nil {
		return Cipher{}, fmt.Errorf("%w: initialisation vector is not hexadecimal", ErrCipher)
	}
	return AESCBC(k, v)
}

// Age is encryption for an age recipient, "age1…".
func Age(recipient string) (Cipher, error) {
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return Cipher{}, fmt.Errorf("%w: not an age recipient", ErrCipher)
	}
	return Cipher{recipient: r}, nil
}

// IsZero reports whether nothing is encrypted.
func (c Cipher) IsZero() bool { return c.block == nil && c.recipient == nil }

// String is the type as in the protocol, "aescbc" or "age"; "none" for zero.
func (c Cipher) String() string {
	switch {
	case c.block != nil:
		return "aescbc"
	case c.recipient != nil:
		return "age"
	}
	return "none"
}

// Format prints String, whatever the verb.
func (c Cipher) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// LogValue is String.
func (c Cipher) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String.
func (c Cipher) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// sessionKey makes the key of one recording for an age recipient, and what is
// kept of it on the disk while the recording is being made.
func sessionKey(recipient *age.X25519Recipient) (c Cipher, wrapped []byte, err error) {
	var random [32 + aes.BlockSize]byte
	if _, err := rand.Read(random[:]); err != nil {
		return Cipher{}, nil, fmt.Errorf("random key: %w", err)
	}
	if c, err = AESCBC(random[:32], random[32:]); err != nil {
		return Cipher{}, nil, err
	}
	var b buffer
	w, err := age.Encrypt(&b, recipient)
	if err == nil {
		// The arguments of openssl.
		_, err = fmt.Fprintf(w, "-K %x -iv %x\n", random[:32], random[32:])
	}
	if err == nil {
		err = w.Close()
	}
	clear(random[:])
	if err != nil {
		return Cipher{}, nil, fmt.Errorf("wrap the key: %w", err)
	}
	return c, b, nil
}

// buffer is memory to write to.
type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// sealer makes an AES-CBC file of what is appended to it, complete after each
// piece: the padding is overwritten by the next.
type sealer struct {
	cipher Cipher
	last   [aes.BlockSize]byte // of the whole blocks so far, or the vector
	at     int64               // of what follows them in the file
	tail   []byte              // clear bytes behind the last whole block
	out    []byte              // what is to be written at `at`
}

func newSealer(c Cipher) *sealer {
	return &sealer{cipher: c, last: c.vector, tail: make([]byte, 0, aes.BlockSize)}
}

// seal encrypts p, with padding. The result is to be written at s.at; commit
// then says that it was.
func (s *sealer) seal(p []byte) []byte {
	s.out = append(append(s.out[:0], s.tail...), p...)
	pad := aes.BlockSize - len(s.out)%aes.BlockSize
	for range pad {
		s.out = append(s.out, byte(pad))
	}
	cipher.NewCBCEncrypter(s.cipher.block, s.last[:]).CryptBlocks(s.out, s.out)
	return s.out
}

// commit goes on behind p.
func (s *sealer) commit(p []byte) {
	n := len(s.tail) + len(p)
	whole := n - n%aes.BlockSize
	rest := n - whole
	if whole > 0 {
		copy(s.last[:], s.out[whole-aes.BlockSize:])
		s.tail = append(s.tail[:0], p[len(p)-rest:]...)
	} else {
		s.tail = append(s.tail, p...)
	}
	s.at += int64(whole)
}

// copyBlocks is how much is read at once of a file that is encrypted anew.
const copyBlocks = 64 << 10

// reseal encrypts the file of size bytes again, in place, with another
// beginning. A process that dies meanwhile leaves one block that cannot be
// decrypted, where it was: the rest is chained to the bytes before it only.
func reseal(f file, c Cipher, size int64, head []byte) error {
	dec := cipher.NewCBCDecrypter(c.block, c.vector[:])
	enc := cipher.NewCBCEncrypter(c.block, c.vector[:])
	buf := make([]byte, min(copyBlocks, size))
	for at := int64(0); at < size; {
		b := buf[:min(int64(len(buf)), size-at)]
		if _, err := f.ReadAt(b, at); err != nil {
			return fmt.Errorf("read to complete: %w", err)
		}
		dec.CryptBlocks(b, b)
		if at == 0 {
			copy(b, head)
		}
		enc.CryptBlocks(b, b)
		if _, err := f.WriteAt(b, at); err != nil {
			return fmt.Errorf("write to complete: %w", err)
		}
		at += int64(len(b))
	}
	return nil
}

// toAge writes what is in the AES file of clear bytes to dst as an age file,
// with another beginning.
func toAge(dst io.Writer, recipient *age.X25519Recipient, f file, c Cipher, clear int64, head []byte) error {
	w, err := age.Encrypt(dst, recipient)
	if err != nil {
		return fmt.Errorf("begin the age file: %w", err)
	}
	dec := cipher.NewCBCDecrypter(c.block, c.vector[:])
	buf := make([]byte, copyBlocks)
	for at := int64(0); at < clear; {
		n := min(copyBlocks, clear-at)
		b := buf[:(n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize]
		if _, err := f.ReadAt(b, at); err != nil {
			return fmt.Errorf("read to complete: %w", err)
		}
		dec.CryptBlocks(b, b)
		if at == 0 {
			copy(b, head)
		}
		if _, err := w.Write(b[:n]); err != nil {
			return fmt.Errorf("write the age file: %w", err)
		}
		at += n
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("end the age file: %w", err)
	}
	return nil
}
