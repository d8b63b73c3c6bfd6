package rtp

import (
	"encoding/binary"
	"sync/atomic"

	"mediaserver/internal/lone"
)

const (
	// fewDatagrams is how many datagrams wait in an inbox, and manyDatagrams how many
	// more when it has grown; powers of two.
	fewDatagrams, manyDatagrams = 4, 16
	// noteSize is what is kept before each datagram.
	noteSize = 32
	// place20 is what 20 ms of G.711 take with their note.
	place20 = noteSize + headerSize + 160 + 4
	// fewBytes and manyBytes are the memory of an inbox: three and sixteen times 20
	// ms of G.711.
	fewBytes, manyBytes = 3 * place20, manyDatagrams * place20
	// controlBytes is the memory for RTCP.
	controlBytes = 560
)

// inbox hands datagrams from the worker that reads a shared port (push) to the
// worker that serves the endpoint (next, done), which may be the same one. One
// of each at a time. It starts at the front of its memory again whenever it is
// empty, so that a call that keeps up always uses the same few lines. What finds
// it full goes to memory that is made then, once in the life of a call, if at all.
type inbox struct {
	few    fifo
	more   fifo // of grown; here, so that the reader need not look there
	places [fewDatagrams]uint16
	memory [fewBytes]byte
	grown  *overflow // made by the pusher
}

// overflow is the memory of an inbox that has been full.
type overflow struct {
	places [manyDatagrams]uint16
	memory [manyBytes]byte
}

// push adds a copy of a datagram; false if there is no room for it.
//
// Nothing goes to the few as long as there is anything in more: so what is in the
// few is always older.
func (b *inbox) push(datagram []byte, from address, at int64) bool {
	if b.more.empty() && b.few.push(b.places[:], b.memory[:], datagram, from, at) {
		return true
	}
	if b.grown == nil {
		b.grown = new(overflow)
	}
	return b.more.push(b.grown.places[:], b.grown.memory[:], datagram, from, at)
}

// next is the datagram that has waited longest, valid until done; nil if there
// is none.
func (b *inbox) next() (datagram []byte, from address, at int64) {
	more := !b.more.empty() // asked first: then what is pushed meanwhile goes there too
	if !b.few.empty() {
		return b.few.next(b.places[:], b.memory[:])
	}
	if more {
		return b.more.next(b.grown.places[:], b.grown.memory[:])
	}
	return nil, from, 0
}

// done lets go of what next has returned.
func (b *inbox) done() {
	if !b.few.empty() {
		b.few.done()
		return
	}
	b.more.done()
}

// controls is an inbox for RTCP, whose memory is made with the first datagram.
type controls struct{ box atomic.Pointer[controlBox] }

type controlBox struct {
	fifo   fifo
	places [fewDatagrams]uint16
	memory [controlBytes]byte
}

func (b *controls) push(datagram []byte, from address, at int64) bool {
	x := b.box.Load()
	if x == nil {
		x = new(controlBox)
		b.box.Store(x)
	}
	return x.fifo.push(x.places[:], x.memory[:], datagram, from, at)
}

func (b *controls) next() (datagram []byte, from address, at int64) {
	x := b.box.Load()
	if x == nil || x.fifo.empty() {
		return nil, from, 0
	}
	return x.fifo.next(x.places[:], x.memory[:])
}

func (b *controls) done() { b.box.Load().fifo.done() }

// fifo is a queue of datagrams in memory that lies beside it: each behind a note of
// where it is from, how long it is and when it came; places says where the notes
// are. One may push while another one takes.
type fifo struct {
	put   lone.Uint32 // datagrams pushed
	taken lone.Uint32 // datagrams done with
}

func (l *fifo) empty() bool { return l.taken.Load() == l.put.Load() }

func (l *fifo) push(places []uint16, memory, datagram []byte, from address, at int64) bool {
	put, last := l.put.Load(), uint32(len(places)-1)
	size := noteSize + len(datagram)
	off := 0
	if waiting := put - l.taken.Load(); waiting > 0 {
		if waiting > last {
			return false
		}
		oldest, newest := int(places[(put-waiting)&last]), int(places[(put-1)&last])
		off = newest + noteSize + sizeOf(memory[newest:])
		off = (off + 7) &^ 7
		if newest >= oldest && off+size > len(memory) {
			off = 0
		}
		if off <= oldest && off+size > oldest {
			return false
		}
	}
	if off+size > len(memory) {
		return false
	}
	note(memory[off:], from, len(datagram), at)
	copy(memory[off+noteSize:], datagram)
	places[put&last] = uint16(off)
	l.put.Add(1)
	return true
}

// next is the datagram that has waited longest; there is one.
func (l *fifo) next(places []uint16, memory []byte) (datagram []byte, from address, at int64) {
	m := memory[places[l.taken.Load()&uint32(len(places)-1)]:]
	_ = m[noteSize-1]
	le := binary.LittleEndian
	word := le.Uint64(m[16:])
	from = address{hi: le.Uint64(m), lo: le.Uint64(m[8:]), scope: uint32(word), port: uint16(word >> 32)}
	return m[noteSize : noteSize+int(word>>48)], from, int64(le.Uint64(m[24:]))
}

// done lets go of what next has returned.
func (l *fifo) done() { l.taken.Add(1) }

// note writes the note of a datagram of size bytes; from is an address.
func note(m []byte, from address, size int, at int64) {
	_ = m[noteSize-1]
	le := binary.LittleEndian
	le.PutUint64(m, from.hi)
	le.PutUint64(m[8:], from.lo)
	le.PutUint64(m[16:], uint64(from.scope)|uint64(from.port)<<32|uint64(size)<<48)
	le.PutUint64(m[24:], uint64(at))
}

// sizeOf is the length of the datagram behind a note.
func sizeOf(m []byte) int { return int(binary.LittleEndian.Uint16(m[22:])) }
