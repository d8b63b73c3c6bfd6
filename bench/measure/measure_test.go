package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreWithinABucketOfTheExactOnes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var all []time.Duration
	for range 20000 {
		d := time.Duration(math.Exp(rng.Float64()*14)) * time.Microsecond
		h.Add(d)
		all = append(all, d)
	}
	for _, q := range []float64{0.001, 0.25, 0.5, 0.99, 0.999, 1} {
		want := Percentile(all, q)
		got := h.Quantile(q)
		if got < want-time.Microsecond || float64(got) > float64(want)*1.003+float64(time.Microsecond) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if h.Max() != slices.Max(all) || h.Count() != uint64(len(all)) {
		t.Errorf("max %v, count %d", h.Max(), h.Count())
	}
}

func TestBucketsFollowEachOther(t *testing.T) {
	last := -1
	for v := range uint64(1 << 14) {
		b := bucket(v)
		if b != last && b != last+1 {
			t.Fatalf("value %d is in bucket %d after %d", v, b, last)
		}
		if upper(b) < v {
			t.Fatalf("value %d lies above its bucket's end %v", v, upper(b))
		}
		last = b
	}
	if b := bucket(math.MaxUint64); b != fine*(powers+1)-1 {
		t.Errorf("the largest value is in bucket %d", b)
	}
}

func TestNothingCountedIsZero(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Spread() != (Spread{}) {
		t.Errorf("an empty histogram has %+v", h.Spread())
	}
}

func TestMergeCountsBoth(t *testing.T) {
	var a, b Histogram
	a.Add(time.Millisecond)
	b.Add(3 * time.Millisecond)
	b.Add(-time.Millisecond)
	a.Merge(&b)
	if a.Count() != 3 || a.Max() != 3*time.Millisecond || a.Quantile(0.1) != 0 {
		t.Errorf("merged: count %d, max %v, lowest %v", a.Count(), a.Max(), a.Quantile(0.1))
	}
}

func TestBucketQuantileInterpolates(t *testing.T) {
	buckets := []Bucket{{math.Inf(1), 100}, {1, 50}, {2, 90}, {4, 99}}
	for _, tt := range []struct{ q, want float64 }{{0.25, 0.5}, {0.5, 1}, {0.7, 1.5}, {0.99, 4}, {0.999, 4}} {
		if got := BucketQuantile(buckets, tt.q); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("quantile %v is %v, want %v", tt.q, got, tt.want)
		}
	}
	if got := BucketQuantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	if got := BucketMax([]Bucket{{1, 5}, {2, 7}, {4, 7}, {math.Inf(1), 7}}); got != 2 {
		t.Errorf("max is %v, want 2", got)
	}
}

func TestMedianIsTheMiddleRun(t *testing.T) {
	for _, tt := range []struct {
		runs []float64
		want int
	}{{nil, -1}, {[]float64{5}, 0}, {[]float64{9, 1}, 1}, {[]float64{3, 1, 2}, 2}} {
		if got := MedianOf(tt.runs, func(v float64) float64 { return v }); got != tt.want {
			t.Errorf("median of %v is number %d, want %d", tt.runs, got, tt.want)
		}
	}
}

func TestMedianOfValues(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{5}, 5}, {[]float64{9, 1}, 5}, {[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 9, 2}, 3}} {
		if got := Median(tt.values); got != tt.want {
			t.Errorf("median of %v is %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestPercentileOfAFew(t *testing.T) {
	for _, tt := range []struct {
		q    float64
		want int
	}{{0, 1}, {0.5, 2}, {0.75, 3}, {0.99, 4}, {1, 4}} {
		if got := Percentile([]int{4, 2, 1, 3}, tt.q); got != tt.want {
			t.Errorf("percentile %v is %d, want %d", tt.q, got, tt.want)
		}
	}
	if got := Percentile([]int(nil), 0.5); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h Histogram
	for b.Loop() {
		h.Add(21 * time.Millisecond)
	}
}
