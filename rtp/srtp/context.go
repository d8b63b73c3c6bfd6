package srtp

import (
	"crypto/cipher"
	"encoding/binary"
	"reflect"
	"sync/atomic"
	"unsafe"

	"mediaserver/internal/prefetch"
)

// context is one direction with one key. It protects and unprotects in place,
// keeps nothing of what it is given, and returns it or a part of it. Who unprotects
// gets ErrForged, which leaves anything in the memory of the packet, or
// ErrReplayed.
//
// What a packet needs lies together, because it is not in the cache when its turn
// comes: two lines of 64 bytes here, of which the second is written, and behind
// them the AEAD (besides), of which a packet reads two parts.
type context struct {
	aead    cipher.AEAD             // AEAD_AES_128_GCM, with counter == nil
	counter *counter                // the other suites
	reports *reports                // RTCP under AEAD_AES_128_GCM
	before  atomic.Pointer[context] // of what came until the key changed, nil if it did not
	spare   *[MaxPacket]byte        // a packet that may have to be tried again; made when needed
	failed  uint32                  // RTP packets refused in a row
	fresh   uint16                  // packets that have come since the key changed
	tag     uint8                   // by how much a packet grows [bytes]
	beside  bool                    // the AEAD lies behind the context

	streams streams
	salt    [gcmSalt]byte
	nonce   [gcmSalt]byte // of the packet at work
}

// The parts of an AEAD of crypto/cipher that a packet needs: the schedule of the key,
// and from the sizes of nonce and tag on the table of products; between them is the
// schedule for decrypting blocks, which GCM does not use. A test compares
// them with the Go in use; elsewhere than in amd64 and arm64 they are other ones, where
// they only cost time.
const (
	aeadSchedule = 184
	aeadTable    = 488
	aeadSize     = 760
)

// besides makes a context with the AEAD behind it, in one piece of memory. The
// AEAD becomes a copy of the one given, if that can be copied: a struct without pointers, as
// the one of crypto/cipher is, but not the one of BoringCrypto.
func besides(aead cipher.AEAD) *context {
	v := reflect.ValueOf(aead)
	if v.Kind() != reflect.Pointer || !plainMemory(v.Type().Elem()) {
		return &context{aead: aead}
	}
	v = v.Elem()
	both := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Context", Type: reflect.TypeFor[context]()},
		{Name: "AEAD", Type: v.Type()},
	})).Elem()
	both.Field(1).Set(v)
	c := both.Field(0).Addr().Interface().(*context)
	c.aead = both.Field(1).Addr().Interface().(cipher.AEAD)
	c.beside = v.Type().Size() >= aeadSize
	return c
}

// plainMemory tells whether values of a type hold no pointers.
func plainMemory(t reflect.Type) bool {
	switch k := t.Kind(); k {
	case reflect.Struct:
		for f := range t.Fields() {
			if !plainMemory(f.Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return plainMemory(t.Elem())
	default:
		return k >= reflect.Bool && k <= reflect.Complex128 && k != reflect.Uintptr
	}
}

// prefetch fetches what a packet needs, with an AEAD behind the context.
func (c *context) prefetch() {
	const size = unsafe.Sizeof(context{})
	prefetch.Part(c, 0, size+aeadSchedule)
	prefetch.Part(c, size+aeadTable, size+aeadSize)
}

// unprotect unprotects an RTP packet whose rollover counter is known, or is nearest.
func (c *context) unprotect(b []byte, rollover int64) ([]byte, error) {
	switch {
	case c.counter == nil:
		return c.unprotectGCM(b, rollover)
	case rollover != nearest:
		return c.counter.unprotectAt(b, uint32(rollover))
	default:
		return c.counter.unprotect(b)
	}
}

// nearest is the rollover counter by which a packet is nearest to those before.
const nearest = -1

func (c *context) unprotectRTCP(b []byte) ([]byte, error) {
	if c.counter != nil {
		return c.counter.unprotectRTCP(b)
	}
	return c.reports.unprotect(b)
}

// unprotectAgain is Unprotect where a packet that is refused is tried with the
// key before, and, if so many have been refused, with another value of the rollover
// counter: the sequence number may have wrapped unseen, and the far end would not be
// heard again. RFC 3711 §3.3.1.
func (c *context) unprotectAgain(packet []byte, lost bool) ([]byte, error) {
	c.keep(packet)
	b, err := c.unprotect(packet, nearest)
	if err == nil {
		c.heard()
		c.failed = 0
		return b, nil
	}
	before := c.before.Load()
	if before != nil {
		if b, old := before.unprotect(c.again(packet), nearest); old == nil {
			c.failed = 0
			return b, nil
		}
	}
	c.failed++
	if lost && len(packet) >= minRTP {
		first := c.suspected(c.again(packet), before)
		for r := first; r < first+2; r++ {
			if b, late := c.unprotect(c.again(packet), r); late == nil {
				c.failed = 0
				return b, nil
			}
		}
	}
	return nil, err
}

// suspected is the rollover counter, if it is not one more, of a packet that is
// refused. Where the stream has been heard more than 2^15 packets in a row were lost:
// it is what it was. Else the wrap was among the first packets, which were lost; or the
// far end has gone on counting when the key changed, as some do.
func (c *context) suspected(b []byte, before *context) int64 {
	ssrc := binary.BigEndian.Uint32(b[8:])
	if r, known := c.rollover(ssrc); known {
		return r
	}
	if before != nil {
		if r, known := before.rollover(ssrc); known {
			return r
		}
	}
	return 1
}

// rollover is the rollover counter of a stream, if that is known.
func (c *context) rollover(ssrc uint32) (r int64, known bool) {
	if c.counter != nil {
		r, known := c.counter.context.ROC(ssrc)
		return int64(r), known
	}
	var memory stream
	s := c.streams.get(ssrc, &memory)
	return int64(s.index >> 16), s.known
}

// keep copies a packet that may be tried again.
func (c *context) keep(packet []byte) {
	if c.spare == nil {
		c.spare = new([MaxPacket]byte) // once in the life of a key, if at all
	}
	copy(c.spare[:], packet)
}

// again makes the packet what it was.
func (c *context) again(packet []byte) []byte {
	copy(packet, c.spare[:])
	return packet
}

// heard counts a packet in the new key.
func (c *context) heard() {
	if c.fresh++; c.fresh > oldPackets {
		c.before.Store(nil)
	}
}
