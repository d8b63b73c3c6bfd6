package management

import "github.com/prometheus/client_golang/prometheus"

// metrics count the clients of the event stream.
type metrics struct {
	streams *prometheus.GaugeVec
	cut     *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mediaserver_event_streams", Help: "Clients of the event stream.",
		}, []string{"kind"}),
		cut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_event_streams_ended_total", Help: "Event streams that have ended, by reason: client, slow, expired, stopping.",
		}, []string{"kind", "reason"}),
	}
	if r != nil {
		r.MustRegister(m.streams, m.cut)
	}
	return m
}
