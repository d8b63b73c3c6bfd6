package process

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// schedule has all threads of this process run as told.
func schedule(t *testing.T, how *unix.SchedAttr) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		thread, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SchedSetAttr(thread, how, 0); err != nil {
			t.Skip("the system does not allow it: ", err)
		}
	}
}

func TestChildrenOfARealTimeProcessRunAtLowPriority(t *testing.T) {
	schedule(t, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1})
	defer schedule(t, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL})
	const niceField, policyField = 19, 41 // of /proc/PID/stat, proc_pid_stat(5)
	for range 5 {
		stat := strings.Fields(output(t, "cat", "/proc/self/stat"))
		if stat[niceField-1] != strconv.Itoa(nice) || stat[policyField-1] != strconv.Itoa(unix.SCHED_NORMAL) {
			t.Errorf("nice %s, class %s; want %d, %d", stat[niceField-1], stat[policyField-1], nice, unix.SCHED_NORMAL)
		}
	}
}
