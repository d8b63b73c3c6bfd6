package call

import "github.com/prometheus/client_golang/prometheus"

// metrics count calls, rooms and digits; the names are those outsiders rely
// on.
type metrics struct {
	active       *prometheus.GaugeVec
	total        *prometheus.CounterVec
	conferences  prometheus.Gauge
	participants *prometheus.GaugeVec
	digits       *prometheus.CounterVec
	transfers    *prometheus.CounterVec
	refused      prometheus.Counter // for want of headroom
}

// newMetrics makes the metrics and registers them with r, which may be nil.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		active: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mediaserver_calls_active", Help: "Calls by SIP that have not ended.",
		}, []string{"direction"}),
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_calls_total", Help: "Calls by SIP that have ended.",
		}, []string{"direction", "cause"}),
		conferences: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_conferences_active", Help: "Rooms of this process in use.",
		}),
		participants: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mediaserver_conference_participants", Help: "Participants of the rooms of this process.",
		}, []string{"role"}),
		digits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_dtmf_events_total", Help: "Key presses received.",
		}, []string{"method"}),
	}
	m.refused = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "mediaserver_calls_refused_total", Help: "Calls by SIP refused because no more fit.",
	})
	m.transfers = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mediaserver_transfers_total", Help: "Transfers of calls, by who wanted them and what came of them.",
	}, []string{"by", "outcome"})
	for _, d := range []Direction{In, Out} {
		m.active.WithLabelValues(d.String())
		for c := Completed; c <= Failed; c++ {
			m.total.WithLabelValues(d.String(), c.String())
		}
	}
	for _, by := range []string{transferByFarEnd, transferByAPI, transferByReplaces} {
		for _, outcome := range []string{transferDone, transferFailed, transferRefused} {
			m.transfers.WithLabelValues(by, outcome)
		}
	}
	for _, x := range []method{byEvent, byInfo, byInBand, byMessage} {
		m.digits.WithLabelValues(x.String())
	}
	for _, r := range []string{roleTalker, roleListener} {
		m.participants.WithLabelValues(r)
	}
	if r != nil {
		r.MustRegister(m.active, m.total, m.conferences, m.participants, m.digits, m.refused, m.transfers)
	}
	return m
}

func (m *metrics) started(d Direction) { m.active.WithLabelValues(d.String()).Inc() }

func (m *metrics) ended(d Direction, cause Cause) {
	m.active.WithLabelValues(d.String()).Dec()
	m.total.WithLabelValues(d.String(), cause.String()).Inc()
}

const (
	roleTalker   = "talker"
	roleListener = "listener"
)

func role(p *Participant) string {
	if p.opts.Talker {
		return roleTalker
	}
	return roleListener
}
