package generator

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"mediaserver/bench/tone"
)

// ErrPlatform means that there is no generator for this operating system.
var ErrPlatform = errors.New("bench: the load generator needs Linux (recvmmsg, sendmmsg, IP_PKTINFO)")

// Defaults of Config.
const (
	DefaultThreads = 1
	DefaultSockets = 2
)

// Config of a Generator.
type Config struct {
	Threads   int      // 0 = DefaultThreads; several are spread over the processors
	Sockets   int      // of each thread, for RTP; 0 = DefaultSockets
	Capacity  int      // participants at most
	Law       tone.Law // of what is sent and expected
	Amplitude float64  // of each tone; 0 = tone.Amplitude(1)
	ByMail    bool     // send by sockets even where packets can be injected
}

// slotSize is how many participants of a thread share a slot at most.
func (c *Config) slotSize() int {
	lane := c.Capacity/max(c.Threads, 1) + 1
	return lane/slots + 1
}

// Generator plays participants.
type Generator struct {
	cfg   Config
	lanes []*lane
}

// New opens the sockets. Close frees them, or Run does.
func New(cfg Config) (*Generator, error) {
	if cfg.Threads == 0 {
		cfg.Threads = DefaultThreads
	}
	if cfg.Sockets == 0 {
		cfg.Sockets = DefaultSockets
	}
	if cfg.Amplitude == 0 {
		cfg.Amplitude = tone.Amplitude(1)
	}
	if cfg.Capacity > MaxParticipants {
		return nil, fmt.Errorf("bench: %d participants; there are addresses for %d", cfg.Capacity, MaxParticipants)
	}
	g := &Generator{cfg: cfg}
	for range cfg.Threads {
		l, err := newLane(&g.cfg)
		if err != nil {
			return nil, errors.Join(err, g.Close())
		}
		g.lanes = append(g.lanes, l)
	}
	return g, nil
}

// Close frees the sockets of a Generator that does not run.
func (g *Generator) Close() error {
	var errs []error
	for _, l := range g.lanes {
		errs = append(errs, l.close())
	}
	g.lanes = nil
	return errors.Join(errs...)
}

// Address is where participant n sends from and receives. RTCP is received,
// and ignored, at the port above.
func (g *Generator) Address(n int) netip.AddrPort {
	thread, _, socket := place(n, g.cfg.Threads, g.cfg.Sockets)
	return netip.AddrPortFrom(address(n), g.lanes[thread].sockets[socket].port)
}

// Run sends and receives until ctx ends. Several threads take turns: the slots of
// one begin in the middle of those of the other.
func (g *Generator) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	start, n := time.Now().Add(slotTime), len(g.lanes)
	for i, l := range g.lanes {
		turn := start.Add(slotTime * time.Duration(i) / time.Duration(n))
		tasks.Go(func() { l.run(ctx, i, n, turn) })
	}
	tasks.Wait()
}

// Add begins a participant within some milliseconds; one that has the number
// already ends. Nothing happens after Run has ended.
func (g *Generator) Add(n int, p Participant) {
	thread, slot, socket := place(n, g.cfg.Threads, g.cfg.Sockets)
	s := newStream(n, p, &g.cfg)
	g.lanes[thread].later(func(l *lane) { l.add(s, slot, socket) })
}

// Remove ends a participant, after what was asked for before.
func (g *Generator) Remove(n int) {
	thread, _, _ := place(n, g.cfg.Threads, g.cfg.Sockets)
	g.lanes[thread].later(func(l *lane) { l.remove(n) })
}

// Begin begins a window: counting starts anew.
func (g *Generator) Begin() {
	for _, l := range g.lanes {
		l.do(func(l *lane) { l.begin() })
	}
}

// End is what was counted since Begin. Counting goes on.
func (g *Generator) End() *Window {
	all := &Window{Manner: Manner{Realtime, true}}
	for _, l := range g.lanes {
		l.do(func(l *lane) { all.merge(l.end()) })
	}
	return all
}
