package mixer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of an Engine. Make them with NewMetrics.
type Metrics struct {
	lateness prometheus.Histogram // start of a slot after its due time
	duration prometheus.Histogram // of the work of a slot with rooms
	spent    prometheus.Counter   // processor time of slots
	skipped  prometheus.Counter   // whole frames left out, per worker

	lateByGC, lateByWork, lateByScheduling lateCause

	lateBatches prometheus.Counter // that a section went without in a frame
	rooms       prometheus.Gauge
	members     prometheus.Gauge
}

// lateCause counts slots that began late for one reason.
type lateCause struct{ slots, seconds prometheus.Counter }

func (c lateCause) add(late time.Duration) {
	c.slots.Inc()
	c.seconds.Add(late.Seconds())
}

// NewMetrics makes the metrics and registers them with r. With a nil r they
// work unregistered.
func NewMetrics(r prometheus.Registerer) *Metrics {
	times := []float64{5e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 3e-3, 5e-3, 10e-3, 20e-3, 60e-3}
	causes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mediaserver_slots_late_total",
		Help: "Media slots that began more than 1 ms late, by cause.",
	}, []string{"cause"})
	seconds := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mediaserver_slots_late_seconds_total",
		Help: "By how much these slots were late, by cause.",
	}, []string{"cause"})
	cause := func(name string) lateCause {
		return lateCause{slots: causes.WithLabelValues(name), seconds: seconds.WithLabelValues(name)}
	}
	m := &Metrics{
		lateByGC: cause("gc"), lateByWork: cause("work"), lateByScheduling: cause("scheduling"),
		lateness: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mediaserver_slot_lateness_seconds",
			Help:    "How late a media slot began, after its time on the absolute schedule.",
			Buckets: times,
		}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mediaserver_slot_duration_seconds",
			Help:    "How long a media slot with at least one room took, sends included.",
			Buckets: times,
		}),
		spent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_slot_cpu_seconds_total",
			Help: "Processor time of media slots, sends included; time, where the system does not tell.",
		}),
		skipped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_frames_skipped_total",
			Help: "Whole frames a media worker left out because it was more than 60 ms late.",
		}),
		lateBatches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_wide_room_frames_lost_total",
			Help: "Frames a part of a wide room went without what another part said, because its worker was too late.",
		}),
		rooms: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_mixer_rooms",
			Help: "Rooms in the mixer, those of single calls included.",
		}),
		members: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mediaserver_mixer_members",
			Help: "Members in the mixer's rooms.",
		}),
	}
	if r != nil {
		r.MustRegister(m.lateBatches, causes, seconds, m.lateness, m.duration, m.spent, m.skipped, m.rooms, m.members)
	}
	return m
}
