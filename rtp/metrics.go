package rtp

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics sums the counters of all endpoints when it is asked, so that the
// media path touches nothing that is shared. It is a prometheus.Collector and
// safe for concurrent use.
type Metrics struct {
	mu   sync.Mutex
	live map[*counts]struct{}
	past totals // of endpoints that are closed

	shared []*sharedPort // under mu

	ports        atomic.Int64 // in use
	sharedCalls  atomic.Int64 // at shared ports now
	notApart     atomic.Uint64
	portFailures atomic.Uint64
}

// The metrics, all summed over the endpoints.
var (
	descPackets    = desc("rtp_packets_total", "RTP packets from and to far ends.", "direction")
	descRTCP       = desc("rtcp_packets_total", "RTCP datagrams from and to far ends.", "direction")
	descConcealed  = desc("frames_concealed_total", "20 ms frames of received sound that had to be made up.", "cause")
	descDropped    = desc("rtp_packets_dropped_total", "Datagrams thrown away unheard.", "cause")
	descLost       = desc("rtp_packets_lost_total", "RTP packets passed over at play-out.")
	descResyncs    = desc("rtp_resyncs_total", "Jitter buffers begun anew after a jump or a long gap.")
	descSources    = desc("rtp_source_changes_total", "Changes of a far end's address.")
	descSSRCs      = desc("rtp_ssrc_changes_total", "Changes of a far end's SSRC.")
	descSocket     = desc("rtp_socket_errors_total", "Socket calls that failed.", "kind")
	descKernel     = desc("rtp_kernel_drops_total", "Datagrams the system threw away because they were not read in time.")
	descEndpoints  = desc("rtp_endpoints", "Endpoints open.")
	descPorts      = desc("rtp_ports_in_use", "RTP ports in use.")
	descShared     = desc("rtp_shared_calls", "Calls at shared RTP ports.")
	descNotApart   = desc("rtp_shared_refused_total", "Calls that no shared RTP port could tell from others: they got ports of their own, if there were any.")
	descPortFailed = desc("rtp_port_failures_total", "Requests for an RTP port when none was free.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("mediaserver_"+name, help, labels, nil)
}

// The label values of direction.
const (
	directionIn  = "in"
	directionOut = "out"
)

// totals are counts that no endpoint adds to any more.
type totals struct {
	received, sent, rtcpReceived, rtcpSent    uint64
	lost, resyncs, sources, ssrcs, kernelLost uint64
	dropped                                   [numDropCauses]uint64
	concealed                                 [numConcealCauses]uint64
	socketErrors                              [numSocketErrors]uint64
}

func (t *totals) add(c *counts) {
	t.received += c.received.Load()
	t.sent += c.sent.Load()
	t.rtcpReceived += c.rtcpReceived.Load()
	t.rtcpSent += c.rtcpSent.Load()
	t.lost += c.lost.Load()
	t.resyncs += c.resyncs.Load()
	t.sources += c.sourceChanges.Load()
	t.ssrcs += c.ssrcChanges.Load()
	t.kernelLost += c.kernelDrops.Load()
	sum(t.dropped[:], c.dropped[:])
	sum(t.concealed[:], c.concealed[:])
	sum(t.socketErrors[:], c.socketErrors[:])
}

// addShared adds what is known of a shared port only.
func (t *totals) addShared(p *sharedPort) {
	t.dropped[DropSource] += p.stats.strangers.Load()
	t.dropped[DropMalformed] += p.stats.malformed.Load()
	t.dropped[DropEnded] += p.stats.late.Load()
	t.dropped[DropBacklog] += p.stats.backlog.Load()
	t.kernelLost += p.kernelDrops()
	sum(t.socketErrors[:], p.stats.errors[:])
}

func sum(dst []uint64, src []atomic.Uint64) {
	for i := range dst {
		dst[i] += src[i].Load()
	}
}

// NewMetrics makes metrics and registers them; with a nil registerer they
// count unregistered.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{live: make(map[*counts]struct{})}
	if r != nil {
		r.MustRegister(m)
	}
	return m
}

// add begins to count an endpoint.
func (m *Metrics) add(c *counts) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.live[c] = struct{}{}
}

// remove keeps what a closed endpoint has counted.
func (m *Metrics) remove(c *counts) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.live[c]; ok {
		delete(m.live, c)
		m.past.add(c)
	}
}

func (m *Metrics) portTaken(n int64) {
	if m != nil {
		m.ports.Add(n)
	}
}

func (m *Metrics) portFailed() {
	if m != nil {
		m.portFailures.Add(1)
	}
}

func (m *Metrics) sharedTaken(n int64) {
	if m != nil {
		m.sharedCalls.Add(n)
	}
}

func (m *Metrics) apart() {
	if m != nil {
		m.notApart.Add(1)
	}
}

// addShared begins to count shared ports. They are counted for good: they live as
// long as the process.
func (m *Metrics) addShared(ports []*sharedPort) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shared = append(m.shared, ports...)
}

func (m *Metrics) snapshot() (t totals, endpoints int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t = m.past
	for c := range m.live {
		t.add(c)
	}
	for _, p := range m.shared {
		t.addShared(p)
	}
	return t, len(m.live)
}

// Describe sends the descriptions of all metrics. It implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descPackets, descRTCP, descConcealed, descDropped, descLost, descResyncs, descSources,
		descSSRCs, descSocket, descKernel, descEndpoints, descPorts, descPortFailed,
		descShared, descNotApart,
	} {
		out <- d
	}
}

// Collect sends the sums of all endpoints. It implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	t, endpoints := m.snapshot()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	counter(descPackets, t.received, directionIn)
	counter(descPackets, t.sent, directionOut)
	counter(descRTCP, t.rtcpReceived, directionIn)
	counter(descRTCP, t.rtcpSent, directionOut)
	for c, v := range t.concealed {
		counter(descConcealed, v, ConcealCause(c).String())
	}
	for c, v := range t.dropped {
		counter(descDropped, v, DropCause(c).String())
	}
	for c, v := range t.socketErrors {
		counter(descSocket, v, SocketError(c).String())
	}
	counter(descLost, t.lost)
	counter(descResyncs, t.resyncs)
	counter(descSources, t.sources)
	counter(descSSRCs, t.ssrcs)
	counter(descKernel, t.kernelLost)
	counter(descPortFailed, m.portFailures.Load())
	gauge(descEndpoints, float64(endpoints))
	gauge(descPorts, float64(m.ports.Load()))
	counter(descNotApart, m.notApart.Load())
	gauge(descShared, float64(m.sharedCalls.Load()))
}
