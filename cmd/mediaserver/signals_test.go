package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnEchoOfASignalIsNotASecondOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{signals: make(chan os.Signal, 2)}
		ended := make(chan struct{})
		p.signals <- syscall.SIGTERM
		p.signals <- syscall.SIGTERM
		if !p.signalled(ended) {
			t.Fatal("the first signal was not heard")
		}
		p.forgetEchoes()
		go func() {
			time.Sleep(echo)
			close(ended)
		}()
		if p.signalled(ended) {
			t.Error("its echo was taken for a second one")
		}
		p.signals <- syscall.SIGTERM
		if !p.signalled(nil) {
			t.Error("a second signal was not heard")
		}
	})
}

// TestServerOutlivesWhatReadsItsLog takes the reader of the log away, and lets the
// server say that it drains.
func TestServerOutlivesWhatReadsItsLog(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "serve")
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), "MEDIASERVER_SIP_LISTEN=[\"udp://127.0.0.1:0\"]", "MEDIASERVER_HTTP_LISTEN=127.0.0.1:0", "MEDIASERVER_TTS_ENGINE=none")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { c.Process.Kill() })
	defer late.Stop()
	greeting := bufio.NewScanner(out)
	for greeting.Scan() && !strings.Contains(greeting.Text(), "  call") {
	}
	log.Close()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := c.Wait(); err != nil {
		t.Error("the server ended:", err)
	}
}
