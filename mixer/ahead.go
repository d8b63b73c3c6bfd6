package mixer

import (
	"sync/atomic"

	"mediaserver/internal/prefetch"
)

// After the pause between two slots nothing of a member is in the caches near
// the core any more, and what serving it needs hangs together by pointers:
// member → port → endpoint → its buffers. So that the worker does not wait for
// one after the other, it has the next members fetched while it serves one, in
// stages: what one stage has fetched, the next may look at `stride` members later.

const (
	// PrefetchSteps is how many steps a Prefetcher may take.
	PrefetchSteps = 3
	// stages of a member: itself, and the steps of its port.
	stages = 1 + PrefetchSteps
	// stride is how many members there are between two stages.
	stride = 4
	// leadOfSections is how many sections before its turn a section is fetched,
	// and half as many before, what it points to.
	leadOfSections = 8
	// memberSize is what is needed of a member: up to the samples that its
	// limiter holds back, for 8 kHz.
	memberSize = 320
)

// Prefetcher is implemented by ports whose memory is worth fetching (package
// internal/prefetch) before Receive and Send are called.
type Prefetcher interface {
	// Prefetch takes a step, 0 to PrefetchSteps-1, in order, some members
	// before the port's turn: it has fetched what can be found by what it
	// looks at, which is only what the steps before have fetched; step 0 looks at
	// nothing. The worker that serves the port calls it, mostly once per
	// frame, but nothing may depend on that: it changes nothing.
	Prefetch(step int)
}

// prefetchNext takes a stage of each of those whose time for it comes with the
// turn of members[turn].
func prefetchNext(members []*Member, turn int) {
	for stage := range stages {
		if i := turn + (stages-stage)*stride; i < len(members) {
			members[i].prefetch(stage)
		}
	}
}

// prefetchFirst takes the stages that prefetchNext would have taken before the
// first turn.
func prefetchFirst(members []*Member) {
	for stage := range stages {
		for _, m := range members[:min((stages-stage)*stride, len(members))] {
			m.prefetch(stage)
		}
	}
}

// prefetch takes a stage: the member first, then what it points to.
func (m *Member) prefetch(stage int) {
	if stage == 0 {
		prefetch.First(m, memberSize)
		return
	}
	if stage == 1 {
		prefetch.Slice(m.in.pcm)
	}
	if m.ahead != nil {
		m.ahead.Prefetch(stage - 1)
	}
}

// prefetch fetches the section, or what serving it needs besides its members.
func (c *section) prefetch(deep bool) {
	if !deep {
		prefetch.Value(c)
		return
	}
	prefetch.Slice(c.members)
	prefetch.Slice(c.open[:min(cap(c.open), 8)])
}

// lineup is the members of a slot in the order in which they are served.
type lineup struct {
	members []*Member
	stale   bool // somebody has come or gone
	turn    int  // of members, in this frame

	placed, capacity atomic.Int64 // members in the slot, and for how many there is memory
}

// oneMore returns memory for more members when one is added; nil: there is
// enough, or it is on its way. Until it comes those who do not fit are served
// without being fetched before.
func (l *lineup) oneMore() []*Member {
	n := l.placed.Add(1)
	for {
		capacity := l.capacity.Load()
		if n <= capacity {
			return nil
		}
		if more := max(16, 2*capacity); l.capacity.CompareAndSwap(capacity, more) {
			return make([]*Member, 0, more)
		}
	}
}

// take takes the memory of oneMore.
func (l *lineup) take(memory []*Member) {
	if cap(memory) > cap(l.members) {
		l.members = memory
	}
	l.stale = true
}

// begin brings the lineup up to date for a frame.
func (l *lineup) begin(sections []*section) {
	l.turn = 0
	if !l.stale {
		return
	}
	l.stale = false
	old := len(l.members)
	l.members = l.members[:0]
	for i, c := range sections {
		if i+leadOfSections < len(sections) {
			sections[i+leadOfSections].prefetch(false)
		}
		l.members = append(l.members, c.members[:min(len(c.members), cap(l.members)-len(l.members))]...)
	}
	if old > len(l.members) {
		clear(l.members[len(l.members):old]) // nobody who has gone is kept
	}
}

// next is called at the turn of each member.
func (l *lineup) next() {
	prefetchNext(l.members, l.turn)
	l.turn++
}
