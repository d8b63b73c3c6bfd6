package flite

import (
	"fmt"
	"os"
	"testing"

	"mediaserver/internal/leaktest"
)

// TestMain makes the test program a worker if it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == worker {
		if err := Serve(os.Stdin, os.Stdout, ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	leaktest.Main(m)
}
