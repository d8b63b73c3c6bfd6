package status

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of the metrics endpoint.
const (
	metricsTimeout  = 10 * time.Second
	metricsInFlight = 4
)

// Pulse tells whether the media clock runs.
type Pulse interface {
	// Healthy reports whether the clock ran shortly before now.
	Healthy(now time.Time) bool
}

// NewHandler answers the paths of the package documentation.
func NewHandler(s *State, pulse Pulse, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if !pulse.Healthy(time.Now()) {
			answer(w, http.StatusServiceUnavailable, "the media clock does not run")
			return
		}
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		code := http.StatusOK
		if s.Phase() != Ready {
			code = http.StatusServiceUnavailable
		}
		answer(w, code, s.Phase().String())
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{
		MaxRequestsInFlight: metricsInFlight, Timeout: metricsTimeout,
	}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "mediaserver: see /healthz, /readyz and /metrics")
	})
	return mux
}

// answer writes one line that no cache may keep.
func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	fmt.Fprintln(w, text) //nolint:errcheck // the client has gone
}

// NewPprofHandler serves the profiles of the process.
func NewPprofHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
