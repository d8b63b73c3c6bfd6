package interop

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that should happen at once.
const patience = time.Minute

// niceness puts the tests and what they start before whatever else the machine
// does: sound cannot wait, nor can callers who press keys when the pages of the
// tests should have been answered. Only root may say so.
const niceness = -10

// hurry sets the niceness of this process, which the programs inherit. The
// system knows that of threads only; a new one has that of its parent.
func hurry() {
	tasks, err := os.ReadDir("/proc/self/task")
	if os.Geteuid() != 0 || err != nil {
		return
	}
	for _, task := range tasks {
		if id, err := strconv.Atoi(task.Name()); err == nil {
			syscall.Setpriority(syscall.PRIO_PROCESS, id, niceness) //nolint:errcheck // it may have ended
		}
	}
}

// logTail is how much of a program's output a failed test shows.
const logTail = 4000

// need skips the test without the program; in CI it fails.
func need(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	missing(t, name+" is not installed (Debian package "+debianPackage+", or make deps)")
	return ""
}

// needRoot skips the test unless SIPp may send packets from a file.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "SIPp needs root to play packets from a file")
	}
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// program is a process that a test started.
type program struct {
	name string
	cmd  *exec.Cmd
	log  string // file with all it printed
	done chan struct{}
	err  error // of Wait, once done is closed
}

// start runs a program in a directory, its output in a file of the test's
// artifacts. It is killed after limit, and at the end of the test.
func start(t *testing.T, dir, name string, limit time.Duration, path string, args ...string) *program {
	t.Helper()
	return startWith(t, nil, dir, name, limit, path, args...)
}

// startWith is start with an input; nil is none.
func startWith(t *testing.T, in *os.File, dir, name string, limit time.Duration, path string, args ...string) *program {
	t.Helper()
	p := &program{name: name, log: filepath.Join(t.ArtifactDir(), name+".log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	if in != nil {
		p.cmd.Stdin = in
	}
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		out.Close()
		t.Fatal(err)
	}
	go func() {
		kill := time.AfterFunc(limit, func() { p.cmd.Process.Kill() })
		p.err = p.cmd.Wait()
		kill.Stop()
		out.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, tail(p.output()))
		}
	})
	return p
}

// output is what the program has printed so far.
func (p *program) output() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func tail(s string) string {
	if len(s) > logTail {
		return "…" + s[len(s)-logTail:]
	}
	return s
}

// signal sends a signal to a program that still runs.
func (p *program) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// ends says whether the program ends within a time.
func (p *program) ends(limit time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(limit):
		return false
	}
}

// exit waits for the end and gives the exit code, -1 after a signal.
func (p *program) exit(t *testing.T, limit time.Duration) int {
	t.Helper()
	if !p.ends(limit) {
		t.Fatalf("%s still runs after %v", p.name, limit)
	}
	return p.cmd.ProcessState.ExitCode()
}

// eventually polls until what holds, and fails the test when it does not in
// time.
func eventually(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !holds() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%s: the test ended", what)
		case <-end:
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// rest waits while something goes on outside.
func rest(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
