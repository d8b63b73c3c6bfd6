package srtp

import (
	"errors"
	"unsafe"
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

// What Protect may return besides.
var (
	errPacket = errors.New("srtp: no packet, or without room to grow")
	errUsedUp = errors.New("srtp: key used up")
)

// minRTP is the length of an RTP header.
const minRTP = 12

// direction protects and unprotects in place with one key. Methods keep nothing
// of what they are given, and return it or a part of it. Who unprotects gets
// ErrForged, which leaves anything in the memory of the packet, or ErrReplayed.
type direction interface {
	protect(packet []byte) ([]byte, error)
	protectRTCP(packet []byte) ([]byte, error)
	unprotect(packet []byte) ([]byte, error)
	unprotectRTCP(packet []byte) ([]byte, error)
	// rollOver is unprotect where the rollover counter is taken to have gone on unseen.
	rollOver(packet []byte) ([]byte, error)
}

// Session protects what is sent and unprotects what is received.
type Session struct {
	send   direction
	recv   direction
	before direction // of what came until the key changed, nil if it did not
	fresh  int       // packets that have come since
	failed int       // RTP packets refused in a row

	keys  Keys
	spare *[MaxPacket]byte // a packet that may have to be tried again; made when needed
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
	var buf *[MaxPacket + Overhead]byte
	if k.Suite != GCM128 {
		buf = new([MaxPacket + Overhead]byte)
	}
	var err error
	if same && s.keys.Send == k.Send {
		next.send = s.send
	} else if next.send, err = k.Suite.direction(k.Send, buf); err != nil {
		return nil, err
	}
	if same && s.keys.Receive == k.Receive {
		next.recv, next.before, next.fresh, next.failed = s.recv, s.before, s.fresh, s.failed
		return next, nil
	}
	if s != nil {
		next.before = s.recv
	}
	if next.recv, err = k.Suite.direction(k.Receive, buf); err != nil {
		return nil, err
	}
	return next, nil
}

// Keys are those in effect.
func (s *Session) Keys() Keys { return s.keys }

// Tag is by how much Protect makes a packet longer [bytes].
func (s *Session) Tag() int { return s.keys.Suite.info().tag }

// Protect protects the RTP packet in place and returns it, longer by the tag.
// Its capacity must be its length and Tag at least. It may be on the stack.
//
//go:noinline
func (s *Session) Protect(packet []byte) ([]byte, error) {
	b, err := s.send.protect(hide(packet))
	return packet[:len(b)], err
}

// ProtectRTCP is Protect for a compound RTCP packet, which needs Overhead.
//
//go:noinline
func (s *Session) ProtectRTCP(packet []byte) ([]byte, error) {
	b, err := s.send.protectRTCP(hide(packet))
	return packet[:len(b)], err
}

// Unprotect returns the RTP packet within, in the same memory. Of a packet that
// is refused nothing is left. It may be on the stack. Errors: ErrForged,
// ErrReplayed.
//
//go:noinline
func (s *Session) Unprotect(packet []byte) ([]byte, error) {
	if len(packet) > MaxPacket {
		return nil, ErrForged
	}
	lost := (s.failed+1)%lostCount == 0
	if s.before != nil || lost {
		n, err := s.unprotectAgain(hide(packet), lost)
		return result(packet, n, err)
	}
	b, err := s.recv.unprotect(hide(packet))
	if err != nil {
		s.failed++
		return nil, err
	}
	s.failed = 0
	return packet[:len(b)], nil
}

// result is the first n bytes of a packet, unless there was an error.
func result(packet []byte, n int, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return packet[:n], nil
}

// hide lets a packet stay on the stack of the caller, though a method of an
// interface gets it: which must not keep it. The caller must not be inlined, so that
// the packet is in use, as an argument, until the method is done.
func hide(b []byte) []byte {
	p := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), cap(b))[:len(b)]
}

// unprotectAgain is Unprotect where a packet that is refused is tried with the
// key before, and, if so many have been refused, with the next value of
// the rollover counter: where more than 2^15 packets in a row were lost, the sequence
// number may have wrapped unseen, and the far end would not be heard again. RFC
// 3711 §3.3.1.
func (s *Session) unprotectAgain(packet []byte, lost bool) (int, error) {
	s.keep(packet)
	b, err := s.recv.unprotect(packet)
	switch {
	case err == nil:
		s.heard()
		s.failed = 0
		return len(b), nil
	case s.before != nil:
		if b, old := s.before.unprotect(s.again(packet)); old == nil {
			s.failed = 0
			return len(b), nil
		}
	}
	s.failed++
	if lost {
		if b, late := s.recv.rollOver(s.again(packet)); late == nil {
			s.failed = 0
			return len(b), nil
		}
	}
	return 0, err
}

// keep copies a packet that may be tried again.
func (s *Session) keep(packet []byte) {
	if s.spare == nil {
		s.spare = new([MaxPacket]byte) // once in the life of a session, if at all
	}
	copy(s.spare[:], packet)
}

// again makes the packet what it was.
func (s *Session) again(packet []byte) []byte {
	copy(packet, s.spare[:])
	return packet
}

// heard counts a packet in the new key.
func (s *Session) heard() {
	if s.fresh++; s.fresh > oldPackets {
		s.before = nil
	}
}

// UnprotectRTCP is Unprotect for RTCP. A packet that is authenticated but not
// encrypted is taken too, RFC 3711 §3.4.
//
//go:noinline
func (s *Session) UnprotectRTCP(packet []byte) ([]byte, error) {
	if len(packet) > MaxPacket {
		return nil, ErrForged
	}
	inner := hide(packet)
	if s.before != nil {
		s.keep(inner)
	}
	b, err := s.recv.unprotectRTCP(inner)
	if err == nil && s.before != nil {
		s.heard()
	}
	if err != nil && s.before != nil {
		if b, old := s.before.unprotectRTCP(s.again(inner)); old == nil {
			return packet[:len(b)], nil
		}
	}
	return result(packet, len(b), err)
}
