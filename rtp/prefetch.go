package rtp

import "mediaserver/internal/prefetch"

// Prefetch has fetched what Receive and Send are going to need (package
// internal/prefetch): step 0 the endpoint itself, step 1, some time later, what
// it points to. Only the worker may call it.
func (e *Endpoint) Prefetch(step int) {
	if step == 0 {
		e.prefetch()
		return
	}
	prefetch.First(e.cur, hotSettings)
	prefetch.Span(&e.counts.received, &e.counts.sentBytes)
	if e.socket != nil {
		prefetch.Value(e.socket)
	}
	if e.share != nil {
		e.share.in.prefetch()
	}
	e.receiver.player.prefetch()
}

// prefetch fetches the fields of every frame.
func (e *Endpoint) prefetch() {
	prefetch.Span(&e.rtp, &e.receiver.stats)
	prefetch.Span(&e.receiver.ssrc, &e.reporter.next)
}

// prefetch fetches where the next datagram is or will be.
func (b *inbox) prefetch() {
	prefetch.Value(&b.notes[b.taken.Load()%inboxLength])
	prefetch.Slice(b.data[:min(len(b.data), headerSize+chunkBytes)])
}

// prefetch fetches where the next packet is put and the next frame comes from.
func (p *player) prefetch() {
	r, q := &p.ring, &p.queue
	r.prefetch()
	prefetch.Slice(q.buf[q.r:min(q.w+p.set.frame, len(q.buf))])
}

// prefetch fetches the slots and the chunk of the next packets.
func (r *ring) prefetch() {
	prefetch.Value(&r.slots[r.head&(ringSlots-1)])
	prefetch.Value(&r.slots[(r.newest+1)&(ringSlots-1)])
	if i := r.nextChunk(); i < ringChunks {
		prefetch.Value(&r.data.chunks[i])
	}
}
