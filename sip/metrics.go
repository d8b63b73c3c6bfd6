package sip

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/sip/guard"
)

// Metrics are the counters of a UA. Their label sets are bounded: a method
// that is not one of RFC 3261 or its usual extensions counts as "other", a
// status code without a known phrase as its class, such as "4xx".
type Metrics struct {
	requests  *prometheus.CounterVec // direction, method
	responses *prometheus.CounterVec // direction, code
	unparsed  *prometheus.CounterVec // transport
	dropped   *prometheus.CounterVec // cause
	resent    *prometheus.CounterVec // kind
	dialogs   prometheus.Gauge
	conns     prometheus.Gauge
	panics    prometheus.Counter

	hopFailures prometheus.Counter
	logins      *prometheus.CounterVec // result

	register func(prometheus.Collector)
	guards   guardMetrics
}

// Directions of messages.
const (
	dirIn  = "in"
	dirOut = "out"
)

// Causes of dropped messages.
const (
	dropRate     = "rate_limit"    // too many from one source; beside it "banned" and "strangers" of guard.Verdict
	dropSource   = "bad_source"    // from no address that could be answered
	dropScanner  = "scanner"       // of a program that looks for victims
	dropAlien    = "not_allowed"   // of a source that has no business here
	dropOptions  = "options"       // OPTIONS that is not to be answered
	dropFilter   = "filter"        // Config.Filter said so
	dropNoVia    = "no_via"        // no Via, so no place to answer to
	dropStray    = "stray_message" // response or ACK that belongs to nothing
	dropRepeated = "repeated"      // repeated message that needs no reaction
	dropBusy     = "mailbox_full"  // too many messages of one call waiting
	dropConns    = "tcp_limit"     // too many TCP connections
	dropSize     = "too_large"     // larger than a datagram of ours may be
	dropSTUN     = "stun"          // a binding request that gets no answer
	dropWrite    = "write_error"   // the network refused it
)

// Kinds of retransmission.
const (
	resentRequest  = "request"       // ours, by its transaction
	resentResponse = "response"      // ours, because a request was repeated or not acknowledged
	resentAnswer   = "answer"        // our 2xx, for want of an ACK
	resentACK      = "ack"           // our ACK, because a response was repeated
	resentIn       = "request_heard" // a request we had already seen
)

// NewMetrics makes the metrics and registers them, unless r is nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mediaserver_sip_" + name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "mediaserver_sip_" + name, Help: help})
	}
	m := &Metrics{
		requests:  vec("requests_total", "SIP requests, without retransmissions of ours.", "direction", "method"),
		responses: vec("responses_total", "SIP responses, without retransmissions of ours.", "direction", "code"),
		unparsed:  vec("parse_errors_total", "Messages that could not be parsed.", "transport"),
		dropped:   vec("dropped_total", "Messages dropped without an answer.", "cause"),
		resent:    vec("retransmissions_total", "Repeated messages.", "kind"),
		dialogs:   gauge("dialogs_active", "Dialogs, from the INVITE to the end."),
		conns:     gauge("tcp_connections", "Open TCP connections."),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_sip_panics_total", Help: "Messages whose handling failed inside.",
		}),
	}
	m.hopFailures = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "mediaserver_sip_hop_failures_total", Help: "Hops of a request that did not answer, or with 503.",
	})
	m.guards.make(vec)
	m.logins = vec("logins_total", "Requests judged by their credentials.", "result")
	m.begin()
	if r != nil {
		m.guards.register(r)
		m.register = func(c prometheus.Collector) { r.MustRegister(c) }
		r.MustRegister(m.logins, m.hopFailures, m.requests, m.responses, m.unparsed, m.dropped, m.resent, m.dialogs, m.conns, m.panics)
	}
	return m
}

// begin makes the series whose labels are known, so that rates have a zero to begin
// with: all but those of responses, which are too many, and of Config.Filter.
func (m *Metrics) begin() {
	for _, method := range append(knownMethods(), otherMethod) {
		m.requests.WithLabelValues(dirIn, method)
		m.requests.WithLabelValues(dirOut, method)
	}
	for _, transport := range []string{viaUDP, viaTCP, viaTLS, viaWS, viaWSS} {
		m.unparsed.WithLabelValues(transport)
	}
	for _, cause := range []string{
		guard.Banned.String(), dropRate, guard.Stranger.String(), dropSource, dropScanner, dropAlien, dropOptions,
		dropNoVia, dropStray, dropRepeated, dropBusy, dropConns, dropSize, dropSTUN, dropWrite,
	} {
		m.dropped.WithLabelValues(cause)
	}
	for _, kind := range []string{resentRequest, resentResponse, resentAnswer, resentACK, resentIn} {
		m.resent.WithLabelValues(kind)
	}
	for v := noCredentials; v <= loggedIn; v++ {
		m.logins.WithLabelValues(v.String())
	}
	m.guards.begin()
}

func (m *Metrics) request(direction, method string) {
	m.requests.WithLabelValues(direction, methodLabel(method)).Inc()
}

func (m *Metrics) response(direction string, code int) {
	m.responses.WithLabelValues(direction, codeLabel(code)).Inc()
}

// watchContacts shows the contacts of the phones of the one UA that has these
// metrics.
func (m *Metrics) watchContacts(count func() int) {
	if m.register == nil {
		return
	}
	m.register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mediaserver_sip_registered_contacts", Help: "Contacts of phones that are registered.",
	}, func() float64 { return float64(count()) }))
}

func (m *Metrics) login(v verdict)    { m.logins.WithLabelValues(v.String()).Inc() }
func (m *Metrics) drop(cause string)  { m.dropped.WithLabelValues(cause).Inc() }
func (m *Metrics) resend(kind string) { m.resent.WithLabelValues(kind).Inc() }

// otherMethod is the label of methods that are not known.
const otherMethod = "other"

// knownMethods are those of RFC 3261 and its usual extensions.
func knownMethods() []string {
	return []string{
		"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE",
		"REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PRACK", "PUBLISH",
	}
}

func methodLabel(method string) string {
	if slices.Contains(knownMethods(), method) {
		return method
	}
	return otherMethod
}

func codeLabel(code int) string {
	if _, ok := reasons[code]; ok {
		return strconv.Itoa(code)
	}
	return strconv.Itoa(code/100%10) + "xx"
}
