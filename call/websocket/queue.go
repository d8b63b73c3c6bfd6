package websocket

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"mediaserver/call"
)

// The form of the audio.
const (
	sampleRate   = 8000
	frameTime    = 20 * time.Millisecond
	frameSamples = 160
	frameBytes   = 2 * frameSamples
)

const (
	// maxHeard is how many frames of the far end wait for the jitter buffer.
	maxHeard = 16
	// maxSaid is how many frames of ours wait for the connection.
	maxSaid = 32
	// maxBehind is how many of those are still sent after it was blocked.
	maxBehind = 10
	// maxGap is how late a frame may be and still belong to the sound before it.
	maxGap = 60 * time.Millisecond
)

// frame is 20 ms of the far end.
type frame struct {
	data [frameBytes]byte
	at   time.Time // when it came
}

// heard is the queue of frames from the far end: one goroutine puts in, a
// media worker takes out. When it is full the oldest frame goes.
type heard struct {
	frames [maxHeard]atomic.Pointer[frame]
	taken  atomic.Uint64
	put    atomic.Uint64

	rest    []byte  // of the reader: the begin of a frame that is not complete
	stamper stamper // of the worker
}

// add cuts what came into frames and reports how many had to go.
func (h *heard) add(audio []byte, now time.Time) (dropped int) {
	h.rest = append(h.rest, audio...)
	for len(h.rest) >= frameBytes {
		f := &frame{at: now}
		h.rest = h.rest[copy(f.data[:], h.rest):]
		if h.push(f) {
			dropped++
		}
	}
	return dropped
}

// push adds a frame; it reports whether another one had to go.
func (h *heard) push(f *frame) (dropped bool) {
	n := h.put.Load()
	if oldest := h.taken.Load(); n-oldest == maxHeard {
		dropped = h.taken.CompareAndSwap(oldest, oldest+1)
	}
	h.frames[n%maxHeard].Store(f)
	h.put.Store(n + 1)
	return dropped
}

// pop takes the oldest frame, nil when there is none.
func (h *heard) pop() *frame {
	for {
		n := h.taken.Load()
		if n == h.put.Load() {
			return nil
		}
		f := h.frames[n%maxHeard].Load()
		if h.taken.CompareAndSwap(n, n+1) {
			return f
		}
	}
}

// next writes the oldest frame as an RTP packet into buf; 0 when there is
// none, or no room.
func (h *heard) next(buf []byte) (n int, at time.Time) {
	if len(buf) < rtpHeader+frameBytes {
		return 0, time.Time{}
	}
	f := h.pop()
	if f == nil {
		return 0, time.Time{}
	}
	h.stamper.stamp(buf, f.at)
	return rtpHeader + copy(buf[rtpHeader:], f.data[:]), f.at
}

// rtpHeader is the length of the header that stands before each frame,
// RFC 3550 §5.1.
const rtpHeader = 12

// stamper numbers frames as RTP does.
type stamper struct {
	seq uint16
	ts  uint32
	due time.Time // when the next frame should come; zero before the first
}

// stamp writes the header of a frame that came at a time. After a pause the
// timestamp jumps by its length, as it does for a far end that sends nothing
// while it is silent.
func (s *stamper) stamp(buf []byte, at time.Time) {
	marker := byte(0)
	if late := at.Sub(s.due); s.due.IsZero() || late > maxGap {
		marker = 0x80
		if !s.due.IsZero() {
			s.ts += uint32(late * sampleRate / time.Second)
		}
		s.due = at
	}
	buf[0], buf[1] = 0x80, marker|call.StreamPayloadType
	binary.BigEndian.PutUint16(buf[2:], s.seq)
	binary.BigEndian.PutUint32(buf[4:], s.ts)
	binary.BigEndian.PutUint32(buf[8:], 1) // SSRC
	s.seq++
	s.ts += frameSamples
	s.due = s.due.Add(frameTime)
}

// said is the queue of frames to the far end: a media worker puts in, one
// goroutine takes out.
type said struct {
	frames [maxSaid][frameBytes]byte
	taken  atomic.Uint64
	put    atomic.Uint64
}

// push adds the payload of a frame; false when the queue is full or it is no
// frame.
func (s *said) push(payload []byte) bool {
	n := s.put.Load()
	if len(payload) != frameBytes || n-s.taken.Load() == maxSaid {
		return false
	}
	copy(s.frames[n%maxSaid][:], payload)
	s.put.Store(n + 1)
	return true
}

// pop copies the oldest frame into buf.
func (s *said) pop(buf []byte) bool {
	n := s.taken.Load()
	if n == s.put.Load() {
		return false
	}
	copy(buf, s.frames[n%maxSaid][:])
	s.taken.Store(n + 1)
	return true
}

// catchUp leaves out the oldest of a backlog and reports how many.
func (s *said) catchUp() int {
	n := s.taken.Load()
	behind := s.put.Load() - n
	if behind <= maxBehind {
		return 0
	}
	s.taken.Store(n + behind - maxBehind)
	return int(behind - maxBehind)
}
