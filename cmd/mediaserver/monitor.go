package main

import (
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// monitorSlack is by how much a sleep of the runtime's monitor may be prolonged.
const monitorSlack = time.Millisecond

// restMonitor lets the runtime's monitor sleep longer, by up to monitorSlack: a thread
// that otherwise looks after the others every 70 µs while calls are set up. It is a
// wish: without CAP_SYS_NICE, or where threads are not found in root/proc, all
// stays as it is. See docs/decisions/0020-timer-slack.md.
func restMonitor(root string) {
	if monitor := monitorThread(root); monitor != 0 {
		slack := strconv.FormatInt(monitorSlack.Nanoseconds(), 10)
		_ = os.WriteFile(filepath.Join(root, "proc", strconv.Itoa(monitor), "timerslack_ns"), []byte(slack), 0)
	}
}

// monitorThread is the number of the runtime's monitor, the first thread that a
// process of Go makes; 0: it is not known. Numbers go up, and begin anew
// after the largest.
func monitorThread(root string) int {
	const numbers = 1 << 22 // PID_MAX_LIMIT
	tasks, err := os.ReadDir(filepath.Join(root, "proc/self/task"))
	if err != nil {
		return 0
	}
	first, monitor, least := os.Getpid(), 0, numbers
	for _, task := range tasks {
		n, err := strconv.Atoi(task.Name())
		if err != nil || n == first {
			continue
		}
		if after := (n - first + numbers) % numbers; after < least {
			monitor, least = n, after
		}
	}
	return monitor
}
