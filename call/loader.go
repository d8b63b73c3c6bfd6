package call

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"mediaserver/audio"
	"mediaserver/audio/wav"
)

// MaxMediaFile is the largest audio file that is played, as it is stored or
// fetched [bytes].
const MaxMediaFile = 20 << 20

// Loader turns an element of a playlist into audio at the engine's rate. Its
// errors wrap ErrMediaNotFound, ErrMediaInvalid or ErrSpeech; one that wraps
// ErrTruncated comes with the audio there is. A Loader is safe for concurrent
// use.
type Loader interface {
	Load(ctx context.Context, item MediaItem) (audio.Clip, error)
}

// Sources is a Loader that hands each element to the Loader for its kind.
// Files is required; without the others addresses and text are refused.
type Sources struct {
	Files  Loader // of elements with File
	Web    Loader // of elements with URL
	Speech Loader // of elements with Text
}

// Load loads one element.
func (s Sources) Load(ctx context.Context, item MediaItem) (audio.Clip, error) {
	switch {
	case item.Text != "" && s.Speech == nil:
		return audio.Clip{}, fmt.Errorf("%w: no speech engine is configured", ErrSpeech)
	case item.Text != "":
		return s.Speech.Load(ctx, item)
	case item.URL != "" && s.Web == nil:
		return audio.Clip{}, fmt.Errorf("%w: media from an address is not configured", ErrMediaInvalid)
	case item.URL != "":
		return s.Web.Load(ctx, item)
	default:
		return s.Files.Load(ctx, item)
	}
}

// errCipher tells nothing more: the reason could help to guess the key.
var errCipher = errors.New("cannot be deciphered")

// DecodeMedia reads the audio file of an element, deciphered if the element
// has a Cipher; the whole file is encrypted then, not only its samples. Its
// errors wrap ErrMediaInvalid; one that wraps ErrTruncated comes with the
// audio there is. It says nothing of where the file came from.
func DecodeMedia(r io.Reader, item MediaItem) (audio.Clip, error) {
	if item.Cipher != nil {
		plain, err := item.Cipher.decipher(r)
		if err != nil {
			return audio.Clip{}, fmt.Errorf("%w: %w", ErrMediaInvalid, err)
		}
		r = bytes.NewReader(plain)
	}
	clip, info, err := wav.Decode(r, MaxMediaFile)
	switch {
	case err != nil:
		return audio.Clip{}, fmt.Errorf("%w: %w", ErrMediaInvalid, err)
	case len(clip.Samples) == 0:
		return audio.Clip{}, fmt.Errorf("%w: no audio in it", ErrMediaInvalid)
	case info.Truncated:
		return clip, ErrTruncated
	}
	return clip, nil
}

// decipher reads a whole encrypted file. CBC is NIST SP 800-38A §6.2, the
// padding RFC 5652 §6.3.
func (c *Cipher) decipher(r io.Reader) ([]byte, error) {
	block, err := aes.NewCipher(c.Key)
	if err != nil || len(c.IV) != aes.BlockSize {
		return nil, errCipher
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxMediaFile+aes.BlockSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > MaxMediaFile+aes.BlockSize:
		return nil, wav.ErrTooLarge
	case len(data) == 0 || len(data)%aes.BlockSize != 0:
		return nil, errCipher
	}
	cipher.NewCBCDecrypter(block, c.IV).CryptBlocks(data, data)
	padding := int(data[len(data)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errCipher
	}
	text, tail := data[:len(data)-padding], data[len(data)-padding:]
	for _, b := range tail {
		if int(b) != padding {
			return nil, errCipher
		}
	}
	return text, nil
}

// Digest stands for the key and vector in keys of caches; "" for no cipher.
func (c *Cipher) Digest() string {
	if c == nil {
		return ""
	}
	h := sha256.New()
	h.Write(c.Key) // 16, 24 or 32 bytes; the vector behind it always 16
	h.Write(c.IV)
	return hex.EncodeToString(h.Sum(nil))
}

// MarshalText hides the key, also from JSON and loggers.
func (c Cipher) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
