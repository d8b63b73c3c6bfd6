package status

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewRegistry makes a registry with the collectors of the Go runtime and of
// the process, the build and the readiness of the server.
func NewRegistry(version string, s *State) *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "mediaserver_build_info",
		Help:        "1, labelled with the version of the server and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	build.Set(1)
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mediaserver_ready",
		Help: "1 while new calls are accepted, 0 while starting or draining.",
	}, func() float64 {
		if s.Phase() == Ready {
			return 1
		}
		return 0
	})
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build, ready,
	)
	return r
}
