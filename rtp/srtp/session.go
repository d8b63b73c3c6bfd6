package srtp

import "errors"

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
	// counter of the far end is taken for another than ours.
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

// Session protects what is sent and unprotects what is received. It does not
// change: what does is in the contexts of its directions.
type Session struct {
	Near
	keys Keys
}

// Near is what packets need of a session: whoever has one close by need not look at the
// session for each. The zero value is no protection.
type Near struct {
	send   *context
	recv   *context
	beside bool // the AEADs lie behind the contexts
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
	} else if next.send, err = k.Suite.context(k.Send, buf); err != nil {
		return nil, err
	}
	if same && s.keys.Receive == k.Receive {
		next.recv = s.recv
	} else if next.recv, err = k.Suite.context(k.Receive, buf); err != nil {
		return nil, err
	} else if s != nil {
		s.recv.before.Store(nil) // two keys are enough
		next.recv.before.Store(s.recv)
	}
	next.beside = next.send.beside && next.recv.beside
	return next, nil
}

// Keys are those in effect.
func (s *Session) Keys() Keys { return s.keys }

// Closely is what packets need of s, which may be nil.
func (s *Session) Closely() Near {
	if s == nil {
		return Near{}
	}
	return s.Near
}

// On tells whether there is protection.
func (n Near) On() bool { return n.send != nil }

// Tag is by how much Protect makes a packet longer [bytes].
func (n Near) Tag() int { return int(n.send.tag) }

// PrefetchReceived has fetched what Unprotect is going to need (package
// internal/prefetch). It looks at nothing.
func (n Near) PrefetchReceived() {
	if n.beside {
		n.recv.prefetch()
	}
}

// PrefetchSent has fetched what Protect is going to need. It looks at nothing.
func (n Near) PrefetchSent() {
	if n.beside {
		n.send.prefetch()
	}
}

// Protect protects the RTP packet in place and returns it, longer by the tag.
// Its capacity must be its length and Tag at least. It may be on the stack.
func (n Near) Protect(packet []byte) ([]byte, error) {
	c := n.send
	if c.counter != nil {
		return c.counter.protect(packet)
	}
	return c.protectGCM(packet)
}

// ProtectRTCP is Protect for a compound RTCP packet, which needs Overhead.
func (n Near) ProtectRTCP(packet []byte) ([]byte, error) {
	c := n.send
	if c.counter != nil {
		return c.counter.protectRTCP(packet)
	}
	return c.reports.protect(packet)
}

// Unprotect returns the RTP packet within, in the same memory. Of a packet that
// is refused nothing is left. It may be on the stack. Errors: ErrForged,
// ErrReplayed.
func (n Near) Unprotect(packet []byte) ([]byte, error) {
	if len(packet) > MaxPacket {
		return nil, ErrForged
	}
	c := n.recv
	lost := (c.failed+1)%lostCount == 0
	if lost || c.before.Load() != nil {
		return c.unprotectAgain(packet, lost)
	}
	b, err := c.unprotect(packet, nearest)
	switch {
	case err != nil:
		c.failed++
	case c.failed > 0:
		c.failed = 0
	}
	return b, err
}

// UnprotectRTCP is Unprotect for RTCP. A packet that is authenticated but not
// encrypted is taken too, RFC 3711 §3.4.
func (n Near) UnprotectRTCP(packet []byte) ([]byte, error) {
	if len(packet) > MaxPacket {
		return nil, ErrForged
	}
	c := n.recv
	before := c.before.Load()
	if before == nil {
		return c.unprotectRTCP(packet)
	}
	c.keep(packet)
	b, err := c.unprotectRTCP(packet)
	if err == nil {
		c.heard()
		return b, nil
	}
	if b, old := before.unprotectRTCP(c.again(packet)); old == nil {
		return b, nil
	}
	return nil, err
}
