package main

import (
	"context"
	"io"
	"os"
	"runtime"

	"mediaserver/tts"
)

// version is set when the program is linked: -ldflags "-X main.version=1.2.3".
var version = "dev"

// Exit codes, on which scripts rely.
const (
	exitClean  = 0
	exitFailed = 1 // failed to start or run
	exitUsage  = 2 // bad command line or configuration
)

// program is what a command runs in: all that it may see of the process.
type program struct {
	stdout, stderr io.Writer
	env            []string       // NAME=value
	signals        chan os.Signal // SIGTERM and SIGINT, while a server runs; they end other commands
	mediaWorkers   int            // 0 = as many as processors
	alone          bool           // nobody else is in the process: it may run in real time
}

// main gives the runtime one processor more than there are media workers, so
// that something to do elsewhere does not delay their timers. Decision 0008.
// The process may also be one that a server has started to speak for it.
func main() {
	if len(os.Args) > 1 && os.Args[1] == tts.WorkerCommand {
		os.Exit(tts.RunWorker(os.Stdin, os.Stdout, os.Args[2:]...))
	}
	workers := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(workers + 1)
	p := &program{mediaWorkers: workers, alone: true, stdout: os.Stdout, stderr: os.Stderr, env: os.Environ(), signals: make(chan os.Signal, 2)}
	os.Exit(p.main(context.Background(), os.Args[1:]))
}
