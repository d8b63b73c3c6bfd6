package rtp

// queue is the sound between decoder and frame: samples decoded and not yet
// played out, and before them the last ones played out, which concealment and
// pitch search look back at.
//
//	buf: [ … history … | waiting … |  free  ]
//	                   r           w
type queue struct {
	buf     []int16
	r, w    int
	history int // samples kept before r
}

// Sizes of a queue as parts of a second: history 50 ms, all 192 ms.
const (
	historyPerSecond = 20
	queueMillis      = 192
)

func newQueue(rate int) queue {
	h := rate / historyPerSecond
	return queue{buf: make([]int16, rate*queueMillis/1000), r: h, w: h, history: h}
}

// waiting is the number of samples not yet played out.
func (q *queue) waiting() int { return q.w - q.r }

// room returns n free samples at the end. They count only after added.
func (q *queue) room(n int) []int16 {
	if q.w+n > len(q.buf) {
		from := q.r - q.history
		copy(q.buf, q.buf[from:q.w])
		q.r -= from
		q.w -= from
	}
	return q.buf[q.w : q.w+n]
}

// added takes the first n samples of room.
func (q *queue) added(n int) { q.w += n }

// play moves a frame out.
func (q *queue) play(frame []int16) {
	q.r += copy(frame, q.buf[q.r:q.w])
}

// last is the end of the sound, waiting or played out, n samples.
func (q *queue) last(n int) []int16 { return q.buf[q.w-n : q.w] }

// cut takes lag samples out of what waits, blending over fade samples: the
// sound at offset at goes over into the sound at at+lag.
func (q *queue) cut(at, lag, fade int) {
	x := q.buf[q.r:q.w]
	blend(x[at:at+fade], x[at:], x[at+lag:], fade)
	copy(x[at+fade:], x[at+lag+fade:])
	q.w -= lag
}

// repeat puts lag samples in before what waits: a repetition of the last ones
// played out, into which the sound that waits goes over within fade samples.
func (q *queue) repeat(lag, fade int) {
	q.room(lag)
	x := q.buf[q.r-lag : q.w+lag]
	q.w += lag
	copy(x[2*lag:], x[lag:len(x)-lag])
	// Now x[:lag] was played out, x[lag:2*lag] is to be filled, x[2*lag:] waits.
	blend(x[lag:lag+fade], x[2*lag:], x, fade)
	copy(x[lag+fade:2*lag], x[fade:lag])
}

// blend writes n samples that go over from a to b.
func blend(dst, a, b []int16, n int) {
	for i := range n {
		k := int32(i+1) << blendShift / int32(n+1)
		dst[i] = int16((int32(a[i])*(1<<blendShift-k) + int32(b[i])*k) >> blendShift)
	}
}

// blendShift is the number of bits of a weight.
const blendShift = 14
