package recording

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
)

// ErrDecrypt is returned for data that was not encrypted with the cipher.
var ErrDecrypt = errors.New("recording: cannot decrypt")

// NewDecrypter gives the clear bytes of what r holds, encrypted by AESCBC. Its
// errors are ErrDecrypt, which CBC may find at the end only or not at all, and
// those of r. An age file cannot be decrypted with what it was encrypted with.
func NewDecrypter(r io.Reader, c Cipher) io.Reader {
	d := &decrypter{r: r}
	if c.block == nil {
		d.err = fmt.Errorf("%w: no AES key", ErrDecrypt)
		return d
	}
	d.mode = cipher.NewCBCDecrypter(c.block, c.vector[:])
	return d
}

// decrypter holds the last block back until it is known whether it is the last.
type decrypter struct {
	r     io.Reader
	mode  cipher.BlockMode
	err   error
	buf   [32 * aes.BlockSize]byte
	in    int    // bytes in buf, the first `clear` of them decrypted
	clear int    // at buf[0:]
	out   []byte // of buf, yet to be given out
}

func (d *decrypter) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.fill()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// fill decrypts what comes next into out.
func (d *decrypter) fill() {
	copy(d.buf[:], d.buf[d.clear:d.in]) // of the time before
	d.in -= d.clear
	d.clear = 0
	n, err := io.ReadFull(d.r, d.buf[d.in:])
	d.in += n
	switch {
	case err == nil:
		d.clear = d.in - aes.BlockSize
		d.mode.CryptBlocks(d.buf[:d.clear], d.buf[:d.clear])
		d.out = d.buf[:d.clear]
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.last()
	default:
		d.err = err
	}
}

// last decrypts the end and takes the padding off, RFC 5652 §6.3.
func (d *decrypter) last() {
	b := d.buf[:d.in]
	if len(b) == 0 || len(b)%aes.BlockSize != 0 {
		d.err = fmt.Errorf("%w: no whole number of blocks", ErrDecrypt)
		return
	}
	d.mode.CryptBlocks(b, b)
	pad := int(b[len(b)-1])
	if pad < 1 || pad > aes.BlockSize || !bytes.Equal(b[len(b)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		d.err = fmt.Errorf("%w: bad padding; wrong key?", ErrDecrypt)
		return
	}
	d.out, d.err = b[:len(b)-pad], io.EOF
}
