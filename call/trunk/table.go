package trunk

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"mediaserver/call"
	"mediaserver/internal/wildcard"
	"mediaserver/sip"
)

// Agent sends what a line needs: *sip.UA.
type Agent interface {
	Register(ctx context.Context, r sip.RegisterRequest) (sip.RegisterResult, error)
	Options(ctx context.Context, r sip.OptionsRequest) (code int, rtt time.Duration, err error)
}

// TableConfig is what a Table needs. The zero value finds ways for calls but
// can neither register nor ask.
type TableConfig struct {
	Agent   Agent        // nil: Run does nothing
	Metrics *Metrics     // nil: not registered anywhere
	Logger  *slog.Logger // nil: discards
	Events  call.Sink    // is told of trunks that go up or down; nil: nobody is
}

// Table holds the trunks.
type Table struct {
	cfg     TableConfig
	changed chan struct{} // capacity 1: the trunks were replaced

	mu      sync.Mutex
	list    []*trunk
	numbers string // name of the default trunk
	usages  map[string]*usage
}

// trunk is one entry; it does not change.
type trunk struct {
	cfg   Config
	line  *line
	usage *usage
}

// NewTable makes a Table without trunks; it starts nothing.
func NewTable(cfg TableConfig) *Table {
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Table{cfg: cfg, changed: make(chan struct{}, 1), usages: map[string]*usage{}}
	cfg.Metrics.of(t)
	return t
}

// Replace puts other trunks in the place of those there were. Calls that run
// are not touched; a trunk whose Line stays keeps its registration. fallback
// is the name of the trunk for numbers that no pattern takes, "" is the first
// that has no patterns.
func (t *Table) Replace(list []Config, fallback string) {
	t.mu.Lock()
	old := t.list
	t.list, t.numbers = make([]*trunk, 0, len(list)), fallback
	for _, c := range list {
		t.list = append(t.list, t.entry(c, old))
		t.cfg.Metrics.begin(c)
	}
	for name, u := range t.usages {
		if t.named(name) == nil && u.calls() == 0 {
			delete(t.usages, name)
		}
	}
	t.mu.Unlock()
	for _, was := range old {
		if _, stays := t.trunkNamed(was.cfg.Name); !stays {
			t.cfg.Metrics.forget(was.cfg.Name)
		}
	}
	select {
	case t.changed <- struct{}{}:
	default: // Run has not seen the change before
	}
}

// entry makes a trunk, with what is left of it. t.mu is held.
func (t *Table) entry(c Config, old []*trunk) *trunk {
	e := &trunk{cfg: c, usage: t.usages[c.Name]}
	if e.usage == nil {
		e.usage = &usage{}
		t.usages[c.Name] = e.usage
	}
	for _, was := range old {
		if was.cfg.Name == c.Name && sameLine(was.cfg.Line, c.Line) {
			e.line = was.line
		}
	}
	if e.line == nil {
		e.line = newLine(c.Name, c.Line)
	}
	return e
}

// named is the trunk of a name, nil if there is none. t.mu is held.
func (t *Table) named(name string) *trunk {
	for _, e := range t.list {
		if e.cfg.Name == name {
			return e
		}
	}
	return nil
}

func (t *Table) trunkNamed(name string) (*trunk, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.named(name)
	return e, e != nil
}

// trunks are all trunks and the name of the one for numbers.
func (t *Table) trunks() ([]*trunk, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.list), t.numbers
}

// maxRoutes bounds the ways that are tried for one call.
const maxRoutes = 12

// patience is how long the first sign of life may take by a way after which
// there is another: over UDP the INVITE has been sent four times then.
const patience = 4 * time.Second

// Routes are the ways to a number or SIP address, see call.Trunks. A number
// goes by the trunks with a pattern that fits, in their order; without one by
// the default trunk. Trunks that are down come last.
func (t *Table) Routes(d call.Destination, from string) ([]call.Route, error) {
	list, fallback := t.trunks()
	if d.Kind != call.ToNumber {
		if e := forAddress(list, d.Value); e != nil {
			return []call.Route{e.toAddress(t, d.Value, from)}, nil
		}
		return []call.Route{{Request: sip.InviteRequest{To: d.Value, From: from}}}, nil
	}
	found := forNumber(list, fallback, d.Value)
	if len(found) == 0 {
		return nil, noTrunk(d.Value)
	}
	slices.SortStableFunc(found, func(a, b *trunk) int { return rank(a.line.isUp()) - rank(b.line.isUp()) })
	var routes []call.Route
	for _, e := range found {
		routes = append(routes, e.toNumber(t, d.Value, from)...)
	}
	routes = routes[:min(len(routes), maxRoutes)]
	for i := range routes[:max(len(routes)-1, 0)] {
		routes[i].Request.Patience = patience
	}
	return routes, nil
}

// rank sorts what is up before what is not.
func rank(up bool) int {
	if up {
		return 0
	}
	return 1
}

// forNumber are the trunks that take a number, in their order.
func forNumber(list []*trunk, fallback, number string) []*trunk {
	var found []*trunk
	for _, e := range list {
		if slices.ContainsFunc(e.cfg.Match, func(pattern string) bool { return wildcard.Match(pattern, number) }) {
			found = append(found, e)
		}
	}
	if len(found) > 0 {
		return found
	}
	for _, e := range list {
		if e.cfg.Name == fallback || fallback == "" && len(e.cfg.Match) == 0 {
			return []*trunk{e}
		}
	}
	return nil
}

// forAddress is the trunk that a SIP address leads to: its credentials are
// good for it.
func forAddress(list []*trunk, uri string) *trunk {
	for _, e := range list {
		for _, a := range e.cfg.Line.Addresses {
			if leadsTo(uri, a) {
				return e
			}
		}
	}
	return nil
}

// Incoming is an INVITE of a trunk with its numbers rewritten. Source names
// the trunk; without one nothing is done.
func (t *Table) Incoming(inv sip.Invitation) sip.Invitation {
	e, ok := t.trunkNamed(inv.Source)
	if !ok {
		return inv
	}
	if e.cfg.Caller.Believe && inv.Asserted.User != "" && !inv.Anonymous() {
		inv.From = inv.Asserted
	}
	return e.cfg.Numbers.incoming(inv)
}

// TakeIncoming books a call that came in by a trunk; the error wraps ErrLimit.
// digest is for challenges to requests of ours within it, nil without one.
// release ends the call.
func (t *Table) TakeIncoming(name string) (release func(), digest *sip.Digest, err error) {
	e, ok := t.trunkNamed(name)
	if !ok {
		return func() {}, nil, nil
	}
	release, err = e.take(t, false)
	return release, e.line.digest, err
}

// take books a call.
func (e *trunk) take(t *Table, out bool) (release func(), err error) {
	if err := e.usage.take(e.cfg.Name, e.cfg.Limits, out, time.Now()); err != nil {
		t.cfg.Metrics.call(e.cfg.Name, out, callLimited)
		return nil, err
	}
	t.cfg.Metrics.call(e.cfg.Name, out, callTaken)
	return sync.OnceFunc(e.usage.release), nil
}
