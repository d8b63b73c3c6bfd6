package tts

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Values of the label outcome.
const (
	outcomeOK       = "ok"
	outcomeCached   = "cached"
	outcomeFailed   = "failed"
	outcomeTimeout  = "timeout"
	outcomeCanceled = "canceled" // no one waited any more
	outcomeSkipped  = "skipped"  // the engine rests after failures
)

// Metrics counts what a Speaker does. It is safe for concurrent use.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	speech   *prometheus.CounterVec
	hits     *prometheus.CounterVec
	misses   prometheus.Counter
	shared   prometheus.Counter
	cached   *prometheus.GaugeVec
}

// NewMetrics makes metrics and registers them with r if that is not nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "mediaserver_tts_" + name, Help: help}
	}
	m := &Metrics{
		requests: prometheus.NewCounterVec(opts("requests_total", "Pieces of text given to speech engines or taken from the cache."), []string{"engine", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mediaserver_tts_request_seconds", Help: "Time a speech engine took for a piece of text.",
			Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		}, []string{"engine"}),
		speech: prometheus.NewCounterVec(opts("speech_seconds_total", "Length of the speech that engines made."), []string{"engine"}),
		hits:   prometheus.NewCounterVec(opts("cache_hits_total", "Pieces of text found in the cache."), []string{"store"}),
		misses: prometheus.NewCounter(opts("cache_misses_total", "Pieces of text not found in the cache.")),
		shared: prometheus.NewCounter(opts("shared_total", "Pieces of text that were being synthesised for another call.")),
		cached: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "mediaserver_tts_cache_bytes", Help: "Size of the cached speech.",
		}, []string{"store"}),
	}
	m.hits.WithLabelValues(storeMemory)
	m.hits.WithLabelValues(storeDisk)
	m.size(0, 0)
	if r != nil {
		r.MustRegister(m.requests, m.seconds, m.speech, m.hits, m.misses, m.shared, m.cached)
	}
	return m
}

// begin makes the series of an engine, so that rates have a zero to begin with.
func (m *Metrics) begin(engine string) {
	for _, outcome := range []string{outcomeOK, outcomeCached, outcomeFailed, outcomeTimeout, outcomeCanceled, outcomeSkipped} {
		m.requests.WithLabelValues(engine, outcome)
	}
	m.seconds.WithLabelValues(engine)
	m.speech.WithLabelValues(engine)
}

// size notes how much is cached.
func (m *Metrics) size(memory, disk int64) {
	m.cached.WithLabelValues(storeMemory).Set(float64(memory))
	m.cached.WithLabelValues(storeDisk).Set(float64(disk))
}

// Values of the label store.
const (
	storeMemory = "memory"
	storeDisk   = "disk"
)
