package report

import (
	"fmt"
	"io"
	"strings"

	"mediaserver/bench/baseline"
	"mediaserver/bench/calls"
	"mediaserver/bench/limit"
	"mediaserver/bench/measure"
	"mediaserver/bench/media"
)

// WriteText prints the document for people.
func (d *Document) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, d.Machine)
	if d.Limit != nil {
		limitText(&b, d.Limit)
	}
	for i := range d.Media {
		mediaText(&b, &d.Media[i])
	}
	for i := range d.Calls {
		callsText(&b, &d.Calls[i])
	}
	if len(d.Media) > 1 {
		largest := 0
		for i := range d.Media {
			if d.Media[i].Pass {
				largest = d.Media[i].Options.Participants
			}
		}
		fmt.Fprintf(&b, "largest number of participants that passed: %d\n", largest)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func limitText(w io.Writer, r *limit.Report) {
	k := r.Kernels
	fmt.Fprintf(w, "system call %.0f ns; UDP send and receive, hot %.0f ns, in batches of 64 %.0f ns\n", k.RawSyscall, k.UDPPair, k.UDPPairBatch)
	fmt.Fprintf(w, "copy of 172 bytes %.1f ns; frame of 160 samples: decode %.0f, add %.0f, own mix %.0f, encode %.0f ns\n",
		k.Memcpy172, k.Decode, k.Mix, k.Minus, k.Encode)
	for i := range r.Echoes {
		costText(w, &r.Echoes[i])
	}
}

func costText(w io.Writer, c *limit.Cost) {
	fmt.Fprintf(w, "%-18s N %d: %.0f µs CPU per participant-second = %.0f per core, %.0f ns per packet; received %.2f %%; other CPU %.0f %%\n",
		served(c.Kind), c.Participants, c.CPU, c.PerCore, c.PerPacket, 100*c.Received, c.Others)
}

// served is what a kind of baseline is called.
func served(kind string) string {
	if k := baseline.Kind(kind); k == baseline.Naive {
		return "naive server"
	} else if k.Unmixed() {
		return strings.Replace(kind, "unmixed-", "no mixing, ", 1)
	}
	return "echo, " + kind
}

func spread(s measure.Spread) string {
	return fmt.Sprintf("p50 %.2f, p99 %.2f, p99.9 %.2f, max %.2f ms", s.P50, s.P99, s.P999, s.Max)
}

func mediaText(w io.Writer, s *media.Series) {
	o, r := s.Options, s.Best()
	verdict := "pass"
	if !s.Pass {
		verdict = "NO PASS: " + strings.Join(s.Why(), "; ")
	}
	fmt.Fprintf(w, "\n%d participants in %d rooms, %d talking in each, %s, srtp %s, io %s; %.1f s (set-up %.1f s, %d failed); run %d of %d\n",
		r.Participants, r.Rooms, r.Talkers, o.Codec, o.SRTP, o.IO, r.Seconds, r.SetUpSeconds, r.FailedCalls, s.Median+1, len(s.Runs))
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-17s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("server CPU", "%.0f µs per participant-second = %.0f participants per core; %.0f ns per packet; %.2f cores",
		r.CPU.PerParticipant, r.CPU.PerCore, r.CPU.PerPacket, r.CPU.Cores)
	line("packets", "%.0f/s in (%.2f %%), %.0f/s out (%.2f %%); %d lost, %d reordered, %d late", r.Packets.InPerSecond, 100*r.Packets.In,
		r.Packets.OutPerSecond, 100*r.Packets.Out, r.Packets.Lost, r.Packets.Reordered, r.Packets.Late)
	line("server", "%.3f %% concealed, %.0f frames skipped, %.0f dropped by the kernel", 100*r.Packets.Concealed, r.Packets.Skipped, r.Packets.QueueDrops)
	line("audio", "%d of %d packets lack a talker (%.4f %%)", r.Audio.Faults, r.Audio.Examined, 100*r.Audio.Share)
	line("slot lateness", "%s (begin)", spread(r.Timing.Slots))
	line("slot duration", "%s", spread(r.Timing.Work))
	line("packet lateness", "%s", spread(r.Timing.Packets))
	line("packet gap", "%s", spread(r.Timing.Gap))
	line("added latency", "%s (%d bursts heard)", spread(r.Timing.Latency), r.Timing.Probes)
	line("memory", "RSS %.0f MiB = %.1f KiB per participant (live heap %.1f, stacks %.1f); %.4f allocations per frame; %.0f GCs, pause at most %.2f ms",
		r.Memory.RSS, r.Memory.PerParticipant, r.Memory.Heap, r.Memory.Stacks, r.Memory.AllocsPerFrame, r.Memory.GCs, r.Memory.GCPauseMax)
	line("generator", "CPU %.0f %% (%.0f µs per participant-second), %s, priority %s, slots late %s, %d stalls",
		r.Generator.CPU, perParticipant(r), sends(r), r.Generator.Priority, spread(r.Generator.Lateness), r.Generator.Stalls)
	for i := range r.Baselines {
		fmt.Fprint(w, "  ")
		costText(w, &r.Baselines[i])
	}
	if q := ratios(s); q != nil {
		line("ratios", "efficiency %.2f, %soverhead over the bare echo %+.0f %%, %.2f times the naive server (medians of all runs: server %.0f, %secho %.0f µs)",
			q.Efficiency, mixing(q, "mixing overhead %+.0f %%, ", 100*q.MixingOverhead), 100*q.EchoOverhead, q.Design,
			q.Server, mixing(q, "without mixing %.0f, ", q.Unmixed), q.Echo)
	}
	line("verdict", "%s; other CPU %.0f %%, quiet %v", verdict, r.Others, r.Quiet)
}

// perParticipant is what the generator used [µs per participant-second].
func perParticipant(r *media.Result) float64 {
	const ofPercent = 1e4
	return ofPercent * r.Generator.CPU / float64(max(1, r.Participants))
}

// sends says how packets went to the server; results from before there were two
// ways do not.
func sends(r *media.Result) string {
	if r.Generator.Sends == "" {
		return "sendmmsg"
	}
	return r.Generator.Sends
}

func callsText(w io.Writer, r *calls.Result) {
	verdict := "pass"
	if !r.Pass {
		verdict = "NO PASS: " + strings.Join(r.Why, "; ")
	}
	fmt.Fprintf(w, "\n%d calls, %d per second, %.0f s each, into rooms of four, pages %s, io %s; %.1f s, %d at once\n",
		r.Calls, r.Options.Rate, r.HoldSeconds, r.Options.Pages, r.Options.IO, r.Seconds, r.AtOnce)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-17s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("set-up", "%s", spread(r.SetUp))
	line("calls", "%d failed %v, %d hung up by the server, %d without RTP", r.Failed, r.Causes, r.Dropped, r.Unheard)
	line("repeated", "%d answers (ACK late or lost), %d INVITEs, %d BYEs", r.RepeatedOK, r.RepeatedINVITE, r.RepeatedBYE)
	line("server CPU", "%.2f ms per call for signalling (%.2f in all, less %.2f for media at %.0f µs per participant-second); %.2f cores",
		r.CPU.Signalling, r.CPU.Total, r.CPU.Media, r.CPU.PerMedia, r.CPU.ServerCores)
	if r.CPU.OutsideSlots != 0 {
		line("outside slots", "%.2f ms per call: all that is not work of media slots in the run itself", r.CPU.OutsideSlots)
	}
	line("generator", "CPU %.0f %%", r.CPU.GeneratorCPU)
	line("verdict", "%s; other CPU %.0f %%, quiet %v", verdict, r.Others, r.Quiet)
}

// ratios are those of the series, or of its median run in results from before
// series had any; nil for none. In results from before the server was measured
// without mixing, the overhead of that is the one over the echo.
func ratios(s *media.Series) *media.Ratios {
	q := s.Ratios
	if q == nil {
		q = s.Best().Ratios
	}
	if q == nil || q.Unmixed > 0 {
		return q
	}
	old := *q
	old.EchoOverhead, old.MixingOverhead = q.MixingOverhead, 0
	return &old
}

// mixing formats a figure that needs the server without mixing; "" where it was
// not measured.
func mixing(q *media.Ratios, format string, figure float64) string {
	if q.Unmixed == 0 {
		return ""
	}
	return fmt.Sprintf(format, figure)
}
