package rtp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"mediaserver/internal/shortage"
)

// Errors of Ports.
var (
	// ErrNoPorts: every port of the range is in use or was until a moment ago, or the
	// system has no socket left.
	ErrNoPorts = errors.New("rtp: no free port")
	// ErrPortRange: the configured range holds no even port with its successor.
	ErrPortRange = errors.New("rtp: bad port range")
)

// Defaults of PortsConfig.
const (
	DefaultMinPort = 20000
	DefaultMaxPort = 39999
	DefaultDrain   = 5 * time.Second
)

// PortsConfig says which ports calls may use. The zero value is the default.
type PortsConfig struct {
	Min, Max int // first and last port, RTCP included; 0 = 20000 and 39999
	// Drain is how long a port rests after use, so that stray packets of the
	// call before do not reach the next one; 0 = 5 s, negative = none.
	Drain   time.Duration
	Now     func() time.Time // nil = time.Now
	Metrics *Metrics         // nil = not counted
}

func (c PortsConfig) withDefaults() PortsConfig {
	if c.Min == 0 {
		c.Min = DefaultMinPort
	}
	if c.Max == 0 {
		c.Max = max(DefaultMaxPort, c.Min+1)
	}
	if c.Drain == 0 {
		c.Drain = DefaultDrain
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c PortsConfig) validate() error {
	if c.Min < 1 || c.Max > 65535 || c.first()+1 > c.Max {
		return fmt.Errorf("%w: %d to %d", ErrPortRange, c.Min, c.Max)
	}
	return nil
}

// first is the first even port.
func (c PortsConfig) first() int { return c.Min + c.Min&1 }

// Ports hands out pairs of UDP ports: an even one for RTP and the next for
// RTCP (RFC 3550 §11). A port that was used longest ago, or never, comes first;
// the first one of all is random. Safe for concurrent use.
type Ports struct {
	cfg  PortsConfig
	open func(netip.AddrPort) (*socket, error)

	mu    sync.Mutex
	pairs []pair
	next  int // where the search begins
}

// pair is the state of two ports.
type pair struct {
	used bool
	rest time.Time // not to be used before
}

// NewPorts makes an allocator; it opens nothing yet.
func NewPorts(cfg PortsConfig) (*Ports, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	n := (cfg.Max - cfg.first() + 1) / 2
	return &Ports{cfg: cfg, open: openSocket, pairs: make([]pair, n), next: rand.IntN(n)}, nil
}

// Open opens a pair of sockets at the local address, which may be unspecified:
// 0.0.0.0 for IPv4, :: for both. Ports that another program holds are passed
// over. The error is ErrNoPorts when none is left, else what the system says.
func (p *Ports) Open(local netip.Addr) (*Sockets, error) {
	var failed error
	for range p.pairs {
		i, ok := p.take()
		if !ok {
			break
		}
		s, err := p.bind(i, local)
		if err == nil {
			p.cfg.Metrics.portTaken(1)
			return s, nil
		}
		failed = err
		if portTaken(err) {
			p.rest(i)
			continue
		}
		p.giveBack(i, time.Time{})
		if shortage.Is(err) {
			break
		}
		return nil, fmt.Errorf("open RTP port: %w", err)
	}
	p.cfg.Metrics.portFailed()
	if failed != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPorts, failed)
	}
	return nil, ErrNoPorts
}

// take reserves a pair.
func (p *Ports) take() (index int, ok bool) {
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.pairs {
		i := p.next
		p.next = (p.next + 1) % len(p.pairs)
		if q := &p.pairs[i]; !q.used && !now.Before(q.rest) {
			q.used = true
			return i, true
		}
	}
	return 0, false
}

// rest frees a pair after a while: it was used, or others do.
func (p *Ports) rest(i int) {
	var until time.Time
	if p.cfg.Drain > 0 {
		until = p.cfg.Now().Add(p.cfg.Drain)
	}
	p.giveBack(i, until)
}

// giveBack frees a pair at a time; the zero time is now.
func (p *Ports) giveBack(i int, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pairs[i] = pair{rest: at}
}

func (p *Ports) bind(i int, local netip.Addr) (*Sockets, error) {
	port := uint16(p.cfg.first() + 2*i)
	a, err := p.open(netip.AddrPortFrom(local, port))
	if err != nil {
		return nil, err
	}
	b, err := p.open(netip.AddrPortFrom(local, port+1))
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	s := &Sockets{port: int(port), pool: p, index: i}
	s.rtp, s.rtcp = pairedSocket{a, s}, pairedSocket{b, s}
	return s, nil
}

// Sockets are the two sockets of one endpoint.
type Sockets struct {
	rtp, rtcp pairedSocket
	port      int
	pool      *Ports
	index     int
	once      sync.Once
	err       error
}

// pairedSocket is one of two sockets that are closed together, as Endpoint.Close does.
type pairedSocket struct {
	*socket
	pair *Sockets
}

// Close closes both sockets of the pair.
func (s pairedSocket) Close() error { return s.pair.Close() }

// RTP is the socket at the even port.
func (s *Sockets) RTP() IO { return s.rtp }

// RTCP is the socket at the odd port.
func (s *Sockets) RTCP() IO { return s.rtcp }

// Port is the RTP port; RTCP has the next.
func (s *Sockets) Port() int { return s.port }

// Close closes both sockets and lets the ports rest before they are used
// again. Nothing may use the sockets any more. A second Close does nothing.
func (s *Sockets) Close() error {
	s.once.Do(func() {
		s.err = errors.Join(s.rtp.close(), s.rtcp.close())
		s.pool.rest(s.index)
		s.pool.cfg.Metrics.portTaken(-1)
	})
	return s.err
}
