package trunk

import (
	"slices"
	"sync"
	"time"

	"mediaserver/sip"
)

// line is what lives between us and a trunk.
type line struct {
	name   string
	cfg    Line
	digest *sip.Digest

	mu       sync.Mutex
	healths  []health // by address
	register registration
	was      bool // up, as was told last
	told     bool
	since    time.Time     // of the state that was told last
	renewed  chan struct{} // capacity 1: the registration has a new end
	stopped  chan struct{}
}

// health is what is known of an address.
type health struct {
	asked  bool // at least once
	up     bool
	code   int // of the last answer; 0 = none came
	err    string
	answer time.Time // the last
	rtt    time.Duration
}

// registration is where a registration stands.
type registration struct {
	until   time.Time // it holds so long; zero: there is none
	address int       // index of the one where it is
	routes  []string  // RFC 3608
	err     string    // of the last attempt, "" = it was good
}

func newLine(name string, cfg Line) *line {
	return &line{
		name: name, cfg: cfg, digest: sip.NewDigest(cfg.Username, cfg.Password),
		healths: make([]health, len(cfg.Addresses)), renewed: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
}

// runOut forgets a registration whose time is over. l.mu is held.
func (l *line) runOut(now time.Time) {
	if l.register.until.IsZero() || l.register.until.After(now) {
		return
	}
	l.register.until = time.Time{}
	if l.register.err == "" {
		l.register.err = "it has run out"
	}
}

// isUp says whether the trunk can be expected to take a call.
func (l *line) isUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	up, _ := l.judge(time.Now())
	return up
}

// judge says whether the line is up, and if not why. l.mu is held.
func (l *line) judge(now time.Time) (up bool, reason string) {
	if l.cfg.Register && !l.register.until.After(now) {
		if l.register.err != "" {
			return false, "not registered: " + l.register.err
		}
		return false, "not registered yet"
	}
	for _, h := range l.healths {
		if !h.asked || h.up {
			return true, ""
		}
		reason = h.err
	}
	return false, reason
}

// order are the addresses in the order in which they are to be tried: those
// that answer first; where the registration is before its equals.
func (l *line) order() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var order []string
	for _, i := range l.indices() {
		order = append(order, l.cfg.Addresses[i])
	}
	return order
}

// indices is order by index. l.mu is held.
func (l *line) indices() []int {
	cost := func(i int) int {
		c := 0
		if h := l.healths[i]; h.asked && !h.up {
			c += 2
		}
		if !l.register.until.IsZero() && l.register.address != i {
			c++
		}
		return c
	}
	order := make([]int, len(l.cfg.Addresses))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cost(a) - cost(b) })
	return order
}

// via puts a call on its way: by the proxy of the configuration, else by the
// route that the registrar has named.
func (l *line) via(r *sip.InviteRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cfg.Proxy != "" {
		r.Proxy = l.cfg.Proxy
		if loose(l.cfg.Proxy) {
			r.Routes = append(r.Routes, l.cfg.Proxy)
		}
	}
	if l.register.until.After(time.Now()) && len(l.register.routes) > 0 {
		r.Routes = append(r.Routes, l.register.routes...)
		if l.cfg.Proxy == "" {
			r.Proxy = ""
		}
	}
}

// State is how a trunk does.
type State struct {
	Name      string
	Addresses []AddressState
	Up        bool
	Reason    string    // why it is down
	Since     time.Time // of Up; zero: nothing has been found out yet

	Register   bool // it is to be registered
	Registered bool
	Until      time.Time // the registration holds so long
	Refused    string    // what became of the last attempt, "" if it was good

	Limits Limits
	Calls  int
}

// AddressState is how one address of a trunk does.
type AddressState struct {
	Address string
	Asked   bool // by OPTIONS; without that nothing else is known
	Up      bool
	Code    int           // of the last answer; 0: there was none
	Answer  time.Time     // when the last came; zero: never
	RTT     time.Duration // of the last
}

// state is how the line does.
func (l *line) state() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stateLocked(time.Now())
}

func (l *line) stateLocked(now time.Time) State {
	s := State{Name: l.name, Since: l.since, Register: l.cfg.Register, Refused: l.register.err}
	s.Up, s.Reason = l.judge(now)
	if l.register.until.After(now) {
		s.Registered, s.Until = true, l.register.until
	}
	for i, h := range l.healths {
		s.Addresses = append(s.Addresses, AddressState{
			Address: l.cfg.Addresses[i], Asked: h.asked, Up: h.up, Code: h.code, Answer: h.answer, RTT: h.rtt,
		})
	}
	return s
}

// note changes what is known of the line and says whether that changed its state,
// which tell is told first: it must not wait. What is told last is what holds.
func (l *line) note(change func(), now time.Time, tell func(State)) (s State, changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	up, _ := l.judge(now)
	if l.told && up == l.was || !l.told && !l.foundOut() {
		return l.stateLocked(now), false
	}
	l.was, l.told, l.since = up, true, now
	s = l.stateLocked(now)
	tell(s)
	return s, true
}

// foundOut says whether the first of all that is to be known of the line is: what
// became of its registration, and of OPTIONS to an address that answers or to all.
// l.mu is held.
func (l *line) foundOut() bool {
	if l.cfg.Register && l.register.until.IsZero() && l.register.err == "" {
		return false
	}
	return l.cfg.Keepalive == 0 ||
		slices.ContainsFunc(l.healths, func(h health) bool { return h.up }) ||
		!slices.ContainsFunc(l.healths, func(h health) bool { return !h.asked })
}

// States are how the trunks do, in their order.
func (t *Table) States() []State {
	list, _ := t.trunks()
	out := make([]State, 0, len(list))
	for _, e := range list {
		s := e.line.state()
		s.Limits, s.Calls = e.cfg.Limits, e.usage.calls()
		out = append(out, s)
	}
	return out
}
