package phone

import (
	"sync"
	"time"

	"mediaserver/audio"
)

// recorder keeps the last frames that were heard, by number and wall time.
type recorder struct {
	rate    int
	samples int   // of a frame
	keep    int64 // frames kept at least

	mu    sync.Mutex
	first int64 // number of the first frame kept
	pcm   []int16
	times []time.Time
	grown chan struct{} // nil while nobody waits for frames
}

// end is the number of the next frame. r is locked.
func (r *recorder) end() int64 { return r.first + int64(len(r.times)) }

// add keeps a frame. Frames left out before it count as silence.
func (r *recorder) add(frame int64, at time.Time, pcm []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if frame-r.end() > r.keep {
		r.first, r.pcm, r.times = frame, r.pcm[:0], r.times[:0]
	}
	for r.end() < frame {
		r.push(at, nil)
	}
	r.push(at, pcm)
	if int64(len(r.times)) >= 2*r.keep {
		n := copy(r.times, r.times[r.keep:])
		r.times = r.times[:n]
		n = copy(r.pcm, r.pcm[int(r.keep)*r.samples:])
		r.pcm = r.pcm[:n]
		r.first += r.keep
	}
	if r.grown != nil {
		close(r.grown)
		r.grown = nil
	}
}

// push appends a frame; nil is silence. r is locked.
func (r *recorder) push(at time.Time, pcm []int16) {
	r.times = append(r.times, at)
	n := len(r.pcm)
	for range r.samples {
		r.pcm = append(r.pcm, 0)
	}
	copy(r.pcm[n:], pcm)
}

// clip is a copy of the frames from from to before to, as far as they are
// kept.
func (r *recorder) clip(from, to int64) audio.Clip {
	r.mu.Lock()
	defer r.mu.Unlock()
	from, to = max(from, r.first), min(to, r.end())
	if from >= to {
		return audio.Clip{Rate: r.rate}
	}
	s := r.pcm[int(from-r.first)*r.samples : int(to-r.first)*r.samples]
	return audio.Clip{Rate: r.rate, Samples: append([]int16(nil), s...)}
}

// span is the numbers of the first frame kept and of the next one to come.
func (r *recorder) span() (first, end int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first, r.end()
}

// timeOf is the wall time of a frame, false if it is not kept.
func (r *recorder) timeOf(frame int64) (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if frame < r.first || frame >= r.end() {
		return time.Time{}, false
	}
	return r.times[frame-r.first], true
}

// more is nil once frame has been heard, else a channel that is closed when
// another frame is.
func (r *recorder) more(frame int64) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if frame < r.end() {
		return nil
	}
	if r.grown == nil {
		r.grown = make(chan struct{})
	}
	return r.grown
}
