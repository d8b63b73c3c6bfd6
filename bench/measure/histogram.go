package measure

import (
	"math/bits"
	"time"
)

const (
	unit   = time.Microsecond // resolution below fine values
	fine   = 512              // buckets of a power of two, and exact values at the low end
	fineOf = 9                // 2^fineOf = fine
	powers = 23               // up to 2^32 µs: more than an hour
)

// Histogram counts durations in buckets that are at most 0.2 % wide, from 1 µs
// on. Negative durations count as zero. The zero value is ready.
type Histogram struct {
	counts [fine * (powers + 1)]uint64
	total  uint64
	max    time.Duration
}

// bucket is the place of a value [units].
func bucket(v uint64) int {
	if v < fine {
		return int(v)
	}
	power := bits.Len64(v) - 1 - fineOf
	if power >= powers {
		return fine*(powers+1) - 1
	}
	return fine*power + int(v>>power) // v>>power is fine to 2*fine-1
}

// upper is the largest duration of a bucket [units].
func upper(i int) uint64 {
	if i < fine {
		return uint64(i)
	}
	power := i/fine - 1
	return (uint64(i%fine+fine)+1)<<power - 1
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d/unit))]++
	h.total++
	h.max = max(h.max, d)
}

// Merge adds what another histogram counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// Count is the number of durations.
func (h *Histogram) Count() uint64 { return h.total }

// Max is the longest duration, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is the duration that the share q of all does not exceed; zero when
// nothing was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	need := q * float64(h.total)
	sum := uint64(0)
	for i, n := range h.counts {
		sum += n
		if n > 0 && float64(sum) >= need {
			return min(time.Duration(upper(i))*unit, h.max)
		}
	}
	return h.max
}

// Spread are the quantiles that reports show [ms].
type Spread struct {
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`
}

// Spread gives the quantiles that reports show.
func (h *Histogram) Spread() Spread {
	return Spread{
		P50: Milliseconds(h.Quantile(0.5)), P99: Milliseconds(h.Quantile(0.99)),
		P999: Milliseconds(h.Quantile(0.999)), Max: Milliseconds(h.max),
	}
}

// Milliseconds is d in ms, to the microsecond.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
