package report

import (
	"fmt"
	"io"
	"strings"

	"mediaserver/bench/media"
)

// WriteTable prints the media runs of some documents as a Markdown table, the
// median run of each series.
func WriteTable(w io.Writer, documents []Document) error {
	var b strings.Builder
	b.WriteString("| date | N | rooms × talkers | I/O | µs CPU per participant-second | per core | efficiency | mixing overhead | × naive | lost | audio faults | " +
		"lateness p99 | gap p99 | added latency p50 / p99 | RSS each | allocations per frame | other CPU | pass |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, d := range documents {
		for i := range d.Media {
			row(&b, &d, &d.Media[i])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func row(b *strings.Builder, d *Document, s *media.Series) {
	r := s.Best()
	efficiency, overhead, design := "", "", ""
	if q := ratios(s); q != nil {
		efficiency, design = fmt.Sprintf("%.2f", q.Efficiency), fmt.Sprintf("%.2f", q.Design)
		overhead = mixing(q, "%.0f %%", 100*q.MixingOverhead)
	}
	quiet := ""
	if !r.Quiet {
		quiet = " (not quiet)"
	}
	pass := "yes"
	if !s.Pass {
		pass = "no: " + strings.Join(s.Why(), "; ")
	}
	fmt.Fprintf(b, "| %s | %d | %d × %d | %s | %.0f | %.0f | %s | %s | %s | %d | %.3f %% | %.2f ms | %.2f ms | %.1f / %.1f ms | %.1f KiB | %.4f | %.0f %%%s | %s |\n",
		d.Time.Format("2006-01-02"), r.Participants, r.Rooms, r.Talkers, carriage(&s.Options), r.CPU.PerParticipant, r.CPU.PerCore, efficiency, overhead, design,
		r.Packets.Lost, 100*r.Audio.Share, r.Timing.Packets.P99, r.Timing.Gap.P99, r.Timing.Latency.P50, r.Timing.Latency.P99,
		r.Memory.PerParticipant, r.Memory.AllocsPerFrame, r.Others, quiet, pass)
}

// carriage is how the packets go: the class of I/O, and SRTP if there is any.
func carriage(o *media.Options) string {
	if o.SRTP == "" || o.SRTP == "off" {
		return o.IO
	}
	return o.IO + ", SRTP " + o.SRTP
}
