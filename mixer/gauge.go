package mixer

import (
	"math"
	"sync/atomic"

	"mediaserver/audio"
)

// gauge is an energy, written by a worker and read by anybody: the bits of a
// float32, and flags above.
type gauge struct{ atomic.Uint64 }

const (
	inMix  = 1 << 32 // the input was in the last mix
	asRoom = 1 << 33 // ask the room instead
)

func energyBits(energy uint64) uint64 { return uint64(math.Float32bits(float32(energy))) }

// set costs little when nothing has changed.
func (g *gauge) set(bits uint64) {
	if g.Load() != bits {
		g.Store(bits)
	}
}

func (g *gauge) dBov(samples int) float64 {
	return audio.DBov(uint64(math.Float32frombits(uint32(g.Load()))), samples)
}
