package rtp

import "mediaserver/internal/lone"

// reception is what a receiver report says of the far end's stream.
// RFC 3550 §6.4.1, A.3, A.8. What A.1 tests is done before.
type reception struct {
	heard    bool
	cycles   uint32
	first    uint32 // extended
	max      uint16
	received uint32

	expectedPrior, receivedPrior uint32

	observed bool
	transit  uint32
	jitter   uint32 // [timestamp units / 16]
}

// receive counts a packet.
func (r *reception) receive(seq uint16) {
	r.received++
	switch {
	case !r.heard:
		r.heard = true
		r.first, r.max = uint32(seq), seq
	case seq-r.max < 1<<15:
		if seq < r.max {
			r.cycles += 1 << 16
		}
		r.max = seq
	}
}

// observe brings the jitter up to date. RFC 3550 A.8; at in [ns].
func (r *reception) observe(ts uint32, at int64, rate int, c *counts) {
	transit := uint32(samplesSince(at, rate)) - ts
	d := int64(int32(transit - r.transit))
	r.transit = transit
	if d < 0 {
		d = -d
	}
	if !r.observed || d > jumpLimit*int64(rate)/1e9 {
		r.observed = true // the first, or another timestamp base
		return
	}
	r.jitter += uint32(d) - (r.jitter+8)>>4
	setJitter(&c.jitter, r.jitter>>4, rate)
}

func setJitter(g *lone.Int64, jitter uint32, rate int) {
	g.Store(int64(durationOf(int64(jitter), rate)))
}

// highest is the extended highest sequence number received.
func (r *reception) highest() uint32 { return r.cycles + uint32(r.max) }

// The cumulative number of packets lost has 24 bits with a sign.
const (
	mostLost  = 1<<23 - 1
	leastLost = -1 << 23
)

// losses gives the cumulative number of packets lost and the fraction lost since
// the call before [1/256]. RFC 3550 A.3.
func (r *reception) losses() (cumulative int32, fraction uint8) {
	expected := r.highest() - r.first + 1
	lost := int64(expected) - int64(r.received)
	cumulative = int32(max(leastLost, min(mostLost, lost)))
	expectedNow := expected - r.expectedPrior
	lostNow := int64(expectedNow) - int64(r.received-r.receivedPrior)
	r.expectedPrior, r.receivedPrior = expected, r.received
	if expectedNow == 0 || lostNow <= 0 {
		return cumulative, 0
	}
	return cumulative, uint8(min(255, lostNow<<8/int64(expectedNow)))
}
