package websocket

import "github.com/prometheus/client_golang/prometheus"

// Directions of frames, as labels.
const (
	dirIn  = "in"
	dirOut = "out"
)

// Metrics count calls to WebSockets.
type Metrics struct {
	active  prometheus.Gauge
	dropped *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them with r, which may be nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_websocket_calls_active", Help: "Calls to WebSockets that are connected.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_websocket_frames_dropped_total",
			Help: "Frames of 20 ms left out because more waited than is sent on.",
		}, []string{"direction"}),
	}
	for _, d := range []string{dirIn, dirOut} {
		m.dropped.WithLabelValues(d)
	}
	if r != nil {
		r.MustRegister(m.active, m.dropped)
	}
	return m
}
