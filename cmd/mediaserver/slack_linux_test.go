package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOnlyTheMonitorSleepsRoughly: a thread of a server, which the runtime had
// before main, has the monitor's slack, the others that of the test. A few
// that the runtime made meanwhile may keep it.
func TestOnlyTheMonitorSleepsRoughly(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server := exec.CommandContext(ctx, self, "serve")
	server.Dir = t.TempDir()
	server.Env = append(os.Environ(), "MEDIASERVER_SIP_LISTEN=[udp://127.0.0.1:0]", "MEDIASERVER_HTTP_LISTEN=127.0.0.1:0")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("the server said nothing: %v, %v", lines.Err(), server.Wait())
	}
	checkSlack(t, server.Process.Pid)
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(out)
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s\n%s", err, lines.Text(), rest)
	}
}

// checkSlack looks at all threads of a process.
func checkSlack(t *testing.T, pid int) {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	usual, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	monitors := 0
	for _, thread := range threads {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%s/timerslack_ns", thread.Name()))
		if os.IsNotExist(err) {
			continue // it has ended since
		}
		if os.IsPermission(err) {
			t.Skip("only root may see the timer slack of another process")
		}
		slack, err := strconv.Atoi(strings.TrimSpace(string(raw)))
		switch {
		case err != nil:
			t.Fatal(err)
		case slack == int(monitorSlack):
			monitors++
		case slack != usual:
			t.Errorf("thread %s has a slack of %d ns, not %d", thread.Name(), slack, usual)
		}
	}
	if monitors < 1 || 2*monitors > len(threads) {
		t.Errorf("%d of %d threads sleep roughly", monitors, len(threads))
	}
}

// TestBriefCommandsBeginOnce: what ends at once does not begin twice.
func TestBriefCommandsBeginOnce(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "serve": false, "--config mediaserver.yaml": false, "demo --for 1s": false, "bench media -n 3": false,
		"version": true, "healthcheck": true, "check-config --config mediaserver.yaml": true, "serve --help": true, "-h": true,
	} {
		if got := brief(strings.Fields(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
