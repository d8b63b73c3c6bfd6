package limit

import (
	"context"

	"mediaserver/bench/baseline"
	"mediaserver/bench/process"
)

// Report is what the machine can do.
type Report struct {
	Kernels Kernels `json:"kernels"`
	Echoes  []Cost  `json:"echoes"`
}

// Measure measures the kernels, and the echo of each class of I/O; o says
// everything but the kind.
func Measure(ctx context.Context, p process.Program, o Options) (r Report, err error) {
	if r.Kernels, err = MeasureKernels(); err != nil {
		return r, err
	}
	for _, kind := range []baseline.Kind{baseline.Sockets, baseline.Shared} {
		o.Kind = kind
		c, err := Run(ctx, p, o)
		if err != nil {
			return r, err
		}
		r.Echoes = append(r.Echoes, c)
	}
	return r, nil
}
