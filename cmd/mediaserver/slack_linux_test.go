package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestServerSleepsRoughly: every thread of a server, those included that the
// runtime had before main, has the timer slack; the server knows nothing of how
// it came by it.
func TestServerSleepsRoughly(t *testing.T) {
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
	for _, thread := range threads {
		slack, err := os.ReadFile(fmt.Sprintf("/proc/%s/timerslack_ns", thread.Name()))
		if os.IsNotExist(err) {
			continue // it has ended since
		}
		if os.IsPermission(err) {
			t.Skip("only root may see the timer slack of another process")
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(string(slack)); got != fmt.Sprint(timerSlack.Nanoseconds()) {
			t.Errorf("thread %s has a slack of %s ns, not %v", thread.Name(), got, timerSlack)
		}
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
