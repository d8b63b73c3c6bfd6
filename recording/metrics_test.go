package recording

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func value(m prometheus.Metric) float64 {
	var d dto.Metric
	if err := m.Write(&d); err != nil {
		panic(err)
	}
	if d.Gauge != nil {
		return d.Gauge.GetValue()
	}
	return d.Counter.GetValue()
}

func counted(s *Store, c cause) float64 {
	return value(s.cfg.Metrics.dropped.WithLabelValues(c.String()))
}

func outcome(s *Store, o string) float64 {
	return value(s.cfg.Metrics.recordings.WithLabelValues(o))
}

func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	m := NewMetrics(r)
	s, _ := newTestStore(t, Config{Metrics: m})
	rec := open(t, s, options())
	if got := value(m.open); got != 1 {
		t.Errorf("open %v", got)
	}
	for i := range int64(50) {
		rec.Write(i, nil, nil, 0)
	}
	closed(t, rec)
	if got := value(m.open); got != 0 {
		t.Errorf("open %v", got)
	}
	if got := value(m.bytes); got != 8000 {
		t.Errorf("bytes %v", got)
	}
	if got := outcome(s, outcomeComplete); got != 1 {
		t.Errorf("complete %v", got)
	}
	families, err := r.Gather()
	if err != nil || len(families) != 6 {
		t.Errorf("%d metrics, %v", len(families), err)
	}
}
