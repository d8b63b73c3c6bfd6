package restapi

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what instances do. The names are relied on from outside.
type Metrics struct {
	requests  *prometheus.CounterVec
	seconds   prometheus.Histogram
	queued    prometheus.Gauge
	instances prometheus.Gauge
	logErrors prometheus.Counter
	faults    prometheus.Counter

	media        *prometheus.CounterVec
	mediaSeconds prometheus.Histogram
	mediaBytes   prometheus.Gauge
}

// NewMetrics makes the metrics and registers them with r. With a nil r they
// are not registered, and usable all the same.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_page_requests_total",
			Help: "Page requests by kind of page and outcome: ok, or the error code in lower case.",
		}, []string{"page", "outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mediaserver_page_request_seconds",
			Help:    "Time from the start of a page request to its whole answer, redirects and a retry included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		instances: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_instances_active",
			Help: "Application instances that are running.",
		}),
		queued: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_outbound_calls_queued",
			Help: "Calls of outbound services that wait for their turn.",
		}),
		logErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_instance_log_errors_total",
			Help: "Lines that could not be written to an instance's log.",
		}),
		faults: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_instance_faults_total",
			Help: "Instances that ended by a fault of the server.",
		}),
		media: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_media_fetches_total",
			Help: "Media wanted from addresses by outcome: hit, joined, fetched, revalidated, stale, not_found, invalid, timeout, given_up.",
		}, []string{"outcome"}),
		mediaSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mediaserver_media_fetch_seconds",
			Help:    "Time of a fetch of media from an address, redirects and decoding included; without those that the memory answered.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		mediaBytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_media_cache_bytes",
			Help: "Decoded media from addresses that are kept in memory.",
		}),
	}
	for k := firstPage; k <= notificationPage; k++ {
		for _, outcome := range pageOutcomes() {
			m.requests.WithLabelValues(k.String(), outcome)
		}
	}
	for _, o := range []outcome{
		mediaHit, mediaJoined, mediaFetched, mediaRevalidated, mediaStale, mediaNotFound, mediaInvalid, mediaTimeout, mediaGivenUp,
	} {
		m.media.WithLabelValues(string(o))
	}
	if r != nil {
		r.MustRegister(m.requests, m.seconds, m.instances, m.queued, m.logErrors, m.faults, m.media, m.mediaSeconds, m.mediaBytes)
	}
	return m
}

// asked counts one finished page request.
func (m *Metrics) asked(k pageKind, outcome string, took time.Duration) {
	m.requests.WithLabelValues(k.String(), outcome).Inc()
	m.seconds.Observe(took.Seconds())
}
