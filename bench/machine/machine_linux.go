package machine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is USER_HZ, in which /proc/stat counts on every architecture
// that Go runs on.
const ticksPerSecond = 100

// CPU is the time that all threads of a process have run so far, exactly; 0 is
// this process.
func CPU(pid int) (time.Duration, error) {
	const scheduled = 2                         // CPUCLOCK_SCHED
	clock := int32(^uint32(pid))<<3 | scheduled // MAKE_PROCESS_CPUCLOCK
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// RSS is the resident memory of a process [bytes].
func RSS(pid int) (int64, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	kib, err := field(string(b), "VmRSS:")
	return kib << 10, err
}

// field is the number after a name in a file of /proc.
func field(text, name string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				return strconv.ParseInt(f[0], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("no %s in /proc", name)
}

// busy is the time that all processors have worked, by ticks, and the time for
// which the machine below has taken them away.
func busy() (worked, stolen time.Duration, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal …
	if len(f) < 9 || f[0] != "cpu" {
		return 0, 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	const tick = time.Second / ticksPerSecond
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i == 8 {
			stolen = time.Duration(n) * tick
		} else {
			worked += time.Duration(n) * tick
		}
	}
	return worked, stolen, nil
}

// accounted is the time that all processes of the machine have run so far,
// exactly, or 0 if the system does not tell: that of the root group of the
// controller cpuacct (cgroup v1). /proc/stat sees who runs when a tick comes, 250
// times a second, and so too little or too much of work that timers begin: this
// generator's, and the server's.
func accounted() time.Duration {
	b, err := os.ReadFile("/sys/fs/cgroup/cpuacct/cpuacct.usage")
	if err != nil {
		return 0
	}
	ns, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}

// Describe reads what the machine is. What cannot be read stays empty.
func Describe() Machine {
	m := Machine{Cores: runtime.NumCPU(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = cpuModel(string(b))
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		kib, _ := field(string(b), "MemTotal:")
		m.Memory = kib >> 10
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		m.Kernel = string(bytes.TrimRight(name.Release[:], "\x00"))
	}
	return m
}

// cpuModel is the name of the first processor, with family and model where
// the name says little.
func cpuModel(cpuinfo string) string {
	values := map[string]string{}
	for line := range strings.Lines(cpuinfo) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			name = strings.TrimSpace(name)
			if _, seen := values[name]; !seen {
				values[name] = strings.TrimSpace(value)
			}
		}
	}
	model := values["model name"]
	if values["cpu family"] != "" {
		model += " (family " + values["cpu family"] + " model " + values["model"] + ")"
	}
	return model
}
