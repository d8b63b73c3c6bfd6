package main

import (
	"encoding/json"
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

// TestBenchMedia has a few participants hear each other for a second.
func TestBenchMedia(t *testing.T) {
	d := measured(t, "media", "-n", "8", "--seconds", "1", "--settle", "400ms", "--rate", "50", "--json", "--save", "kept")
	r := d.Media[0].Best()
	if r.FailedCalls != 0 || r.Participants != 8 || r.Rooms != 2 {
		t.Errorf("calls: %+v", r)
	}
	if r.CPU.PerParticipant <= 0 || r.Packets.In < 0.5 || r.Packets.Out < 0.5 {
		t.Errorf("CPU %+v, packets %+v", r.CPU, r.Packets)
	}
	if r.Audio.Examined == 0 || r.Audio.Share > 0.5 {
		t.Errorf("audio %+v", r.Audio)
	}
	if r.Timing.Probes == 0 || r.Timing.Latency.P50 <= 0 || r.Timing.Gap.P50 < 10 {
		t.Errorf("timing %+v", r.Timing)
	}
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
	d := measured(t, "calls", "--rate", "8", "--seconds", "1", "--hold", "1", "--pages", "none", "--alone", "200ms", "--json")
	if r := d.Calls[0]; r.Calls != 8 || r.Failed != 0 || r.Unheard != 0 || r.SetUp.P50 <= 0 {
		t.Errorf("calls %+v", r)
	}
}

// TestBenchLimit echoes for a moment.
func TestBenchLimit(t *testing.T) {
	d := measured(t, "limit", "-n", "20", "--seconds", "1", "--json")
	if d.Limit.Kernels.UDPPair <= 0 || d.Limit.Kernels.Encode <= 0 || len(d.Limit.Echoes) != 2 {
		t.Fatalf("limit %+v", d.Limit)
	}
	for _, e := range d.Limit.Echoes {
		if e.CPU <= 0 || e.Received < 0.5 {
			t.Errorf("echo %+v", e)
		}
	}
}
