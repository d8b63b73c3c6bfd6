package measure

import (
	"cmp"
	"math"
	"slices"
)

// Bucket is one of a cumulative histogram as servers export it: so many
// values were at most Limit.
type Bucket struct{ Limit, Count float64 }

// BucketQuantile is the value that the share q of a cumulative histogram does
// not exceed, taken to lie evenly within its bucket. Of the bucket without a
// limit it is the limit below it. Zero when nothing was counted.
func BucketQuantile(buckets []Bucket, q float64) float64 {
	buckets = slices.Clone(buckets)
	slices.SortFunc(buckets, func(a, b Bucket) int { return cmp.Compare(a.Limit, b.Limit) })
	if len(buckets) == 0 || buckets[len(buckets)-1].Count == 0 {
		return 0
	}
	need := q * buckets[len(buckets)-1].Count
	below := Bucket{}
	for _, b := range buckets {
		if b.Count >= need && b.Count > below.Count {
			if math.IsInf(b.Limit, 1) {
				return below.Limit
			}
			return below.Limit + (b.Limit-below.Limit)*(need-below.Count)/(b.Count-below.Count)
		}
		below = b
	}
	return below.Limit
}

// BucketMax is the limit of the highest bucket that counted anything; +Inf
// when that has none.
func BucketMax(buckets []Bucket) float64 {
	buckets = slices.Clone(buckets)
	slices.SortFunc(buckets, func(a, b Bucket) int { return cmp.Compare(a.Limit, b.Limit) })
	highest, count := 0.0, 0.0
	for _, b := range buckets {
		if b.Count > count {
			highest, count = b.Limit, b.Count
		}
	}
	return highest
}

// MedianOf is the index of the run whose value is the median, the lower one of
// two; -1 when there is none.
func MedianOf[T any](runs []T, value func(T) float64) int {
	if len(runs) == 0 {
		return -1
	}
	order := make([]int, len(runs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(value(runs[a]), value(runs[b])) })
	return order[(len(order)-1)/2]
}

// Percentile is the smallest of the values that at least the share q of them
// do not exceed; zero when there is none. The values are sorted in place.
func Percentile[T cmp.Ordered](values []T, q float64) (v T) {
	if len(values) == 0 {
		return v
	}
	slices.Sort(values)
	i := int(math.Ceil(q*float64(len(values)))) - 1
	return values[min(max(i, 0), len(values)-1)]
}

// Median is the middle of the values, the mean of the middle two if their
// number is even; zero when there is none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
