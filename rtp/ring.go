package rtp

import "math/bits"

const (
	// ringSlots is how many packets wait at most, and fewSlots, how many without
	// more memory; powers of two.
	ringSlots, fewSlots = 32, 8
	// slotBytes is the longest payload taken: 60 ms of G.711 are 480 bytes.
	slotBytes = 512
	// chunkBytes holds the payload of a packet of 20 ms of G.711; longer ones
	// take up to slotChunks of the ringChunks there are, one for each slot: packets
	// of 10 ms fill the largest delay. fewChunks, 120 ms, there are without more
	// memory.
	chunkBytes            = 176
	slotChunks            = (slotBytes + chunkBytes - 1) / chunkBytes
	ringChunks, fewChunks = ringSlots, 6
	// maxDropout and maxMisorder bound the steps of the sequence number that are
	// believed at once [packets]. RFC 3550 A.1.
	maxDropout  = 3000
	maxMisorder = 100
	// lateRun late packets in a row, each following the one before, are the
	// beginning of a new sequence, not stragglers, if they are not of the old one.
	lateRun = 5
)

// slot is a packet that waits, or whose place is held.
type slot struct {
	seq     int64 // extended sequence number
	ts      int64 // extended timestamp
	samples int32 // of sound
	size    uint16
	kind    kind
	used    bool
	chunks  [slotChunks]uint8 // where in ring.data the payload is
}

// memory is where a ring keeps packets. What few streams need is made with the
// first packet that needs it, once in the life of an endpoint, if at all.
type memory struct {
	slots  [fewSlots]slot
	chunks [fewChunks][chunkBytes]byte
	more   *[ringChunks - fewChunks][chunkBytes]byte
	long   *[slotBytes]byte // a payload of several chunks, put together
}

// ring holds the packets that have come and are not yet played out, indexed by
// sequence number. It counts but knows no time.
//
// What is touched in every frame lies close together: the packets, of which a
// frame needs a few lines, are elsewhere, so that the fields of an endpoint
// share a few lines and pages.
type ring struct {
	counts  *counts
	data    *memory
	slots   []slot // data.slots, or more
	busy    uint32 // bit i: chunk i holds something
	started bool
	head    int64  // sequence number to be played out next
	newest  int64  // largest accepted
	count   int    // slots used
	samples int    // of sound in the slots
	past    uint64 // bit i: head-1-i has come

	wild     uint16 // the number that would confirm a wild one, see confirm
	wildSet  bool
	lateNext int64 // the number that would continue a run of late ones
	lateLen  int
}

func (r *ring) init(c *counts, m *memory) { r.counts, r.data, r.slots = c, m, m.slots[:] }

// at is the place of a sequence number.
func (r *ring) at(seq int64) *slot { return &r.slots[seq&int64(len(r.slots)-1)] }

// grow makes all the places there can be.
func (r *ring) grow() {
	few := r.slots
	r.slots = make([]slot, ringSlots)
	for i := range few {
		if few[i].used {
			*r.at(few[i].seq) = few[i]
		}
	}
}

// position is what a sequence number means to the ring.
type position uint8

const (
	posNew       position = iota // a place is free for it
	posRestart                   // begins a new sequence: the ring is empty now
	posDuplicate                 // known
	posLate                      // its time has passed
	posAnew                      // the same, of so many in a row that it may begin a new sequence
	posWild                      // not believed yet
)

// locate finds the place of a sequence number and makes room for it. RFC 3550
// A.1, but for the parts that concern a source's first packets.
func (r *ring) locate(seq uint16) (int64, position) {
	if !r.started {
		return r.restart(seq), posRestart
	}
	ext := r.newest + int64(int16(seq-uint16(r.newest)))
	switch {
	case ext > r.newest+maxDropout || ext < r.head-maxMisorder:
		if !r.wildSet || seq != r.wild {
			r.wild, r.wildSet = seq+1, true
			return ext, posWild
		}
		return r.renew(seq), posRestart
	case ext < r.head:
		return r.locateLate(ext)
	case ext >= r.head+ringSlots:
		r.makeRoom(ext)
	}
	if ext >= r.head+int64(len(r.slots)) {
		r.grow()
	}
	r.wildSet = false
	r.lateLen = 0
	if r.count > 0 { // else the place need not be looked at
		if s := r.at(ext); s.used && s.seq == ext {
			return ext, posDuplicate
		}
	}
	return ext, posNew
}

// locateLate judges a number that has been passed over. A sender that began
// anew a little lower must not stay unheard until it has caught up: where that may
// be so, the timestamp has to tell, and renew or passed is next.
func (r *ring) locateLate(ext int64) (int64, position) {
	if r.lateLen > 0 && ext == r.lateNext {
		r.lateLen++
	} else {
		r.lateLen = 1
	}
	r.lateNext = ext + 1
	if r.lateLen >= lateRun {
		return ext, posAnew
	}
	return ext, r.passed(ext)
}

// renew begins a new sequence with seq.
func (r *ring) renew(seq uint16) int64 {
	r.counts.resyncs.Add(1)
	return r.restart(seq)
}

// passed tells whether a number that has been passed over has come before, and notes
// that it has.
func (r *ring) passed(ext int64) position {
	if behind := r.head - 1 - ext; behind < 64 {
		bit := uint64(1) << behind
		if r.past&bit != 0 {
			return posDuplicate
		}
		r.past |= bit
	}
	return posLate
}

// restart empties the ring for a sequence that begins with seq.
func (r *ring) restart(seq uint16) int64 {
	for i := range r.slots {
		if r.slots[i].used {
			r.counts.drop(DropOverflow)
			r.slots[i].used = false
		}
	}
	r.started = true
	r.head, r.newest = int64(seq), int64(seq)
	r.count, r.samples, r.past, r.busy = 0, 0, 0, 0
	r.wildSet, r.lateLen = false, 0
	return int64(seq)
}

// makeRoom moves the head so far that ext has a place.
func (r *ring) makeRoom(ext int64) {
	if r.count == 0 {
		// A gap longer than the ring and nothing in it: go on there.
		r.counts.resyncs.Add(1)
		r.skipTo(ext)
		return
	}
	for r.head <= ext-ringSlots {
		s := r.front()
		if s == nil || s.seq > ext-ringSlots {
			r.counts.resyncs.Add(1)
			r.skipTo(ext - ringSlots + 1)
			return
		}
		r.counts.drop(DropOverflow)
		r.take(s)
	}
}

// put fills the place that locate found. A packet without sound or noise keeps
// no payload.
func (r *ring) put(s slot, payload []byte) {
	if s.kind != kindNoise && s.kind < kindAudio {
		payload = nil
	}
	if !r.fits(s.seq, len(payload)) {
		r.counts.drop(DropOverflow)
		return
	}
	s.used = true
	s.size = 0
	for n := 0; len(payload) > 0 && n < slotChunks; n++ {
		s.chunks[n] = r.chunk()
		k := copy(r.bytes(s.chunks[n])[:], payload)
		s.size += uint16(k)
		payload = payload[k:]
	}
	*r.at(s.seq) = s
	r.count++
	r.samples += int(s.samples)
	r.newest = max(r.newest, s.seq)
}

// front is the first packet that waits, nil if there is none.
func (r *ring) front() *slot {
	if r.count == 0 {
		return nil
	}
	for seq := r.head; seq <= r.newest; seq++ {
		if s := r.at(seq); s.used && s.seq == seq {
			return s
		}
	}
	return nil
}

// ready tells whether the next packet is there.
func (r *ring) ready() bool { return r.at(r.head).used }

// chunk takes a free chunk.
func (r *ring) chunk() uint8 {
	i := r.nextChunk()
	r.busy |= 1 << i
	return i
}

// nextChunk is the chunk that is taken next.
func (r *ring) nextChunk() uint8 { return uint8(bits.TrailingZeros32(^r.busy)) }

// bytes is the memory of a chunk.
func (r *ring) bytes(i uint8) *[chunkBytes]byte {
	if i < fewChunks {
		return &r.data.chunks[i]
	}
	if r.data.more == nil {
		r.data.more = new([ringChunks - fewChunks][chunkBytes]byte)
	}
	return &r.data.more[i-fewChunks]
}

// fits makes sure, by dropping the oldest packets, that there is memory for a
// payload. False: ext itself is older than all that would have to go.
func (r *ring) fits(ext int64, size int) bool {
	need := chunksOf(size)
	for ringChunks-bits.OnesCount32(r.busy) < need {
		s := r.front()
		if s == nil || s.seq > ext {
			return false
		}
		r.counts.drop(DropOverflow)
		r.take(s)
	}
	return true
}

func chunksOf(size int) int { return (size + chunkBytes - 1) / chunkBytes }

// payload is what the packet holds, until the next put or payload.
func (r *ring) payload(s *slot) []byte {
	if s.size <= chunkBytes {
		return r.bytes(s.chunks[0])[:s.size]
	}
	if r.data.long == nil {
		r.data.long = new([slotBytes]byte)
	}
	n := 0
	for i := range chunksOf(int(s.size)) {
		n += copy(r.data.long[n:s.size], r.bytes(s.chunks[i])[:])
	}
	return r.data.long[:n]
}

// take removes the front packet; those missing before it are lost.
func (r *ring) take(s *slot) {
	r.skipTo(s.seq)
	for i := range chunksOf(int(s.size)) {
		r.busy &^= 1 << s.chunks[i]
	}
	s.used = false
	r.count--
	r.samples -= int(s.samples)
	r.pass()
}

// pass goes on behind the front packet.
func (r *ring) pass() {
	r.head++
	r.past = r.past<<1 | 1
}

// skipTo gives up what is missing before seq.
func (r *ring) skipTo(seq int64) {
	n := seq - r.head
	if n <= 0 {
		return
	}
	r.counts.lost.Add(uint64(n))
	r.past <<= min(uint64(n), 64)
	r.head = seq
	r.newest = max(r.newest, seq-1)
}
