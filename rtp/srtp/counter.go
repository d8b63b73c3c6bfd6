package srtp

import (
	"encoding/binary"
	"errors"

	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

// counter is one direction of a suite of AES-CM and HMAC-SHA1, by pion/srtp,
// which may keep what it is given until the next packet: so it is given memory
// of ours.
type counter struct {
	context *pion.Context
	another func() (*pion.Context, error) // makes a context of the same key
	streams int                           // heard, of RTP, which context keeps for good
	reports int                           // the same of RTCP
	header  pionrtp.Header
	control rtcp.Header
	buf     *[MaxPacket + Overhead]byte // of both directions
}

// within copies a packet into memory of ours.
func (c *counter) within(b []byte) ([]byte, error) {
	if len(b) > MaxPacket {
		return nil, errPacket
	}
	return c.buf[:copy(c.buf[:], b)], nil
}

// out copies what has become of a packet back, if it has room.
func out(b, made []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if cap(b) < len(made) {
		return nil, errPacket
	}
	b = b[:len(made)]
	copy(b, made)
	return b, nil
}

// protect is that of a context.
func (c *counter) protect(b []byte) ([]byte, error) {
	in, err := c.within(b)
	if err == nil {
		in, err = c.context.EncryptRTP(in[:0], in, &c.header)
	}
	return out(b, in, err)
}

// protectRTCP is that of a context.
func (c *counter) protectRTCP(b []byte) ([]byte, error) {
	in, err := c.within(b)
	if err == nil {
		in, err = c.context.EncryptRTCP(in[:0], in, &c.control)
	}
	return out(b, in, err)
}

// unprotect is that of a context.
func (c *counter) unprotect(b []byte) ([]byte, error) {
	if len(b) < minRTP {
		return nil, ErrForged
	}
	_, known := c.context.ROC(binary.BigEndian.Uint32(b[8:]))
	if !known && c.streams == maxStreams {
		return nil, ErrForged
	}
	plain, err := c.unprotectBy(c.context, b)
	if err == nil && !known {
		c.streams++
	}
	return plain, err
}

func (c *counter) unprotectBy(x *pion.Context, b []byte) ([]byte, error) {
	in, err := c.within(b)
	if err == nil {
		in, err = x.DecryptRTP(in[:0], in, &c.header)
	}
	return out(b, in, reason(err))
}

// unprotectRTCP is that of a context.
func (c *counter) unprotectRTCP(b []byte) ([]byte, error) {
	if len(b) < reportHeader {
		return nil, ErrForged
	}
	_, known := c.context.Index(binary.BigEndian.Uint32(b[4:]))
	if !known && c.reports == maxStreams {
		return nil, ErrForged
	}
	in, err := c.within(b)
	if err == nil {
		in, err = c.context.DecryptRTCP(in[:0], in, &c.control)
	}
	if err == nil && !known {
		c.reports++
	}
	return out(b, in, reason(err))
}

// unprotectAt unprotects a packet whose rollover counter is known. A context keeps what
// it is told of a stream, so another is asked first whether that is true.
func (c *counter) unprotectAt(b []byte, rollover uint32) ([]byte, error) {
	var memory [MaxPacket]byte
	tried := memory[:copy(memory[:], b)]
	ssrc := binary.BigEndian.Uint32(b[8:])
	x, err := c.another()
	if err != nil {
		return nil, ErrForged
	}
	x.SetROC(ssrc, rollover)
	if _, err = c.unprotectBy(x, tried); err != nil {
		return nil, err
	}
	c.context.SetROC(ssrc, rollover)
	return c.unprotect(b)
}

// replayText is the innermost error of a context for a packet that has come
// before; it has no name outside of its package.
const replayText = "duplicated packet"

// reason is what an error of a context means.
func reason(err error) error {
	if err == nil {
		return nil
	}
	if cause := errors.Unwrap(err); cause != nil && cause.Error() == replayText {
		return ErrReplayed
	}
	return ErrForged
}
