package media

import (
	"testing"

	"mediaserver/bench/limit"
)

// calibrated is a run with the echo before and after it, and the naive server.
func calibrated(server, before, after, naive float64) Result {
	return Result{
		CPU: CPU{PerParticipant: server},
		Baselines: []limit.Cost{
			{Kind: "sockets", CPU: before}, {Kind: "sockets", CPU: after}, {Kind: "naive", CPU: naive},
		},
	}
}

func TestRatiosAreOfTheMediansOfAllRuns(t *testing.T) {
	runs := []Result{calibrated(250, 200, 210, 500), calibrated(400, 190, 900, 480), calibrated(240, 200, 200, 520)}
	q := ratios(runs)
	if q.Server != 250 || q.Echo != 200 || q.Naive != 500 {
		t.Errorf("medians %+v", q)
	}
	if q.Efficiency != 0.8 || q.MixingOverhead != 0.25 || q.Design != 2 {
		t.Errorf("ratios %+v", q)
	}
}
