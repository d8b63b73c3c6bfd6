package main

import (
	"os"
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
