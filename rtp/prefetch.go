package rtp

import (
	"unsafe"

	"mediaserver/internal/prefetch"
)

// frameSamples is how many samples a frame has at 8 kHz.
const frameSamples = 160

// Prefetch has fetched what Receive and Send are going to need (package
// internal/prefetch): step 0 the endpoint itself, step 1, some time later, what
// it points to. Only the worker may call it.
func (e *Endpoint) Prefetch(step int) {
	if step == 0 {
		e.prefetch()
		return
	}
	prefetch.First(e.counts, unsafe.Offsetof(e.counts.rtcpReceived))
	if e.socket != nil {
		prefetch.Value(e.socket)
	}
	if e.share != nil {
		e.share.prefetch()
	}
	e.receiver.player.prefetch()
	e.secure.PrefetchReceived()
	e.secure.PrefetchSent()
}

// prefetch fetches the fields of every frame.
func (e *Endpoint) prefetch() {
	prefetch.First(e, unsafe.Offsetof(e.far))
	prefetch.Part(e, unsafe.Offsetof(e.far)+unsafe.Offsetof(e.far.signalled), unsafe.Offsetof(e.reporter)+unsafe.Offsetof(e.reporter.rnd))
}

// prefetch fetches where a key is in the table, if it is where its search begins.
func (t *table) prefetch(home int) { prefetch.Value(&t.entries[home&(len(t.entries)-1)]) }

// prefetch fetches what is needed of a call for every datagram, and the datagram of
// a call that keeps up.
func (s *Share) prefetch() {
	prefetch.First(s, unsafe.Offsetof(s.in)+unsafe.Offsetof(s.in.memory)+noteSize+headerSize+frameSamples)
}

// prefetchPush is prefetch for the one who puts the datagram there.
func (s *Share) prefetchPush() { s.prefetch() }

// prefetch fetches where the next packet is put and the next frame comes from.
func (p *player) prefetch() {
	r := &p.ring
	if r.count > 0 || p.idle || p.dry > 0 {
		r.prefetch()
	}
	p.queue.prefetch()
}

// prefetch fetches where the next frame is put, and what is going to be moved to
// make room for it.
func (q *queue) prefetch() {
	if end := q.w + frameSamples; end <= len(q.buf) {
		prefetch.Slice(q.buf[q.r:end])
		return
	}
	from := q.r - q.history
	prefetch.Slice(q.buf[from:q.w])
	prefetch.Slice(q.buf[:q.w-from+frameSamples])
}

// prefetch fetches the slots and the chunk of the next packets.
func (r *ring) prefetch() {
	prefetch.Value(r.at(r.head))
	prefetch.Value(r.at(r.newest + 1))
	if i := r.nextChunk(); i < fewChunks {
		at := unsafe.Offsetof(r.data.chunks) + uintptr(i)*chunkBytes
		prefetch.Part(r.data, at, at+chunkBytes)
	}
}
