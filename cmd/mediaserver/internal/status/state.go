package status

import (
	"fmt"
	"sync/atomic"
)

// Phase is where the process is in its life.
type Phase int32

// The phases, in order.
const (
	Starting Phase = iota
	Ready
	Draining
)

// String is "starting", "ready" or "draining".
func (p Phase) String() string {
	switch p {
	case Starting:
		return "starting"
	case Ready:
		return "ready"
	case Draining:
		return "draining"
	default:
		return fmt.Sprintf("Phase(%d)", int32(p))
	}
}

// State holds the phase. The zero value is Starting.
type State struct{ phase atomic.Int32 }

// Phase is the present phase.
func (s *State) Phase() Phase { return Phase(s.phase.Load()) }

// Set changes the phase.
func (s *State) Set(p Phase) { s.phase.Store(int32(p)) }
