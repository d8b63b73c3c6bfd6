package rtp

import (
	"sync/atomic"
	"time"

	"mediaserver/internal/lone"
)

// DropCause says why a datagram was thrown away unheard.
type DropCause uint8

// The causes. String is the label value in the metrics.
const (
	DropMalformed   DropCause = iota // no RTP or RTCP that can be read
	DropOversize                     // more payload than a packet may hold
	DropPayloadType                  // a payload type that was not negotiated
	DropSource                       // from an address we do not listen to
	DropSSRC                         // of a second stream from the same address
	DropSequence                     // a wild sequence number; two in a row begin a new sequence
	DropDuplicate                    // a sequence number that had come before
	DropLate                         // after its time had passed
	DropOverflow                     // the jitter buffer was full: the oldest goes
	DropBacklog                      // older than the largest delay allows
	DropDirection                    // sound while the direction forbids it
	DropRTCP                         // RTCP that is not for us or not on its port
	DropEnded                        // of a call that has ended, at a shared port
	DropForged                       // not protected with the keys that were agreed on
	numDropCauses
)

var dropNames = [numDropCauses]string{
	"malformed", "oversize", "payload_type", "source", "ssrc", "sequence",
	"duplicate", "late", "overflow", "backlog", "direction", "rtcp", "ended", "forged",
}

// String is the cause as in the metrics.
func (c DropCause) String() string {
	if c < numDropCauses {
		return dropNames[c]
	}
	return "unknown"
}

// ConcealCause says why sound had to be made up.
type ConcealCause uint8

// The causes. String is the label value in the metrics.
const (
	ConcealLoss     ConcealCause = iota // a packet did not come, later ones did
	ConcealLate                         // the packet came, but after its time
	ConcealUnderrun                     // nothing came any more: the far end stopped without a word
	numConcealCauses
)

var concealNames = [numConcealCauses]string{"loss", "late", "underrun"}

// String is the cause as in the metrics.
func (c ConcealCause) String() string {
	if c < numConcealCauses {
		return concealNames[c]
	}
	return "unknown"
}

// SocketError is a kind of failed socket call.
type SocketError uint8

// The kinds. String is the label value in the metrics.
const (
	SocketUnreachable SocketError = iota // ICMP error
	SocketBusy                           // send queue full
	SocketOther
	numSocketErrors
)

var socketErrorNames = [numSocketErrors]string{"unreachable", "busy", "other"}

// String is the kind as in the metrics.
func (s SocketError) String() string {
	if s < numSocketErrors {
		return socketErrorNames[s]
	}
	return "unknown"
}

// counts are the counters of one endpoint. The worker writes, anyone reads.
type counts struct {
	// With every packet, in one line or two.
	received      lone.Uint64 // packets
	receivedBytes lone.Uint64 // of payload
	lastReceived  lone.Int64  // Unix [ns], 0 = never
	jitter        lone.Int64  // RFC 3550 A.8 [ns]
	sent          lone.Uint64
	sentBytes     lone.Uint64

	rtcpReceived  atomic.Uint64
	rtcpSent      atomic.Uint64
	lost          atomic.Uint64
	dropped       [numDropCauses]atomic.Uint64
	concealed     [numConcealCauses]atomic.Uint64 // frames
	socketErrors  [numSocketErrors]atomic.Uint64
	resyncs       atomic.Uint64
	sourceChanges atomic.Uint64
	ssrcChanges   atomic.Uint64
	stretched     atomic.Uint64 // samples put in
	shrunk        atomic.Uint64 // samples taken out
	kernelDrops   atomic.Uint64
	gauges
}

// gauges are the values of the moment of one endpoint.
type gauges struct {
	target       lone.Int64   // wanted delay [ns]
	delay        lone.Int64   // delay now [ns]
	rtt          atomic.Int64 // [ns], 0 = unknown
	remoteLost   atomic.Int64 // as the far end reports
	remoteJitter lone.Int64   // as the far end reports [ns]
	remoteFrac   atomic.Uint32
	goodbye      atomic.Bool
}

// Stats is a snapshot of an endpoint's counters since its beginning.
type Stats struct {
	Received      uint64 // RTP packets from the far end, late ones and duplicates too
	ReceivedBytes uint64 // of payload
	Sent          uint64 // RTP packets
	SentBytes     uint64 // of payload
	RTCPReceived  uint64 // RTCP datagrams understood
	RTCPSent      uint64
	// Lost counts packets passed over at play-out; those that came afterwards
	// are also in Dropped[DropLate].
	Lost          uint64
	Dropped       [numDropCauses]uint64    // datagrams, by DropCause
	Concealed     [numConcealCauses]uint64 // frames, by ConcealCause
	SocketErrors  [numSocketErrors]uint64  // by SocketError
	Resyncs       uint64                   // new beginnings: sequence or timestamp jumped, gap longer than the buffer
	SourceChanges uint64                   // the far end's address changed, the first one not counted
	SSRCChanges   uint64
	KernelDrops   uint64    // datagrams the system threw away, unread
	LastReceived  time.Time // see Endpoint.LastReceived

	DelayStats
	RemoteStats
}

// DelayStats tell how the jitter buffer does.
type DelayStats struct {
	Jitter      time.Duration // interarrival jitter, RFC 3550 §6.4.1
	TargetDelay time.Duration // play-out delay wanted behind the fastest packet
	Delay       time.Duration // play-out delay now behind the fastest packet
	Stretched   time.Duration // sound put in to make the delay grow
	Shrunk      time.Duration // sound taken out to make it shrink
}

// RemoteStats are what the far end tells by RTCP.
type RemoteStats struct {
	RTT            time.Duration // round trip, 0 = unknown
	RemoteLost     int64         // our packets the far end misses, by its last report
	RemoteFraction float64       // share of them since the report before
	RemoteJitter   time.Duration // of our packets, by its last report
	Goodbye        bool          // RTCP BYE has come
}

// TotalDropped is the sum of Dropped.
func (s Stats) TotalDropped() (n uint64) {
	for _, x := range s.Dropped {
		n += x
	}
	return n
}

// TotalConcealed is the sum of Concealed [frames].
func (s Stats) TotalConcealed() (n uint64) {
	for _, x := range s.Concealed {
		n += x
	}
	return n
}

// Stats takes a snapshot. It may be called from any goroutine, also after Close.
func (e *Endpoint) Stats() Stats {
	c := e.counts
	rate := e.next.Load().rate
	s := Stats{
		Received: c.received.Load(), ReceivedBytes: c.receivedBytes.Load(),
		Sent: c.sent.Load(), SentBytes: c.sentBytes.Load(),
		RTCPReceived: c.rtcpReceived.Load(), RTCPSent: c.rtcpSent.Load(),
		Lost: c.lost.Load(), Resyncs: c.resyncs.Load(),
		SourceChanges: c.sourceChanges.Load(), SSRCChanges: c.ssrcChanges.Load(),
		KernelDrops: c.kernelDrops.Load(), LastReceived: e.LastReceived(),
		DelayStats: DelayStats{
			Jitter:      time.Duration(c.jitter.Load()),
			TargetDelay: time.Duration(c.target.Load()),
			Delay:       time.Duration(c.delay.Load()),
			Stretched:   durationOf(int64(c.stretched.Load()), rate),
			Shrunk:      durationOf(int64(c.shrunk.Load()), rate),
		},
		RemoteStats: RemoteStats{
			RTT:            time.Duration(c.rtt.Load()),
			RemoteLost:     c.remoteLost.Load(),
			RemoteFraction: float64(c.remoteFrac.Load()) / 256,
			RemoteJitter:   time.Duration(c.remoteJitter.Load()),
			Goodbye:        c.goodbye.Load(),
		},
	}
	load(s.Dropped[:], c.dropped[:])
	load(s.Concealed[:], c.concealed[:])
	load(s.SocketErrors[:], c.socketErrors[:])
	return s
}

func load(dst []uint64, src []atomic.Uint64) {
	for i := range dst {
		dst[i] = src[i].Load()
	}
}

func (c *counts) drop(cause DropCause) { c.dropped[cause].Add(1) }

// socketError counts a failed call of an IO.
func (c *counts) socketError(err error) { c.socketErrors[socketErrorKind(err)].Add(1) }

func socketErrorKind(err error) SocketError {
	switch err {
	case ErrUnreachable:
		return SocketUnreachable
	case ErrBusy:
		return SocketBusy
	}
	return SocketOther
}

// durationOf is the time that n samples take.
func durationOf(n int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(n/r*int64(time.Second) + n%r*int64(time.Second)/r)
}
