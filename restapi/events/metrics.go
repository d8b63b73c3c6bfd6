package events

import (
	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/call"
)

// The outcomes of requests to a webhook.
const (
	outcomeOK     = "ok"
	outcomeStatus = "status" // it refused
	outcomeFailed = "failed" // there was no answer
)

// Metrics count events and what becomes of them.
type Metrics struct {
	events      *prometheus.CounterVec
	dropped     prometheus.Counter
	storeErrors prometheus.Counter
	delivered   *prometheus.CounterVec
	attempts    *prometheus.CounterVec
	dead        *prometheus.CounterVec
	lag         *prometheus.GaugeVec
}

// NewMetrics makes the metrics and registers them with r, which may be nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_events_total", Help: "Events by type.",
		}, []string{"type"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_events_dropped_total", Help: "Events lost because the queue was full; closing events never are.",
		}),
		storeErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_event_store_errors_total", Help: "Writes of the history that failed.",
		}),
		delivered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_webhook_events_total", Help: "Events that a webhook has taken.",
		}, []string{"webhook"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_webhook_requests_total", Help: "Requests to a webhook by outcome: ok, status, failed.",
		}, []string{"webhook", "outcome"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_webhook_dead_letters_total", Help: "Events given up: too old, or too many behind.",
		}, []string{"webhook"}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mediaserver_webhook_lag_events", Help: "Events that a webhook has not taken yet.",
		}, []string{"webhook"}),
	}
	for _, t := range call.EventTypes() {
		m.events.WithLabelValues(string(t))
	}
	if r != nil {
		r.MustRegister(m.events, m.dropped, m.storeErrors, m.delivered, m.attempts, m.dead, m.lag)
	}
	return m
}

// begin makes the series of a webhook, so that rates have a zero to begin with.
func (m *Metrics) begin(webhook string) {
	m.delivered.WithLabelValues(webhook)
	m.dead.WithLabelValues(webhook)
	m.lag.WithLabelValues(webhook)
	for _, outcome := range []string{outcomeOK, outcomeStatus, outcomeFailed} {
		m.attempts.WithLabelValues(webhook, outcome)
	}
}
