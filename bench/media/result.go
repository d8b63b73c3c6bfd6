package media

import (
	"fmt"

	"mediaserver/bench/baseline"
	"mediaserver/bench/generator"
	"mediaserver/bench/limit"
	"mediaserver/bench/machine"
	"mediaserver/bench/measure"
	"mediaserver/bench/process"
)

// Result is one run. Shares are of 1.
type Result struct {
	Participants int     `json:"participants"`
	Rooms        int     `json:"rooms"`
	Talkers      int     `json:"talkers_per_room"`
	Seconds      float64 `json:"seconds"`
	FailedCalls  int     `json:"failed_calls"`
	SetUpSeconds float64 `json:"set_up_seconds"`

	CPU       CPU       `json:"cpu"`
	Packets   Packets   `json:"packets"`
	Audio     Audio     `json:"audio"`
	Timing    Timing    `json:"timing"`
	Memory    Memory    `json:"memory"`
	Generator Generator `json:"generator"`

	Others float64  `json:"other_cpu_percent"` // what everything else used, of all processors
	Quiet  bool     `json:"quiet"`
	Pass   bool     `json:"pass"`
	Why    []string `json:"why_not,omitempty"` // the rules that were broken

	Baselines []limit.Cost `json:"baselines,omitempty"`
	Ratios    *Ratios      `json:"ratios,omitempty"`
}

// CPU is what the server used.
type CPU struct {
	PerParticipant float64 `json:"us_per_participant_second"`
	PerCore        float64 `json:"participants_per_core"`
	PerPacket      float64 `json:"ns_per_packet"` // received or sent
	Cores          float64 `json:"cores"`
}

// Packets are those of the generator, against what was due; Lost and the rest
// are those it should have got.
type Packets struct {
	InPerSecond  float64 `json:"in_per_second"` // into the server
	OutPerSecond float64 `json:"out_per_second"`
	In           float64 `json:"in_of_expected"`
	Out          float64 `json:"out_of_expected"`
	Lost         int64   `json:"lost"`
	Reordered    uint64  `json:"reordered"`
	Late         uint64  `json:"late"` // more than a frame behind the schedule of their stream
	Concealed    float64 `json:"concealed_of_frames"`
	Skipped      float64 `json:"frames_skipped"`
	QueueDrops   float64 `json:"queue_drops"` // by the kernel, at the server's sockets
}

// Audio is what the participants heard.
type Audio struct {
	Examined    uint64  `json:"packets_examined"`
	Faults      uint64  `json:"faults"`            // packets in which a talker is missing
	Share       float64 `json:"faults_per_packet"` //
	Missing     uint64  `json:"talkers_missing"`
	WorstFaults uint64  `json:"faults_of_worst_listener"`
}

// Timing is when things happened [ms].
type Timing struct {
	Slots   measure.Spread `json:"slot_lateness"`   // begin of a slot after its time, by the server's histogram
	Work    measure.Spread `json:"slot_duration"`   // by the server's histogram
	Packets measure.Spread `json:"packet_lateness"` // behind the schedule of their stream, at the listener
	Gap     measure.Spread `json:"packet_gap"`      // between packets, at the listener
	Latency measure.Spread `json:"added_latency"`   // first loud sample in to first loud sample out
	Probes  uint64         `json:"latencies_timed"`
}

// Memory is what the server's runtime did.
type Memory struct {
	RSS            float64 `json:"rss_mib"`
	PerParticipant float64 `json:"rss_kib_per_participant"`   // above that of the idle server
	Heap           float64 `json:"heap_kib_per_participant"`  // in use after a collection, above that of the idle server
	Stacks         float64 `json:"stack_kib_per_participant"` // of goroutines, likewise
	AllocsPerFrame float64 `json:"allocs_per_frame"`          // frames received and sent
	GCs            float64 `json:"gc_count"`
	GCPauseMax     float64 `json:"gc_pause_max_ms"` // since the server began
}

// Generator is how well the load was made.
type Generator struct {
	CPU      float64        `json:"cpu_percent"` // of one processor
	Priority string         `json:"priority"`    // of its threads: "realtime", "nice", "normal"
	Sends    string         `json:"sends"`       // how packets went to the server: "injected", "sendmmsg"
	Lateness measure.Spread `json:"slot_lateness"`
	Work     measure.Spread `json:"slot_work"`
	Stalls   uint64         `json:"stalls"`
	Strange  uint64         `json:"strange_packets"`
	Refused  uint64         `json:"send_errors"`
}

// Ratios hold the server against the baselines of the same runs: the medians
// of the CPU time per participant-second.
type Ratios struct {
	Server         float64 `json:"server_us_per_participant_second"`
	Unmixed        float64 `json:"unmixed_us_per_participant_second,omitempty"` // the server without mixing; 0 in results from before there was one
	Echo           float64 `json:"echo_us_per_participant_second"`
	Naive          float64 `json:"naive_us_per_participant_second"`
	Efficiency     float64 `json:"efficiency"`      // echo / server
	MixingOverhead float64 `json:"mixing_overhead"` // (server - unmixed) / unmixed; with no unmixed it is what echo_overhead is
	EchoOverhead   float64 `json:"echo_overhead"`   // (server - echo) / echo
	Design         float64 `json:"design_ratio"`    // naive / server
}

// ratios are those of some runs with their baselines.
func ratios(runs []Result) *Ratios {
	var server, unmixed, echo, naive []float64
	for _, r := range runs {
		server = append(server, r.CPU.PerParticipant)
		for _, c := range r.Baselines {
			switch kind := baseline.Kind(c.Kind); {
			case kind == baseline.Naive:
				naive = append(naive, c.CPU)
			case kind.Unmixed():
				unmixed = append(unmixed, c.CPU)
			default:
				echo = append(echo, c.CPU)
			}
		}
	}
	q := &Ratios{Server: measure.Median(server), Unmixed: measure.Median(unmixed), Echo: measure.Median(echo), Naive: measure.Median(naive)}
	q.Efficiency = q.Echo / q.Server
	q.MixingOverhead = (q.Server - q.Unmixed) / q.Unmixed
	q.EchoOverhead = (q.Server - q.Echo) / q.Echo
	q.Design = q.Naive / q.Server
	return q
}

// reading is the state of everything at a moment.
type reading struct {
	load    machine.Load
	metrics process.Metrics
}

// result makes the figures of a stretch of time.
func (o Options) result(calls int, a, b reading, w *generator.Window) Result {
	const perSecond = 50
	u := b.load.Since(a.load)
	seconds := u.Span.Seconds()
	streams := seconds * float64(calls)
	frames := w.Span.Seconds() * float64(calls) * perSecond
	m, before := b.metrics, a.metrics
	perParticipant := u.Server.Seconds() * 1e6 / streams
	return Result{
		Participants: calls, Rooms: o.rooms(), Talkers: o.Talkers, Seconds: seconds,
		CPU: CPU{
			PerParticipant: perParticipant, PerCore: 1e6 / perParticipant,
			PerPacket: float64(u.Server) / max(1, float64(w.Sent+w.Received)), Cores: u.Server.Seconds() / seconds,
		},
		Packets: Packets{
			InPerSecond: float64(w.Sent) / w.Span.Seconds(), OutPerSecond: float64(w.Received) / w.Span.Seconds(),
			In: float64(w.Sent) / frames, Out: float64(w.Received) / frames,
			Lost: w.Lost, Reordered: w.Reordered, Late: w.Late,
			Concealed:  m.Grown(before, "mediaserver_frames_concealed_total") / frames,
			Skipped:    m.Grown(before, "mediaserver_frames_skipped_total"),
			QueueDrops: m.Grown(before, "mediaserver_rtp_queue_drops_total"),
		},
		Audio: Audio{w.Examined, w.Faults, float64(w.Faults) / max(1, float64(w.Examined)), w.Missing, w.WorstFaults},
		Timing: Timing{
			Slots: histogram(m.Buckets(before, "mediaserver_slot_lateness_seconds")),
			Work:  histogram(m.Buckets(before, "mediaserver_slot_duration_seconds")), Packets: w.Lateness.Spread(),
			Gap: w.Gap.Spread(), Latency: w.Latency.Spread(), Probes: w.Latency.Count(),
		},
		Memory: Memory{
			AllocsPerFrame: m.Grown(before, "go_memstats_mallocs_total") / (2 * frames),
			GCs:            m.Grown(before, "go_gc_duration_seconds_count"),
			GCPauseMax:     m[`go_gc_duration_seconds{quantile="1"}`] * 1000,
		},
		Generator: Generator{
			CPU: 100 * u.Own.Seconds() / seconds, Priority: w.Priority.String(), Sends: w.Sends(), Lateness: w.SlotLateness.Spread(), Work: w.WorkPerSlot.Spread(),
			Stalls: w.Stalls, Strange: w.Strange, Refused: w.SendErrors,
		},
		Others: u.Others, Quiet: u.Others < machine.Quiet,
	}
}

// histogram gives the quantiles of a histogram of seconds.
func histogram(b []measure.Bucket) measure.Spread {
	const ms = 1000
	return measure.Spread{
		P50: ms * measure.BucketQuantile(b, 0.5), P99: ms * measure.BucketQuantile(b, 0.99),
		P999: ms * measure.BucketQuantile(b, 0.999), Max: ms * min(measure.BucketMax(b), beyond),
	}
}

// beyond stands for a value above the last limit of a histogram [s]: JSON has
// no infinity.
const beyond = 1.0

// The rule of a pass.
const (
	achievedMin  = 0.999
	edge         = 0.002 // of a measurement: what may fall out of it at its ends [s]
	latenessMax  = 5.0   // p99 [ms]
	concealedMax = 0.001
	faultsMax    = 0.001
)

// judge applies the rule.
func (r *Result) judge() {
	r.Why = nil
	broken := func(is bool, format string, args ...any) {
		if is {
			r.Why = append(r.Why, fmt.Sprintf(format, args...))
		}
	}
	broken(r.FailedCalls > 0, "%d calls failed", r.FailedCalls)
	broken(r.Packets.Lost > 0, "%d packets lost", r.Packets.Lost)
	least := achievedMin - edge/r.Seconds
	broken(r.Packets.In < least, "the generator sent %.2f %% of the packets", 100*r.Packets.In)
	broken(r.Packets.Out < least, "%.2f %% of the packets received", 100*r.Packets.Out)
	broken(r.Timing.Packets.P99 >= latenessMax, "lateness p99 %.2f ms", r.Timing.Packets.P99)
	broken(r.Packets.Concealed >= concealedMax, "%.3f %% of the frames concealed", 100*r.Packets.Concealed)
	broken(r.Packets.Skipped > 0, "%.0f frames skipped", r.Packets.Skipped)
	broken(r.Audio.Share > faultsMax, "in %.3f %% of the packets a talker is missing", 100*r.Audio.Share)
	r.Pass = len(r.Why) == 0
}
