package srtp

import (
	"encoding/binary"
	"errors"

	"github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

const (
	// Overhead is by how much a packet can grow at most: the tag, and for RTCP
	// the index [bytes].
	Overhead = 16 + 4
	// MaxPacket is the longest packet that can be unprotected [bytes].
	MaxPacket = 1500
	// replayWindow is how many packets late one may be [packets].
	replayWindow = 128
	// oldPackets is for how many packets in the new key the old one is kept:
	// packets in it may still be under way.
	oldPackets = 100
	// lostCount is how many packets in a row have to be refused before the rollover
	// counter of the far end is taken for one more than ours.
	lostCount = 32
)

// What Unprotect may return.
var (
	// ErrForged: not protected with the key that was agreed on.
	ErrForged = errors.New("srtp: not authentic")
	// ErrReplayed: a packet that has come before, or is too old to tell.
	ErrReplayed = errors.New("srtp: replayed")
)

// Session protects what is sent and unprotects what is received.
type Session struct {
	keys   Keys
	send   *pion.Context
	recv   *pion.Context
	before *pion.Context // of what came until the key changed, nil if it did not
	fresh  int           // packets that have come since
	failed int           // RTP packets refused in a row

	header  pionrtp.Header
	control rtcp.Header
	buf     [MaxPacket]byte
}

// New makes a session. An error is ErrKey.
func New(k Keys) (*Session, error) { return (*Session)(nil).With(k) }

// With makes the session that follows s, which may be nil, when other keys were
// agreed on. Where a key is the same, its context goes on: rollover counter and
// replay window are kept. s must not be used any more once the result is; until
// then both may exist.
func (s *Session) With(k Keys) (*Session, error) {
	next := &Session{keys: k}
	same := s != nil && s.keys.Suite == k.Suite
	var err error
	if same && s.keys.Send == k.Send {
		next.send = s.send
	} else if next.send, err = k.Suite.context(k.Send); err != nil {
		return nil, err
	}
	if same && s.keys.Receive == k.Receive {
		next.recv, next.before, next.fresh, next.failed = s.recv, s.before, s.fresh, s.failed
		return next, nil
	}
	if s != nil {
		next.before = s.recv
	}
	next.recv, err = k.Suite.context(k.Receive, pion.SRTPReplayProtection(replayWindow), pion.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, err
	}
	return next, nil
}

// Keys are those in effect.
func (s *Session) Keys() Keys { return s.keys }

// Tag is by how much Protect makes a packet longer [bytes].
func (s *Session) Tag() int { return s.keys.Suite.info().tag }

// Protect protects the RTP packet in place and returns it, longer by the tag.
// Its capacity must be its length and Tag at least.
func (s *Session) Protect(packet []byte) ([]byte, error) {
	return s.send.EncryptRTP(packet[:0], packet, &s.header)
}

// ProtectRTCP is Protect for a compound RTCP packet, which needs Overhead.
func (s *Session) ProtectRTCP(packet []byte) ([]byte, error) {
	return s.send.EncryptRTCP(packet[:0], packet, &s.control)
}

// Unprotect returns the RTP packet within, in memory that is valid until the
// next call; packet stays as it is. Errors: ErrForged, ErrReplayed.
func (s *Session) Unprotect(packet []byte) ([]byte, error) {
	b, err := s.unprotect(packet, (*Session).decryptRTP)
	if err == nil {
		s.failed = 0
		return b, nil
	}
	if s.failed++; s.failed%lostCount == 0 && s.rollOver(packet, &b) {
		return b, nil
	}
	return nil, err
}

// rollOver tries a packet with the next value of the rollover counter: where more
// than 2^15 packets in a row were lost, the sequence number may have wrapped
// unseen, and the far end would not be heard again. RFC 3711 §3.3.1.
func (s *Session) rollOver(packet []byte, b *[]byte) (ok bool) {
	if len(packet) < minRTP || len(packet) > MaxPacket {
		return false
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	roc, known := s.recv.ROC(ssrc)
	if !known {
		return false
	}
	s.recv.SetROC(ssrc, roc+1)
	var err error
	if *b, err = s.decryptRTP(s.recv, s.buf[:copy(s.buf[:], packet)]); err != nil {
		s.recv.SetROC(ssrc, roc)
		return false
	}
	s.failed = 0
	return true
}

// minRTP is the length of an RTP header.
const minRTP = 12

// UnprotectRTCP is Unprotect for RTCP. A packet that is authenticated but not
// encrypted is taken too, RFC 3711 §3.4.
func (s *Session) UnprotectRTCP(packet []byte) ([]byte, error) {
	return s.unprotect(packet, (*Session).decryptRTCP)
}

func (s *Session) decryptRTP(c *pion.Context, b []byte) ([]byte, error) {
	return c.DecryptRTP(b[:0], b, &s.header)
}

func (s *Session) decryptRTCP(c *pion.Context, b []byte) ([]byte, error) {
	return c.DecryptRTCP(b[:0], b, &s.control)
}

// unprotect tries the key and, for a while after it changed, the one before.
func (s *Session) unprotect(packet []byte, decrypt func(*Session, *pion.Context, []byte) ([]byte, error)) ([]byte, error) {
	if len(packet) > MaxPacket {
		return nil, ErrForged
	}
	n := copy(s.buf[:], packet)
	b, err := decrypt(s, s.recv, s.buf[:n])
	if err == nil {
		if s.fresh++; s.fresh > oldPackets {
			s.before = nil
		}
		return b, nil
	}
	if s.before != nil {
		copy(s.buf[:], packet)
		if b, old := decrypt(s, s.before, s.buf[:n]); old == nil {
			return b, nil
		}
	}
	return nil, reason(err)
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
