package generator

import (
	"time"

	"mediaserver/bench/measure"
)

// Window is what was counted in a stretch of time. Durations are in the
// histograms.
type Window struct {
	Span           time.Duration
	Sent, Received uint64 // packets
	SendErrors     uint64 // packets the system did not take
	Strange        uint64 // packets for nobody, or not understood
	Lost           int64  // by sequence; negative if more came twice than were lost
	Reordered      uint64 // behind a packet with a higher number, or twice
	Late           uint64 // more than one frame behind the schedule of their stream
	Examined       uint64 // packets of listeners that should hear somebody
	Faults         uint64 // of those, packets in which somebody is missing
	Missing        uint64 // talkers missing in them, in all
	WorstFaults    uint64 // Faults of the listener with the most
	Unheard        uint64 // participants removed that never got a packet
	Stalls         uint64 // times a thread was so late that it began its schedule anew
	Lateness       measure.Histogram
	Gap            measure.Histogram // between packets of a listener
	Latency        measure.Histogram // first loud sample in to first loud sample out
	SlotLateness   measure.Histogram // of the generator itself: a slot's packets sent, after the slot's time
	WorkPerSlot    measure.Histogram // of the generator itself
	Manner
}

// Manner is how the generator worked.
type Manner struct {
	Priority Priority // that all threads had
	Injected bool     // what all threads sent went in by package inject, not by sockets
}

// Sends says how what was sent went to the server: "injected" or "sendmmsg".
func (m Manner) Sends() string {
	if m.Injected {
		return "injected"
	}
	return "sendmmsg"
}

// Priority says before whom a thread of the generator runs.
type Priority int

// The priorities that a system may grant.
const (
	Normal   Priority = iota // one among others
	Favoured                 // nice -20
	Realtime                 // before all others: SCHED_FIFO
)

// String is the name.
func (p Priority) String() string { return [...]string{"normal", "nice", "realtime"}[p] }

// merge adds what another thread counted.
func (w *Window) merge(o *Window) {
	w.Span = max(w.Span, o.Span)
	w.Sent += o.Sent
	w.Received += o.Received
	w.SendErrors += o.SendErrors
	w.Strange += o.Strange
	w.Lost += o.Lost
	w.Reordered += o.Reordered
	w.Late += o.Late
	w.Examined += o.Examined
	w.Faults += o.Faults
	w.Missing += o.Missing
	w.WorstFaults = max(w.WorstFaults, o.WorstFaults)
	w.Unheard += o.Unheard
	w.Stalls += o.Stalls
	w.Lateness.Merge(&o.Lateness)
	w.Gap.Merge(&o.Gap)
	w.Latency.Merge(&o.Latency)
	w.SlotLateness.Merge(&o.SlotLateness)
	w.WorkPerSlot.Merge(&o.WorkPerSlot)
	w.Priority = min(w.Priority, o.Priority)
	w.Injected = w.Injected && o.Injected
}
