package call

import (
	"sync/atomic"
	"time"

	"mediaserver/audio"
)

// silenceLevel is the level [dBov] below which a frame is silence.
const silenceLevel = -45

// meter decides on the media path when a recording is at its end: exactly,
// whenever the verb that made it may look.
type meter struct {
	ptime   time.Duration
	gate    uint64 // energy of a frame from which it is sound
	limit   int64  // frames
	silence int64  // frames that end it; 0: never
	initial int64  // the same before the first sound

	began bool  // of the worker
	first int64 // number of the first frame; of the worker

	frames atomic.Int64 // from the first on
	loud   atomic.Int64 // of these, up to the last with sound; 0: none yet
	ended  atomic.Bool
}

func newMeter(o RecordOptions, f audio.Format) *meter {
	frames := func(d time.Duration) int64 { return int64((d + f.Ptime - 1) / f.Ptime) }
	m := &meter{
		ptime: f.Ptime, gate: audio.EnergyAt(silenceLevel, f.Samples()),
		limit: frames(o.MaxDuration), silence: frames(o.MaxSilence), initial: frames(o.MaxInitialSilence),
	}
	if m.initial == 0 {
		m.initial = m.silence
	}
	return m
}

// hear takes a frame, nil for silence, and says whether it still belongs to
// the recording. Worker only.
func (m *meter) hear(frame int64, pcm []int16) bool {
	if m.ended.Load() {
		return false
	}
	if !m.began {
		m.began, m.first = true, frame
	}
	n := frame - m.first + 1
	if n > m.limit { // frames were skipped
		m.ended.Store(true)
		return false
	}
	if pcm != nil && audio.Energy(pcm) >= m.gate {
		m.loud.Store(n)
	}
	m.frames.Store(n)
	if m.leftFrames() <= 0 {
		m.ended.Store(true)
	}
	return true
}

// leftFrames is how many frames come at least before the end.
func (m *meter) leftFrames() int64 {
	frames, loud := m.frames.Load(), m.loud.Load()
	left, silence := m.limit-frames, m.silence
	if loud == 0 {
		silence = m.initial
	}
	if silence > 0 {
		left = min(left, silence-(frames-loud))
	}
	return left
}

// left is the least time to the end.
func (m *meter) left() time.Duration { return time.Duration(m.leftFrames()) * m.ptime }
