package sip

import "github.com/prometheus/client_golang/prometheus"

// guardMetrics count what the defence sees. Their labels are the offences.
type guardMetrics struct {
	offences *prometheus.CounterVec // reason
	bans     *prometheus.CounterVec // reason
}

func (g *guardMetrics) make(vec func(name, help string, labels ...string) *prometheus.CounterVec) {
	g.offences = vec("offences_total", "What sources were blamed for, trusted ones included.", "reason")
	g.bans = vec("bans_total", "Sources that were banned.", "reason")
}

// begin makes the series of all offences.
func (g *guardMetrics) begin() {
	for _, reason := range []string{
		offenceUnparsed, offenceInvalid, offenceForbidden, offenceUnknown, offenceDigest, offenceScanner, offenceFlood, offenceStalled,
	} {
		g.offences.WithLabelValues(reason)
		g.bans.WithLabelValues(reason)
	}
}

func (g *guardMetrics) register(r prometheus.Registerer) { r.MustRegister(g.offences, g.bans) }

func (m *Metrics) offence(kind string) { m.guards.offences.WithLabelValues(kind).Inc() }
func (m *Metrics) ban(kind string)     { m.guards.bans.WithLabelValues(kind).Inc() }

// watchBans shows the bans of the one UA that has these metrics.
func (m *Metrics) watchBans(count func() float64) {
	if m.register == nil {
		return
	}
	m.register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mediaserver_sip_bans_active", Help: "Sources that are banned.",
	}, count))
}
