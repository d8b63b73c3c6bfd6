package trunk

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/sip"
)

// Metrics of the trunks. Their labels are the names of the configuration.
type Metrics struct {
	calls         *prometheus.CounterVec // trunk, direction, outcome
	registrations *prometheus.CounterVec // trunk, outcome
	asks          *prometheus.CounterVec // trunk, outcome
	rtt           *prometheus.HistogramVec
	table         atomic.Pointer[Table]

	up, registration, active *prometheus.Desc
}

// Values of labels.
const (
	directionIn  = "in"
	directionOut = "out"

	callTaken   = "taken"
	callLimited = "limited" // refused, or gone by another trunk

	outcomeOK       = "ok"
	outcomeRefused  = "refused"
	outcomeNoAnswer = "no_answer"
)

// rttBuckets are the bounds of the times of OPTIONS [s].
func rttBuckets() []float64 { return prometheus.ExponentialBuckets(0.001, 2, 13) }

// NewMetrics makes the metrics and registers them, unless r is nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	const prefix = "mediaserver_trunk_"
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prefix+name, help, []string{"trunk"}, nil)
	}
	m := &Metrics{
		calls:         vec("calls_total", "Calls of a trunk; limited ones were refused or went by another.", "trunk", "direction", "outcome"),
		registrations: vec("registrations_total", "REGISTER transactions.", "trunk", "outcome"),
		asks:          vec("keepalives_total", "OPTIONS sent to a trunk.", "trunk", "outcome"),
		rtt: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "answer_seconds", Help: "Time of the answer to OPTIONS.", Buckets: rttBuckets(),
		}, []string{"trunk"}),
		up:           desc("up", "1 while the trunk can be expected to take a call."),
		registration: desc("registered", "1 while the trunk is registered."),
		active:       desc("calls_active", "Calls of the trunk now."),
	}
	if r != nil {
		r.MustRegister(m.calls, m.registrations, m.asks, m.rtt, m)
	}
	return m
}

// of names the table whose state is shown.
func (m *Metrics) of(t *Table) { m.table.Store(t) }

// Describe is part of prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.up
	out <- m.registration
	out <- m.active
}

// Collect is part of prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	t := m.table.Load()
	if t == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, name string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, name)
	}
	for _, s := range t.States() {
		gauge(m.up, truth(s.Up), s.Name)
		gauge(m.active, float64(s.Calls), s.Name)
		if s.Register {
			gauge(m.registration, truth(s.Registered), s.Name)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// begin makes the series of a trunk, so that rates have a zero to begin with.
func (m *Metrics) begin(c Config) {
	for _, direction := range []string{directionIn, directionOut} {
		m.calls.WithLabelValues(c.Name, direction, callTaken)
		m.calls.WithLabelValues(c.Name, direction, callLimited)
	}
	for _, outcome := range []string{outcomeOK, outcomeRefused, outcomeNoAnswer} {
		if c.Line.Register {
			m.registrations.WithLabelValues(c.Name, outcome)
		}
		if c.Line.Keepalive > 0 {
			m.asks.WithLabelValues(c.Name, outcome)
		}
	}
	if c.Line.Keepalive > 0 {
		m.rtt.WithLabelValues(c.Name)
	}
}

func (m *Metrics) call(name string, out bool, outcome string) {
	direction := directionIn
	if out {
		direction = directionOut
	}
	m.calls.WithLabelValues(name, direction, outcome).Inc()
}

func (m *Metrics) registered(name string, err error) {
	m.registrations.WithLabelValues(name, outcome(err)).Inc()
}

func (m *Metrics) asked(name string, code int, rtt time.Duration, err error) {
	switch {
	case err != nil:
		m.asks.WithLabelValues(name, outcomeNoAnswer).Inc()
		return
	case alive(code):
		m.asks.WithLabelValues(name, outcomeOK).Inc()
	default:
		m.asks.WithLabelValues(name, outcomeRefused).Inc()
	}
	m.rtt.WithLabelValues(name).Observe(rtt.Seconds())
}

// outcome is the word for what became of a request.
func outcome(err error) string {
	if err == nil {
		return outcomeOK
	}
	if _, refused := errors.AsType[*sip.StatusError](err); refused || errors.Is(err, errNotGranted) {
		return outcomeRefused
	}
	return outcomeNoAnswer
}

// forget drops the series of a trunk that is gone.
func (m *Metrics) forget(name string) {
	labels := prometheus.Labels{"trunk": name}
	m.calls.DeletePartialMatch(labels)
	m.registrations.DeletePartialMatch(labels)
	m.asks.DeletePartialMatch(labels)
	m.rtt.DeletePartialMatch(labels)
}
