package sip

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runSIPp runs a scenario of testdata/sipp against a UA and fails the test
// unless all its calls succeed.
func runSIPp(t *testing.T, u *UA, scenario, transport string, args ...string) {
	t.Helper()
	bin, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed (Debian package sip-tester)")
	}
	file, err := filepath.Abs(filepath.Join("testdata", "sipp", scenario))
	if err != nil {
		t.Fatal(err)
	}
	mode := "u1"
	i := 0
	if transport == "tcp" {
		mode, i = "t1", 1
	}
	dir := t.TempDir()
	ctx, done := context.WithTimeout(t.Context(), 60*time.Second)
	defer done()
	host, port, err := net.SplitHostPort(u.Addrs()[i].String())
	if err != nil {
		t.Fatal(err)
	}
	if host == "0.0.0.0" {
		host = "127.0.0.1"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	args = append([]string{
		"-sf", file, net.JoinHostPort(strings.Trim(host, "[]"), port), "-s", "bob", "-i", host, "-mi", host, "-p", strconv.Itoa(freePort(t)),
		"-t", mode, "-nostdin", "-trace_err", "-timeout", "55s", "-timeout_error",
	}, args...)
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		logs, _ := filepath.Glob(filepath.Join(dir, "*errors.log"))
		logs2, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*errors.log"))
		for _, l := range append(logs, logs2...) {
			b, _ := os.ReadFile(l)
			t.Logf("%s", bytes.ToValidUTF8(b[:min(len(b), 4000)], nil))
			_ = os.Remove(l)
		}
		t.Fatalf("sipp %s: %v\n%s", scenario, err, tail(out.String(), 2500))
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		s = s[len(s)-n:]
	}
	return s
}

// freePort is a UDP and TCP port on loopback that was free a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := l.Addr().(*net.TCPAddr)
		pc, err := net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Port: at.Port})
		_ = l.Close()
		if err == nil { // else another has it for datagrams
			_ = pc.Close()
			return at.Port
		}
	}
}

// sippUAS answers as the scenarios want it: 180, 200, digits by INFO, and a
// hang-up of its own when the user part of the Request-URI is "hangup".
func sippUAS(a *answering) Handler {
	return func(_ context.Context, d *Dialog) {
		d.SetSession(a.session)
		_ = d.Progress(180, "", nil)
		switch d.Invitation().Header("X-Test") {
		case "ring":
			<-d.Ended()
			return
		case "early":
			_ = d.Progress(183, "", testSDP("early"))
		case "reject":
			_ = d.Reject(486, "")
			return
		}
		if d.Answer(testSDP("answer")) != nil {
			return
		}
		<-d.Ended()
	}
}

func TestSIPp(t *testing.T) {
	tests := []struct {
		scenario, transport string
		calls               int
		events              []string // of the last call
	}{
		{"call.xml", "udp", 5, []string{"ack"}},
		{"call.xml", "tcp", 5, []string{"ack"}},
		{"cancel.xml", "udp", 5, nil},
		{"cancel.xml", "tcp", 5, nil},
		{"reject.xml", "udp", 5, nil},
		{"hold.xml", "udp", 3, []string{"ack", "offer user1", "ack", "offer wanted", "ack user1"}},
		{"info.xml", "udp", 3, []string{"ack", "info application/dtmf-relay Signal=5\r\nDuration=160\r\n", "info application/dtmf 7\r\n"}},
		{"100rel.xml", "udp", 3, []string{"offer user1", "ack"}},
		{"100rel.xml", "tcp", 3, []string{"offer user1", "ack"}},
		{"timer.xml", "udp", 3, []string{"ack", "offer user1"}},
		{"timer.xml", "tcp", 3, []string{"ack", "offer user1"}},
		{"options.xml", "udp", 3, []string{"ack"}},
		{"options.xml", "tcp", 3, []string{"ack"}},
	}
	for _, tt := range tests {
		t.Run(tt.scenario+" "+tt.transport, func(t *testing.T) {
			a := newAnswering()
			a.session.events = make(chan string, 1000)
			u := startUA(t, Config{}, sippUAS(a))
			runSIPp(t, u, tt.scenario, tt.transport, "-m", strconv.Itoa(tt.calls), "-l", "1", "-r", "10")
			for range tt.calls {
				for _, e := range tt.events {
					a.session.expect(t, e)
				}
			}
			a.session.silent(t)
			emptied(t, u)
		})
	}
}

func TestSIPpIPv6(t *testing.T) {
	a := newAnswering()
	a.session.events = make(chan string, 1000)
	u := startUA(t, Config{Listen: []string{"udp://[::1]:0"}}, sippUAS(a))
	runSIPp(t, u, "call.xml", "udp", "-m", "3", "-l", "1")
	emptied(t, u)
}

// cpuTime is what this process has used so far.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// heapInUse is what the heap holds after a collection [bytes].
func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestSIPpLoad: no call may fail. The rate is for the log: set SIPP_RATE for
// another.
func TestSIPpLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const seconds = 5
	rate, err := strconv.Atoi(os.Getenv("SIPP_RATE"))
	if err != nil {
		rate = 100
	}
	u := startUA(t, Config{Listen: []string{"udp://0.0.0.0:0"}}, func(_ context.Context, d *Dialog) {
		if d.Answer(testSDP("answer")) == nil {
			<-d.Ended()
			if !errors.Is(d.Err(), ErrRemoteBye) {
				t.Errorf("call ended with %v", d.Err())
			}
		}
	})
	heap := heapInUse()
	before, started := cpuTime(t), time.Now()
	runSIPp(t, u, "load.xml", "udp", "-m", strconv.Itoa(rate*seconds), "-r", strconv.Itoa(rate), "-l", "5000", "-d", "1000")
	used := cpuTime(t) - before
	t.Logf("%d calls at %d/s in %v: %.3f ms CPU per call, %d bytes kept per finished call", rate*seconds, rate, time.Since(started).Round(time.Millisecond),
		used.Seconds()*1000/float64(rate*seconds), (heapInUse()-heap)/int64(rate*seconds))
	emptied(t, u)
}
