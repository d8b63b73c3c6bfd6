package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mediaserver/bench/measure"
)

// Metrics are the values a server exports: name with labels to value.
type Metrics map[string]float64

// Metrics reads them.
func (s *Server) Metrics(ctx context.Context) (Metrics, error) {
	body, err := get(ctx, "http://"+s.HTTP+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("bench: read metrics: %w", err)
	}
	defer body.Close() //nolint:errcheck // read only
	return parseMetrics(body)
}

// Collect has the server collect its garbage, so that the metrics tell of what
// is in use.
func (s *Server) Collect(ctx context.Context) error {
	body, err := get(ctx, "http://"+s.Pprof+"/debug/pprof/heap?gc=1")
	if err != nil {
		return fmt.Errorf("bench: collect garbage: %w", err)
	}
	_, err = io.Copy(io.Discard, body)
	return errors.Join(err, body.Close())
}

// parseMetrics reads the Prometheus text format.
func parseMetrics(r io.Reader) (Metrics, error) {
	m := Metrics{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
			m[line[:i]] = v
		}
	}
	return m, lines.Err()
}

// Sum adds all series of a metric.
func (m Metrics) Sum(name string) (sum float64) {
	for series, v := range m {
		if base, _, _ := strings.Cut(series, "{"); base == name {
			sum += v
		}
	}
	return sum
}

// Grown is how much all series of a counter grew since an earlier reading.
func (m Metrics) Grown(before Metrics, name string) float64 { return m.Sum(name) - before.Sum(name) }

// Buckets are what a histogram without labels counted since an earlier reading.
func (m Metrics) Buckets(before Metrics, name string) []measure.Bucket {
	var out []measure.Bucket
	for series, v := range m {
		rest, ok := strings.CutPrefix(series, name+`_bucket{le="`)
		if !ok {
			continue
		}
		if limit, err := strconv.ParseFloat(strings.TrimSuffix(rest, `"}`), 64); err == nil {
			out = append(out, measure.Bucket{Limit: limit, Count: v - before[series]})
		}
	}
	return out
}
