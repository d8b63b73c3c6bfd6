package media

import (
	"context"
	"fmt"
	"io"

	"mediaserver/bench/measure"
	"mediaserver/bench/process"
)

// Series are some runs of the same options.
type Series struct {
	Options Options  `json:"options"`
	Seconds float64  `json:"seconds_wanted"`
	Runs    []Result `json:"runs"`
	Median  int      `json:"median_run"` // of Runs, by CPU per participant-second
	Pass    bool     `json:"pass"`       // more than half of the runs passed
	Ratios  *Ratios  `json:"ratios,omitempty"`
}

// Best is the run that stands for all: the median.
func (s *Series) Best() *Result { return &s.Runs[s.Median] }

// Why says what kept the series from passing: what the run that stands for it
// failed by or, if that one passed, the first run that did not.
func (s *Series) Why() []string {
	if s.Pass {
		return nil
	}
	if why := s.Best().Why; len(why) > 0 {
		return why
	}
	for i := range s.Runs {
		if !s.Runs[i].Pass {
			return append([]string{fmt.Sprintf("not most runs; run %d", i+1)}, s.Runs[i].Why...)
		}
	}
	return nil
}

// Repeat makes some runs, each with a server of its own. It tells log of each.
func Repeat(ctx context.Context, p process.Program, o Options, runs int, log io.Writer) (Series, error) {
	o, err := o.complete()
	s := Series{Options: o, Seconds: o.Duration.Seconds()}
	if err != nil {
		return s, err
	}
	passed := 0
	for i := range max(1, runs) {
		r, err := Run(ctx, p, o)
		if err != nil {
			return s, fmt.Errorf("run %d: %w", i+1, err)
		}
		s.Runs = append(s.Runs, r)
		if r.Pass {
			passed++
		}
		fmt.Fprintf(log, "bench: N %d, run %d: %.0f µs per participant-second, other CPU %.0f %%, pass %v %v\n",
			o.Participants, i+1, r.CPU.PerParticipant, r.Others, r.Pass, r.Why)
	}
	s.Median = measure.MedianOf(s.Runs, func(r Result) float64 { return r.CPU.PerParticipant })
	s.Pass = 2*passed > len(s.Runs)
	if o.Calibrate {
		s.Ratios = ratios(s.Runs)
	}
	return s, nil
}

// Search raises the number of participants by a quarter, from that of the
// options on, until a series does not pass, or a number is reached (0 = none).
// The last series that passed, if any, is the largest.
func Search(ctx context.Context, p process.Program, o Options, runs, most int, log io.Writer) (steps []Series, err error) {
	oneRoom := o.RoomSize <= 0
	for most == 0 || o.Participants <= most {
		s, err := Repeat(ctx, p, o, runs, log)
		if err != nil {
			return steps, err
		}
		steps = append(steps, s)
		if !s.Pass {
			break
		}
		o.Participants = larger(o.Participants, o.RoomSize)
		if oneRoom {
			o.RoomSize = 0
		}
	}
	return steps, nil
}

// larger is a quarter more participants, in full rooms.
func larger(n, roomSize int) int {
	n += (n + 3) / 4
	if roomSize > 0 {
		n = (n + roomSize - 1) / roomSize * roomSize
	}
	return n
}
