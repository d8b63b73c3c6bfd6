package recording

import "github.com/prometheus/client_golang/prometheus"

// The values of the label outcome.
const (
	outcomeComplete   = "complete"   // every frame is in the file
	outcomeIncomplete = "incomplete" // frames were lost
	outcomeFailed     = "failed"     // not opened, or not completed
	outcomeRepaired   = "repaired"   // of an interrupted process
)

// cause is why a frame did not get into its file.
type cause uint8

const (
	causeQueue cause = iota // the disk was too slow: the queue was full
	causeWrite              // the disk refused
	causeOrder              // not after the frame before
	causeLong               // beyond the longest recording
	numCauses
)

// String is the value of the label cause.
func (c cause) String() string {
	return [...]string{"queue_full", "write_error", "out_of_order", "too_long"}[c]
}

// Metrics of a Store. Make them with NewMetrics.
type Metrics struct {
	recordings *prometheus.CounterVec
	dropped    *prometheus.CounterVec
	bytes      prometheus.Counter
	deleted    prometheus.Counter
	open       prometheus.Gauge
	queued     prometheus.Gauge
}

// NewMetrics makes the metrics and registers them with r. With a nil r they
// work unregistered.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		recordings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_recordings_total",
			Help: "Recordings that have ended, by what became of them.",
		}, []string{"outcome"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mediaserver_recording_frames_dropped_total",
			Help: "20 ms frames that became silence in a recording or were left out, by cause.",
		}, []string{"cause"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_recording_bytes_total",
			Help: "Bytes of recordings written.",
		}),
		deleted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_recordings_deleted_total",
			Help: "Files of recordings deleted because of their age.",
		}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_recordings_open",
			Help: "Recordings being made.",
		}),
		queued: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_recording_queue_frames",
			Help: "20 ms frames found waiting for the disk, in all recordings, when the writers last looked.",
		}),
	}
	for _, o := range []string{outcomeComplete, outcomeIncomplete, outcomeFailed, outcomeRepaired} {
		m.recordings.WithLabelValues(o)
	}
	for c := range numCauses {
		m.dropped.WithLabelValues(c.String())
	}
	if r != nil {
		r.MustRegister(m.recordings, m.dropped, m.bytes, m.deleted, m.open, m.queued)
	}
	return m
}
