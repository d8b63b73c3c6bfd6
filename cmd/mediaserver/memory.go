package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

const (
	// garbagePercent is GOGC unless the environment says otherwise: see
	// docs/decisions/0014-headroom-and-collector.md.
	garbagePercent = 400
	// memoryPart of the memory that we may use is GOMEMLIMIT unless the
	// environment says otherwise: near it the collector works more often.
	memoryPart = 0.75
)

// collectRarely sets how often the garbage collector works. env are the
// variables, root is the directory of the system's files.
func collectRarely(env []string, root string) {
	set := func(name string) bool {
		return slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
	}
	if !set("GOGC") {
		debug.SetGCPercent(garbagePercent)
	}
	if set("GOMEMLIMIT") {
		return
	}
	if limit := memoryLimit(root); limit > 0 {
		debug.SetMemoryLimit(int64(memoryPart * float64(limit)))
	}
}

// memoryLimit is the memory [bytes] of the machine, or of the control group
// that this process is the top of, as in a container; 0 when nobody tells.
func memoryLimit(root string) int64 {
	least := int64(math.MaxInt64)
	if n := leadingNumber(readFile(root, "sys/fs/cgroup/memory.max")); n > 0 {
		least = n
	}
	for line := range strings.Lines(readFile(root, "proc/meminfo")) {
		if size, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			if n := leadingNumber(size); n > 0 && n < math.MaxInt64/1024 {
				least = min(least, n*1024)
			}
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// readFile is what is in a file; "" when it cannot be read.
func readFile(root, path string) string {
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return ""
	}
	return string(b)
}

// leadingNumber is the number that s begins with; 0 when there is none.
func leadingNumber(s string) int64 {
	words := strings.Fields(s)
	if len(words) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
