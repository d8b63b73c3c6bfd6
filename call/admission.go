package call

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/sip"
)

// Admission says when calls are refused. The zero value refuses them when the
// engine says that no more fit.
type Admission struct {
	Unmeasured bool // whatever the engine says
	MaxCalls   int  // calls at a time; 0: no such limit
	// Awaited says whether somebody takes an inbound call; one that nobody takes is
	// refused by its Handler, and does not ring before. nil: always.
	Awaited func(Info) bool
}

// rings says whether the far end of an inbound call is told that it rings.
func (a Admission) rings(info Info) bool { return a.Awaited == nil || a.Awaited(info) }

// Headroom says how many more participants fit.
type Headroom struct {
	Fit  int  // participants; never negative
	Busy bool // the next call by SIP is refused
}

// Headroom is what the engine has measured, less the calls that do not have
// sound yet, and no more than Admission.MaxCalls leaves.
func (m *Manager) Headroom() Headroom {
	engine := m.cfg.Engine.Headroom()
	m.mu.Lock()
	calls := len(m.calls)
	m.mu.Unlock()
	fit := max(0, engine.Fit-max(0, calls-engine.Ports))
	busy := fit == 0 && !m.cfg.Admission.Unmeasured
	if most := m.cfg.Admission.MaxCalls; most > 0 {
		left := max(0, most-calls)
		if m.cfg.Admission.Unmeasured {
			fit = left
		}
		fit = min(fit, left)
		busy = busy || left == 0
	}
	return Headroom{Fit: fit, Busy: busy}
}

// A refused caller is asked to come back after a time between these, so that
// not all come at once.
const (
	retryAfterMin = 5 * time.Second
	retryAfterMax = 15 * time.Second
)

// refuseBusy refuses an INVITE with 503 and Retry-After when nothing fits, and
// reports whether it did. RFC 3261 §21.5.4.
func (m *Manager) refuseBusy(d Dialog) bool {
	if _, local := d.(*localEnd); local || !m.Headroom().Busy {
		return false
	}
	m.metrics.refused.Inc()
	if err := d.Reject(codeUnavailable, "", retryAfter()); err != nil {
		m.cfg.Logger.Debug("reject", "error", err)
	}
	return true
}

// retryAfter is the header of a 503. RFC 3261 §20.33.
func retryAfter() sip.Header {
	wait := retryAfterMin + rand.N(retryAfterMax-retryAfterMin)
	return sip.Header{Name: "Retry-After", Value: strconv.Itoa(int(wait.Seconds()))}
}

// registerHeadroom makes the headroom a metric.
func (m *Manager) registerHeadroom(r prometheus.Registerer) {
	if r == nil {
		return
	}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mediaserver_participants_headroom",
		Help: "Participants that still fit, by the time the media slots take.",
	}, func() float64 { return float64(m.Headroom().Fit) }))
}
