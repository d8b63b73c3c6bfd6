package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"mediaserver/bench/report"
)

// measured runs bench, which starts this test program as the server, and reads
// the result.
func measured(t *testing.T, args ...string) (d report.Document) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the load generator needs Linux")
	}
	t.Chdir(t.TempDir())
	code, stdout, stderr := run(t, os.Environ(), append([]string{"bench"}, args...)...)
	if code != exitClean {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	return d
}

// again measures until nothing is wrong with what it gives, or five times: a
// busy machine spoils some, a fault all.
func again(t *testing.T, wrong func(report.Document) string, args ...string) {
	t.Helper()
	for range 5 {
		why := wrong(measured(t, args...))
		if why == "" {
			return
		}
		t.Log(why)
	}
	t.Error("measured five times in vain")
}

// TestBenchMedia has a few participants hear each other for a second, and each
// baseline serve as many.
func TestBenchMedia(t *testing.T) {
	again(t, func(d report.Document) string {
		r := d.Media[0].Best()
		switch {
		case r.FailedCalls != 0 || r.Participants != 8 || r.Rooms != 2:
			return fmt.Sprintf("calls: %+v", r)
		case r.CPU.PerParticipant <= 0 || r.Packets.In < 0.5 || r.Packets.Out < 0.5:
			return fmt.Sprintf("CPU %+v, packets %+v", r.CPU, r.Packets)
		case r.Audio.Examined == 0 || r.Audio.Share > 0.5:
			return fmt.Sprintf("audio %+v", r.Audio)
		case r.Timing.Probes == 0 || r.Timing.Latency.P50 <= 0 || r.Timing.Gap.P50 < 10:
			return fmt.Sprintf("timing %+v", r.Timing)
		case len(r.Baselines) != 5 || d.Media[0].Ratios.Unmixed <= 0 || d.Media[0].Ratios.Echo <= 0:
			return fmt.Sprintf("baselines %+v, ratios %+v", r.Baselines, d.Media[0].Ratios)
		}
		for _, c := range r.Baselines {
			if c.CPU <= 0 || c.Received < 0.5 {
				return fmt.Sprintf("baseline %+v", c)
			}
		}
		return ""
	}, "media", "-n", "8", "--calibrate", "--seconds", "1", "--settle", "400ms", "--rate", "50", "--json", "--save", "kept")
	files, _ := filepath.Glob("kept/*.json")
	if len(files) != 1 {
		t.Fatalf("kept %v", files)
	}
	code, stdout, stderr := run(t, nil, "bench", "table", files[0])
	if code != exitClean || !regexp.MustCompile(`\| 8 \| 2 × 4 \| sockets \|`).MatchString(stdout) {
		t.Errorf("table, code %d: %s %s", code, stdout, stderr)
	}
}

// TestBenchCalls places some calls into rooms without an application.
func TestBenchCalls(t *testing.T) {
	again(t, func(d report.Document) string {
		if r := d.Calls[0]; r.Calls != 8 || r.Failed != 0 || r.Unheard != 0 || r.SetUp.P50 <= 0 ||
			r.CPU.OutsideSlots <= 0 || r.CPU.OutsideSlots >= r.CPU.Total {
			return fmt.Sprintf("calls %+v", r)
		}
		return ""
	}, "calls", "--rate", "8", "--seconds", "1", "--hold", "1", "--pages", "none", "--alone", "200ms", "--json")
}

// TestBenchLimit echoes for a moment.
func TestBenchLimit(t *testing.T) {
	again(t, func(d report.Document) string {
		if d.Limit.Kernels.UDPPair <= 0 || d.Limit.Kernels.Encode <= 0 || len(d.Limit.Echoes) != 2 {
			return fmt.Sprintf("limit %+v", d.Limit)
		}
		for _, e := range d.Limit.Echoes {
			if e.CPU <= 0 || e.Received < 0.5 {
				return fmt.Sprintf("echo %+v", e)
			}
		}
		return ""
	}, "limit", "-n", "20", "--seconds", "1", "--json")
}
