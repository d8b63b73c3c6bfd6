package call

import (
	"math"
	"sync/atomic"

	"mediaserver/audio"
)

// meterInterval is every how many frames with sound the level is measured.
const meterInterval = 16

// mediaMeter counts the frames of a port and measures now and then how loud the
// far end is. Its worker writes, anybody reads. The zero value is ready.
type mediaMeter struct {
	first atomic.Int64 // 1 + number of the first frame; 0: none yet
	now   atomic.Int64 // 1 + number of the latest frame

	until   int // frames with sound to the next measurement; the worker's
	samples atomic.Uint64
	energy  atomic.Uint64
}

// frame takes note of a frame and of what came from the far end in it.
func (m *mediaMeter) frame(n int64, pcm []int16, sound bool) {
	if m.first.Load() == 0 {
		m.first.Store(n + 1)
	}
	m.now.Store(n + 1)
	if !sound {
		return
	}
	if m.until > 0 {
		m.until--
		return
	}
	m.until = meterInterval - 1
	m.samples.Add(uint64(len(pcm)))
	m.energy.Add(audio.Energy(pcm))
}

// since is how many frames there were since a value of now; 0 is since the
// first one.
func (m *mediaMeter) since(from int64) int64 {
	if from == 0 {
		from = m.first.Load()
	}
	return max(0, m.now.Load()-from)
}

// level is the mean of what was measured, to a tenth [dBov].
func (m *mediaMeter) level() float64 {
	n := m.samples.Load()
	if n == 0 {
		return audio.MinDBov
	}
	return math.Round(10*audio.DBov(m.energy.Load(), int(n))) / 10
}
