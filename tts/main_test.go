package tts

import (
	"os"
	"testing"

	"mediaserver/internal/leaktest"
)

// TestMain makes the test program a worker if it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == WorkerCommand {
		os.Exit(RunWorker(os.Stdin, os.Stdout, os.Args[2:]...))
	}
	leaktest.Main(m)
}
