package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMonitorIsAThreadThatRunsNoGoroutine: of as many threads as there are, all with
// a goroutine that does not let go of them, none is the one that is given the slack.
func TestMonitorIsAThreadThatRunsNoGoroutine(t *testing.T) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	monitor := monitorThread("/")
	var together, ended sync.WaitGroup
	together.Add(len(tasks))
	for range tasks {
		ended.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			together.Done()
			together.Wait()
			if unix.Gettid() == monitor {
				t.Errorf("thread %d of %d runs a goroutine", monitor, len(tasks))
			}
		})
	}
	ended.Wait()
	if monitor == 0 || monitor == os.Getpid() {
		t.Errorf("the monitor is %d, of %d threads", monitor, len(tasks))
	}
	restMonitor("/")
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(monitor), "timerslack_ns"))
	if err != nil {
		t.Skip("only root may look at the slack:", err)
	}
	if slack := strings.TrimSpace(string(b)); slack != "1000000" {
		t.Errorf("its slack is %s ns", slack)
	}
}

func TestMonitorIsTheThreadAfterTheFirst(t *testing.T) {
	first := os.Getpid()
	for name, tc := range map[string]struct {
		threads []int
		want    int
	}{
		"more come later":           {[]int{first, first + 9, first + 2, first + 3}, first + 2},
		"numbers have begun anew":   {[]int{first, 301, 300}, 300},
		"alone":                     {[]int{first}, 0},
		"nobody tells":              {nil, 0},
		"something that is no task": {[]int{first, -1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.want == 300 && first <= 301 {
				t.Skip("the process has too low a number")
			}
			root := t.TempDir()
			for _, n := range tc.threads {
				task := strconv.Itoa(n)
				if n < 0 {
					task = "fd"
				}
				if err := os.MkdirAll(filepath.Join(root, "proc/self/task", task), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if got := monitorThread(root); got != tc.want {
				t.Errorf("%d, want %d", got, tc.want)
			}
		})
	}
}
