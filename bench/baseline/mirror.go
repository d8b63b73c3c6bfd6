package baseline

import (
	"time"
	"unsafe"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/internal/prefetch"
	"mediaserver/mixer"
	"mediaserver/rtp"
)

// mirror is the port of a participant that hears itself. The mixer finds no
// sound at it, so it has nothing to add up, and is asked for no payload, so it
// has nothing to encode.
type mirror struct {
	endpoint *rtp.Endpoint
	taken    payload
}

// Codec implements [mixer.Port]: none.
func (m *mirror) Codec() audio.Codec { return nil }

// Receive implements [mixer.Port].
func (m *mirror) Receive(frame int64, now time.Time, pcm []int16) mixer.Status {
	m.endpoint.Receive(frame, now, pcm)
	return 0
}

// Send implements [mixer.Port]: it sends back what came out of the jitter buffer
// last.
func (m *mirror) Send(frame int64, now time.Time, out mixer.Output) {
	m.endpoint.Via(out.Worker)
	m.endpoint.Send(frame, now, m.taken.bytes[:m.taken.size])
}

// Prefetch implements [mixer.Prefetcher].
func (m *mirror) Prefetch(step int) {
	if step == 0 {
		prefetch.First(m, unsafe.Sizeof(*m))
		return
	}
	m.endpoint.Prefetch(step - 1)
}

// payload is the codec of a mirror's endpoint, and its alone: what it is to decode
// it keeps as it is.
type payload struct {
	size  int
	bytes [samples]byte
}

// Encoding implements [audio.Codec]: a byte is a sample.
func (p *payload) Encoding() audio.Encoding { return audio.PCMU }

// Rate implements [audio.Codec].
func (p *payload) Rate() int { return g711.Rate }

// Encode implements [audio.Codec]. Nobody asks for it.
func (p *payload) Encode([]byte, []int16) int { return 0 }

// Decode implements [audio.Codec]: it keeps src. The samples are its bytes as they
// lie in memory, twice: noise while somebody talks, else next to nothing, so that
// the jitter buffer has as much to do with them as with sound.
func (p *payload) Decode(dst []int16, src []byte) int {
	p.size = copy(p.bytes[:], src)
	n := min(len(dst), len(src))
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 2*n)
	copy(raw[copy(raw, src[:n]):], src[:n])
	return n
}

var _ mixer.Prefetcher = (*mirror)(nil)
