package trunk

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"mediaserver/call"
	"mediaserver/sip"
)

// Times of the lines.
const (
	pingTimeout     = 8 * time.Second // for an answer to OPTIONS: UDP has sent it five times
	registerTimeout = 20 * time.Second
	farewellTimeout = 2 * time.Second // for the end of a registration
	firstPause      = 2 * time.Second // after a failed registration; it doubles
	longestPause    = 5 * time.Minute
	refusedPause    = time.Minute // at least, after credentials were refused
	longestWish     = time.Hour   // that a Retry-After may ask for
	shortestRefresh = 5 * time.Second
)

// Run registers and asks until ctx ends, then ends the registrations and
// waits for all of it. It follows Replace.
func (t *Table) Run(ctx context.Context) error {
	if t.cfg.Agent == nil {
		<-ctx.Done()
		return nil
	}
	running := map[*line]context.CancelFunc{}
	last := map[string]*line{} // the line of a name that ran before
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for {
		t.reconcile(ctx, running, last, &tasks)
		select {
		case <-ctx.Done():
			for _, stop := range running {
				stop()
			}
			return nil
		case <-t.changed:
		}
	}
}

// reconcile stops the lines that are gone and starts those that are new. A
// line begins when the one of the same name has ended.
func (t *Table) reconcile(ctx context.Context, running map[*line]context.CancelFunc, last map[string]*line, tasks *sync.WaitGroup) {
	list, _ := t.trunks()
	for l, stop := range running {
		if !slices.ContainsFunc(list, func(e *trunk) bool { return e.line == l }) {
			stop()
			delete(running, l)
		}
	}
	for _, e := range list {
		l := e.line
		if running[l] != nil {
			continue
		}
		before := last[l.name]
		last[l.name] = l
		own, stop := context.WithCancel(ctx)
		running[l] = stop
		tasks.Go(func() {
			defer close(l.stopped)
			if before != nil {
				<-before.stopped
			}
			t.work(own, l)
		})
	}
}

// work keeps one line alive until ctx ends.
func (t *Table) work(ctx context.Context, l *line) {
	var tasks sync.WaitGroup
	if l.cfg.Register {
		tasks.Go(func() { t.keepRegistered(ctx, l) })
		tasks.Go(func() { t.watchRegistration(ctx, l) })
	}
	if l.cfg.Keepalive > 0 {
		for i := range l.cfg.Addresses {
			tasks.Go(func() { t.keepAsking(ctx, l, i) })
		}
	}
	tasks.Wait()
}

// note changes what is known of a line and tells of a change of its state.
func (t *Table) note(l *line, change func()) {
	s, changed := l.note(change, time.Now(), t.emit)
	switch {
	case !changed:
	case s.Up:
		t.cfg.Logger.Info("trunk is up", "trunk", s.Name)
	default:
		t.cfg.Logger.Warn("trunk is down", "trunk", s.Name, "reason", s.Reason)
	}
}

// emit tells the Sink of a change.
func (t *Table) emit(s State) {
	if t.cfg.Events == nil {
		return
	}
	e := call.Event{Type: call.TrunkUp, ServerEvent: call.ServerEvent{Trunk: &call.TrunkState{Name: s.Name, Reason: s.Reason}}}
	if !s.Up {
		e.Type = call.TrunkDown
	}
	if s.Register {
		e.Trunk.Registered = &s.Registered
	}
	t.cfg.Events.Emit(e)
}

// wait waits; false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// about is a time with up to a tenth taken off, so that what began together
// does not stay together.
func about(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(max(1, int64(d)/10)))
}

// keepAsking sends OPTIONS to an address until ctx ends.
func (t *Table) keepAsking(ctx context.Context, l *line, i int) {
	for {
		t.askOnce(ctx, l, i)
		if !wait(ctx, about(l.cfg.Keepalive)) {
			return
		}
	}
}

// askOnce sends one OPTIONS and notes the answer.
func (t *Table) askOnce(ctx context.Context, l *line, i int) {
	limited, done := context.WithTimeoutCause(ctx, pingTimeout, sip.ErrTimeout)
	defer done()
	r := sip.OptionsRequest{To: l.cfg.Addresses[i], Digest: l.digest}
	if l.cfg.Proxy != "" {
		r.Proxy = l.cfg.Proxy
		if loose(l.cfg.Proxy) {
			r.Routes = []string{l.cfg.Proxy}
		}
	}
	code, rtt, err := t.cfg.Agent.Options(limited, r)
	if ctx.Err() != nil {
		return
	}
	t.note(l, func() {
		h := &l.healths[i]
		h.asked, h.code, h.err = true, code, ""
		switch {
		case err != nil:
			h.up, h.err = false, hostPort(l.cfg.Addresses[i])+" does not answer"
		default:
			h.answer, h.rtt = time.Now(), rtt
			if h.up = alive(code); !h.up {
				h.err = hostPort(l.cfg.Addresses[i]) + " answers " + (&sip.StatusError{Code: code}).Error()
			}
		}
	})
	t.cfg.Metrics.asked(l.name, code, rtt, err)
}

// alive says whether an answer shows that an address takes calls: any but
// those that say that it, or what stands behind it, does not.
func alive(code int) bool {
	switch code {
	case 408, 502, 503, 504:
		return false
	}
	return true
}

// keepRegistered registers and refreshes until ctx ends, then takes the
// registration back.
func (t *Table) keepRegistered(ctx context.Context, l *line) {
	thread := &sip.Thread{}
	pause := firstPause
	for {
		granted, err := t.registerOnce(ctx, l, thread)
		if ctx.Err() != nil {
			break
		}
		next := max(refresh(granted), min(shortestRefresh, granted))
		if err != nil {
			next = retryPause(err, pause)
			pause = min(2*pause, longestPause)
		} else {
			pause = firstPause
		}
		if !wait(ctx, next) {
			break
		}
	}
	t.unregister(ctx, l, thread)
}

// refresh is when a registration is refreshed: after 75 to 90 % of its time.
func refresh(granted time.Duration) time.Duration {
	return granted*3/4 + time.Duration(rand.Int64N(max(1, int64(granted)*3/20)))
}

// retryPause is how long to wait after a failed attempt.
func retryPause(err error, pause time.Duration) time.Duration {
	if status, ok := errors.AsType[*sip.StatusError](err); ok {
		switch {
		case status.RetryAfter > 0:
			return min(status.RetryAfter, longestWish)
		case status.Code >= 400 && status.Code < 500 && status.Code != 408:
			pause = max(pause, refusedPause)
		}
	}
	return about(pause)
}

// watchRegistration notes the end of a registration that is not refreshed in time,
// also while a refresh is under way, until ctx ends.
func (t *Table) watchRegistration(ctx context.Context, l *line) {
	over := time.NewTimer(0)
	defer over.Stop()
	for {
		select {
		case <-l.renewed:
			l.mu.Lock()
			over.Reset(time.Until(l.register.until))
			l.mu.Unlock()
		case <-over.C:
			t.note(l, func() { l.runOut(time.Now()) })
		case <-ctx.Done():
			return
		}
	}
}

// registerOnce tries the addresses in turn until one registers us, and notes
// the outcome.
func (t *Table) registerOnce(ctx context.Context, l *line, thread *sip.Thread) (granted time.Duration, err error) {
	l.mu.Lock()
	order := l.indices()
	l.mu.Unlock()
	for _, i := range order {
		var res sip.RegisterResult
		limited, done := context.WithTimeoutCause(ctx, registerTimeout, sip.ErrTimeout)
		res, err = t.cfg.Agent.Register(limited, l.registerRequest(i, l.expires(), thread))
		done()
		if ctx.Err() != nil {
			return 0, err
		}
		if err == nil && res.Expires == 0 {
			err = errNotGranted
		}
		t.cfg.Metrics.registered(l.name, err)
		if err == nil {
			t.noteRegistered(l, i, res)
			return res.Expires, nil
		}
		t.cfg.Logger.Log(ctx, slog.LevelInfo, "trunk registration failed", "trunk", l.name, "address", hostPort(l.cfg.Addresses[i]), "error", err)
		if !elsewhere(err) || l.cfg.Proxy != "" {
			break
		}
	}
	t.note(l, func() { l.register.err = err.Error() })
	return 0, err
}

// errNotGranted: the registrar has accepted the request but not the contact.
var errNotGranted = errors.New("trunk: the registrar has not taken our contact")

func (t *Table) noteRegistered(l *line, i int, res sip.RegisterResult) {
	first := false
	t.note(l, func() {
		first = l.register.until.IsZero() || l.register.address != i
		l.register = registration{
			until: time.Now().Add(res.Expires), address: i, routes: res.ServiceRoute,
		}
	})
	select {
	case l.renewed <- struct{}{}:
	default: // it has not seen the one before
	}
	if first {
		t.cfg.Logger.Info("trunk registered", "trunk", l.name, "address", hostPort(l.cfg.Addresses[i]), "seconds", int(res.Expires.Seconds()))
	}
}

// elsewhere says whether another address may do what this one did not.
func elsewhere(err error) bool {
	if status, ok := errors.AsType[*sip.StatusError](err); ok {
		return status.Code == 408 || status.Code >= 500 && status.Code < 600
	}
	return true
}

func (l *line) expires() time.Duration {
	if l.cfg.Expires == 0 {
		return DefaultExpires
	}
	return l.cfg.Expires
}

// registerRequest is a REGISTER to one of the addresses.
func (l *line) registerRequest(i int, expires time.Duration, thread *sip.Thread) sip.RegisterRequest {
	address := l.cfg.Addresses[i]
	scheme, _ := schemeOf(address)
	r := sip.RegisterRequest{
		Registrar: address, Address: scheme + ":" + escaped(l.cfg.Username) + "@" + l.cfg.domain(),
		Contact: l.cfg.Username, Expires: expires, Digest: l.digest, Thread: thread,
	}
	if l.cfg.Domain != "" {
		r.Registrar, r.Proxy = scheme+":"+l.cfg.Domain, address
	}
	if l.cfg.Proxy != "" {
		r.Proxy = l.cfg.Proxy
		if loose(l.cfg.Proxy) {
			r.Routes = []string{l.cfg.Proxy}
		}
	}
	return r
}

// unregister takes the registration back, if there is one.
func (t *Table) unregister(ctx context.Context, l *line, thread *sip.Thread) {
	l.mu.Lock()
	held, i := l.register.until.After(time.Now()), l.register.address
	l.mu.Unlock()
	if !held {
		return
	}
	limited, done := context.WithTimeout(context.WithoutCancel(ctx), farewellTimeout)
	defer done()
	if _, err := t.cfg.Agent.Register(limited, l.registerRequest(i, 0, thread)); err != nil {
		t.cfg.Logger.Info("the end of a registration was not confirmed", "trunk", l.name, "error", err)
	}
	t.note(l, func() { l.register = registration{err: "registration ended"} })
}
