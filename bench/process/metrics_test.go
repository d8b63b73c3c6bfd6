package process

import (
	"math"
	"strings"
	"testing"

	"mediaserver/bench/measure"
)

func TestMetricsAreSummedOverLabels(t *testing.T) {
	const text = `# HELP x Something.
x_total{a="1 2"} 3
x_total{a="b"} 4
x_totals 100
h_bucket{le="0.001"} 5
h_bucket{le="0.002"} 9
h_bucket{le="+Inf"} 10
`
	m, err := parseMetrics(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Sum("x_total"); got != 7 {
		t.Errorf("sum %v, want 7", got)
	}
	before := Metrics{`h_bucket{le="0.001"}`: 5, `h_bucket{le="0.002"}`: 5, `h_bucket{le="+Inf"}`: 5}
	if got := m.Grown(Metrics{`x_total{a="b"}`: 1}, "x_total"); got != 6 {
		t.Errorf("grown %v, want 6", got)
	}
	buckets := m.Buckets(before, "h")
	if got := measure.BucketQuantile(buckets, 0.4); math.Abs(got-0.0015) > 1e-9 || len(buckets) != 3 {
		t.Errorf("quantile %v of %v", got, buckets)
	}
}
