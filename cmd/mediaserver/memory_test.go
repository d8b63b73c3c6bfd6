package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// systemFiles makes a root directory with the memory of a machine and of a
// control group; "" leaves a file out.
func systemFiles(t *testing.T, machine, group string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{"proc/meminfo": machine, "sys/fs/cgroup/memory.max": group} {
		if text == "" {
			continue
		}
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMemoryLimit(t *testing.T) {
	const machine = "MemTotal:       8000000 kB\nMemFree:        1000 kB\n"
	for name, tc := range map[string]struct {
		machine, group string
		want           int64
	}{
		"that of the machine":                 {machine, "", 8000000 * 1024},
		"that of the container":               {machine, "1073741824\n", 1 << 30},
		"the machine's, the container's more": {machine, "99999999999999\n", 8000000 * 1024},
		"the machine's, the container's none": {machine, "max\n", 8000000 * 1024},
		"none where nobody tells":             {"", "", 0},
		"none of nonsense":                    {"MemTotal: x kB\n", "-4\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := memoryLimit(systemFiles(t, tc.machine, tc.group)); got != tc.want {
				t.Errorf("%d, want %d", got, tc.want)
			}
		})
	}
}

func TestEnvironmentHasTheLastWordOnTheCollector(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	root := systemFiles(t, "", "4000000000\n")
	collectRarely([]string{"GOGC=100", "GOMEMLIMIT=1GiB"}, root)
	if p, l := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); p != 100 || l != limit {
		t.Errorf("set by the environment, and changed to %d %%, %d bytes", p, l)
	}
	collectRarely([]string{"GOGCX=1"}, root)
	if p, l := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); p != garbagePercent || l != 3000000000 {
		t.Errorf("%d %%, %d bytes", p, l)
	}
}
