package srtp

import (
	"errors"

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

	header pionrtp.Header
	out    [MaxPacket]byte
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
		next.recv, next.before, next.fresh = s.recv, s.before, s.fresh
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

// Protect protects the RTP packet in place and returns it, longer by the tag.
// Its capacity must be Overhead more than its length.
func (s *Session) Protect(packet []byte) ([]byte, error) {
	return s.send.EncryptRTP(packet[:0], packet, &s.header)
}

// ProtectRTCP is Protect for a compound RTCP packet.
func (s *Session) ProtectRTCP(packet []byte) ([]byte, error) {
	return s.send.EncryptRTCP(packet[:0], packet, nil)
}

// Unprotect returns the RTP packet within, in memory that is valid until the
// next call; packet stays as it is. Errors: ErrForged, ErrReplayed.
func (s *Session) Unprotect(packet []byte) ([]byte, error) {
	if len(packet) > MaxPacket {
		return nil, ErrForged
	}
	b, err := s.recv.DecryptRTP(s.out[:0], packet, &s.header)
	if s.before == nil {
		return b, reason(err)
	}
	if err == nil {
		if s.fresh++; s.fresh > oldPackets {
			s.before = nil
		}
		return b, nil
	}
	if b, old := s.before.DecryptRTP(s.out[:0], packet, &s.header); old == nil {
		return b, nil
	}
	return nil, reason(err)
}

// UnprotectRTCP is Unprotect for RTCP. A packet that is authenticated but not
// encrypted is taken too, RFC 3711 §3.4.
func (s *Session) UnprotectRTCP(packet []byte) ([]byte, error) {
	if len(packet) > MaxPacket {
		return nil, ErrForged
	}
	b, err := s.recv.DecryptRTCP(s.out[:0], packet, nil)
	if err != nil && s.before != nil {
		if b, old := s.before.DecryptRTCP(s.out[:0], packet, nil); old == nil {
			return b, nil
		}
	}
	return b, reason(err)
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
