package realtime

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// child is the variable by which the test starts itself: what is done to a process
// cannot be taken back for the tests that follow.
const child = "REALTIME_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(child) {
	case "":
		os.Exit(m.Run())
	case "all":
		runAll()
	case "but one":
		runButOne()
	}
}

// threads are the numbers of those of this process.
func threads() (all []int) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		panic(err)
	}
	for _, task := range tasks {
		n, err := strconv.Atoi(task.Name())
		if err != nil {
			panic(err)
		}
		all = append(all, n)
	}
	return all
}

// runAll begins, makes threads, and prints which are not in real time.
func runAll() {
	err := Begin()
	for range 20 {
		ready := make(chan struct{})
		go func() {
			runtime.LockOSThread() // has a thread of its own until the process ends
			close(ready)
			select {}
		}()
		<-ready
	}
	var normal []int
	for _, thread := range threads() {
		if !inRealTime(thread) {
			normal = append(normal, thread)
		}
	}
	fmt.Print("error ", err, ", not in real time ", normal)
}

// runButOne leaves a thread out and prints whether it is in real time.
func runButOne() {
	one := threads()[0]
	err := Begin(one)
	fmt.Print("error ", err, ", in real time ", inRealTime(one))
}

func TestBegin(t *testing.T) {
	for _, test := range []struct{ which, want string }{
		{"all", "error <nil>, not in real time []"},
		{"but one", "error <nil>, in real time false"},
	} {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), child+"="+test.which)
		out, err := c.CombinedOutput()
		switch {
		case err != nil:
			t.Errorf("%s: %v: %s", test.which, err, out)
		case strings.Contains(string(out), unix.EPERM.Error()):
			t.Skip("the system does not allow real time: CAP_SYS_NICE")
		case string(out) != test.want:
			t.Errorf("%s: the process says %q, want %q", test.which, out, test.want)
		}
	}
}

func TestAThreadMakesUpForIt(t *testing.T) {
	runtime.LockOSThread() // for ever: the thread ends here
	if err := set(0); err != nil {
		t.Skip("the system does not allow real time: ", err)
	}
	normal := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
	if err := unix.SchedSetAttr(0, &normal, 0); err != nil {
		t.Fatal(err)
	}
	Thread()
	if !inRealTime(0) {
		t.Error("the thread does not run in real time")
	}
	if n := testing.AllocsPerRun(100, Thread); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkThread(b *testing.B) {
	runtime.LockOSThread()
	for b.Loop() {
		Thread()
	}
}
