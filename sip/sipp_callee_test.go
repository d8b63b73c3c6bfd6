package sip

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// SIPp is called: it rings reliably, changes the session by UPDATE before it
// answers, and lets us refresh it.
func TestSIPpIsCalled(t *testing.T) {
	bin, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed (Debian package sip-tester)")
	}
	file, err := filepath.Abs(filepath.Join("testdata", "sipp", "callee.xml"))
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(freePort(t))
	ctx, done := context.WithTimeout(t.Context(), 30*time.Second)
	defer done()
	cmd := exec.CommandContext(ctx, bin, "-sf", file, "-i", "127.0.0.1", "-p", port, "-m", "1", "-nostdin", "-trace_err", "-timeout", "25s", "-timeout_error")
	cmd.Dir = t.TempDir()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timers := Timers{second: 50 * time.Millisecond} // 90 s pass in 4.5 s
	ear := &tap{}
	u := startUA(t, Config{Timers: timers, Filter: ear.filter, Extensions: Extensions{SessionExpires: 90 * time.Second}}, nil)
	s := newSessionLog()
	var heard []string
	d, err := u.Invite(ctx, InviteRequest{To: "sip:bob@127.0.0.1:" + port, SDP: testSDP("offer"), Session: s}, func(p Progress) {
		heard = append(heard, strconv.Itoa(p.Code)+owner0(p.Body))
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(out.String(), 2500))
	}
	d.SetSession(s)
	if got := strings.Join(heard, " "); got != "180 183user1" {
		t.Errorf("heard %s", got)
	}
	s.expect(t, "offer user1")
	ear.awaitCount(t, "200 UPDATE", 1) // at 2.25 s; the session would end at 3 s
	s.silent(t)
	bye(t, d)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("sipp: %v\n%s", err, tail(out.String(), 2500))
	}
}
