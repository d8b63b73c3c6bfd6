package media

import (
	"testing"

	"mediaserver/bench/limit"
)

// calibrated is a run with the echo before and after it, the server without
// mixing, and the naive one.
func calibrated(server, before, after, unmixed, naive float64) Result {
	return Result{
		CPU: CPU{PerParticipant: server},
		Baselines: []limit.Cost{
			{Kind: "sockets", CPU: before},
			{Kind: "unmixed-sockets", CPU: unmixed},
			{Kind: "unmixed-shared", CPU: unmixed},
			{Kind: "sockets", CPU: after},
			{Kind: "naive", CPU: naive},
		},
	}
}

func TestRatiosAreOfTheMediansOfAllRuns(t *testing.T) {
	runs := []Result{calibrated(250, 200, 210, 225, 500), calibrated(400, 190, 900, 220, 480), calibrated(240, 200, 200, 800, 520)}
	q := ratios(runs)
	if q.Server != 250 || q.Unmixed != 225 || q.Echo != 200 || q.Naive != 500 {
		t.Errorf("medians %+v", q)
	}
	if q.Efficiency != 0.8 || q.MixingOverhead != 25./225 || q.EchoOverhead != 0.25 || q.Design != 2 {
		t.Errorf("ratios %+v", q)
	}
}
