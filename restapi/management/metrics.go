package management

import "github.com/prometheus/client_golang/prometheus"

// metrics count the clients of the event stream.
type metrics struct {
	streams *prometheus.GaugeVec
	cut     *prometheus.CounterVec
}

// The kinds of event streams, as labels.
const (
	kindSSE       = "sse"
	kindWebSocket = "websocket"
)

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mediaserver_event_streams", Help: "Clients of the event stream.",
		}, []string{"kind"}),
		cut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_event_streams_ended_total", Help: "Event streams that have ended, by reason: client, slow, expired, stopping.",
		}, []string{"kind", "reason"}),
	}
	for _, kind := range []string{kindSSE, kindWebSocket} {
		m.streams.WithLabelValues(kind)
		for _, reason := range []string{reasonClient, reasonSlow, reasonExpired, reasonStopping} {
			m.cut.WithLabelValues(kind, reason)
		}
	}
	if r != nil {
		r.MustRegister(m.streams, m.cut)
	}
	return m
}
