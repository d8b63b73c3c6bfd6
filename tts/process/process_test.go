//go:build linux

package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	c := Command(t.Context(), name, args...)
	c.Stdout = &out
	if err := Run(c); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

func TestChildrenRunAtLowPriority(t *testing.T) {
	for range 5 { // also when it comes from threads that were used before
		if got := output(t, "nice"); got != strconv.Itoa(nice) {
			t.Errorf("nice says %s, want %d", got, nice)
		}
	}
	// 20 - nice is what the system call returns.
	if p, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err != nil || p != 20 {
		t.Errorf("our own priority is %d, error %v", p, err)
	}
}

func TestChildrenDoNotSeeOurVariables(t *testing.T) {
	t.Setenv("MEDIASERVER_TTS_ENGINES", "[{key: secret}]")
	t.Setenv("SPEECH_DATA", "yes")
	env := output(t, "env")
	if strings.Contains(env, "secret") || !strings.Contains(env, "SPEECH_DATA=yes") {
		t.Errorf("environment of a child: %s", env)
	}
}

// gone waits for a process to end.
func gone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("process %d still runs", pid)
		case <-tick.C:
		}
	}
}

func TestEndOfContextKillsGrandchildrenToo(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := Command(ctx, "sh", "-c", "sleep 600 >/dev/null & echo $!; wait")
	c.Stdout = write
	ended := make(chan error, 1)
	go func() { ended <- Run(c) }()
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("no error")
	}
	write.Close()
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

// TestWhatAProgramLeavesBehindIsKilled if it fails or its output stays open.
func TestWhatAProgramLeavesBehindIsKilled(t *testing.T) {
	for _, script := range []string{"sleep 600 & echo $!", "sleep 600 >/dev/null & echo $!; exit 1"} {
		c := Command(t.Context(), "sh", "-c", script)
		var out bytes.Buffer
		c.Stdout = &out
		if err := Run(c); err == nil {
			t.Errorf("%s: no error", script)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		gone(t, pid)
	}
}

// echo asks a program that answers each line with its own process ID and the
// line.
func echo(text string, answer *string) func(io.Writer, *bufio.Reader) error {
	return func(in io.Writer, out *bufio.Reader) error {
		if _, err := fmt.Fprintln(in, text); err != nil {
			return err
		}
		line, err := out.ReadString('\n')
		*answer = strings.TrimSpace(line)
		return err
	}
}

var echoProgram = []string{"sh", "-c", `while read -r line; do if [ "$line" = hang ]; then sleep 60; fi; if [ "$line" = end ]; then exit 1; fi; echo $$ "$line"; done`}

func newPool(t *testing.T, size int) *Pool {
	p := NewPool(PoolConfig{Program: echoProgram, Size: size})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestPoolKeepsAProgram(t *testing.T) {
	p := newPool(t, 1)
	var first, second string
	if err := errors.Join(p.Do(t.Context(), echo("a", &first)), p.Do(t.Context(), echo("b", &second))); err != nil {
		t.Fatal(err)
	}
	one, two := strings.Fields(first), strings.Fields(second)
	if one[0] != two[0] || one[1] != "a" || two[1] != "b" {
		t.Errorf("answers %q and %q, want a and b of the same process", first, second)
	}
}

func TestPoolReplacesAProgramThatHangsOrEnds(t *testing.T) {
	p := newPool(t, 1)
	var answer string
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Do(ctx, echo("hang", &answer)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hanging: error %v", err)
	}
	if err := p.Do(t.Context(), echo("end", &answer)); err == nil {
		t.Error("ending: no error")
	}
	if err := p.Do(t.Context(), echo("c", &answer)); err != nil || !strings.HasSuffix(answer, " c") {
		t.Errorf("after it: %q, error %v", answer, err)
	}
}

func TestPoolNeverMixesAnswers(t *testing.T) {
	p := newPool(t, 3)
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			var answer string
			want := " x" + strconv.Itoa(i)
			if err := p.Do(t.Context(), echo(want[1:], &answer)); err != nil || !strings.HasSuffix(answer, want) {
				t.Errorf("%q: got %q, error %v", want, answer, err)
			}
		})
	}
	wg.Wait()
}

func TestPoolEndsUnusedPrograms(t *testing.T) {
	p := NewPool(PoolConfig{Program: echoProgram, Idle: 20 * time.Millisecond})
	defer p.Close()
	var answer string
	if err := p.Do(t.Context(), echo("a", &answer)); err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(answer)[0])
	if err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

func TestClosedPoolRefuses(t *testing.T) {
	p := NewPool(PoolConfig{Program: echoProgram})
	var answer string
	if err := p.Do(t.Context(), echo("a", &answer)); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Do(t.Context(), echo("a", &answer)); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestProgramThatCannotStart(t *testing.T) {
	p := NewPool(PoolConfig{Program: []string{"/nonexistent"}})
	defer p.Close()
	if err := p.Do(t.Context(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want os.ErrNotExist", err)
	}
}
