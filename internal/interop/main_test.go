package interop

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"mediaserver/internal/leaktest"
)

// workDir holds the binary.
var workDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "interop") })

// builtServer builds the server once.
var builtServer = sync.OnceValues(func() (string, error) {
	dir, err := workDir()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "mediaserver")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", file, "mediaserver/cmd/mediaserver")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
})

// atOnce is how many tests run at a time: they wait more than they work, on
// machines with few processors, too.
const atOnce = 4

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run runs the tests, and looks for what they left behind.
func run(m *testing.M) int {
	dir, err := workDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	if _, err = builtServer(); err != nil {
		fmt.Fprintln(os.Stderr, "interop: cannot build the server:", err)
		return 1
	}
	hurry()
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		return 1
	}
	return leaktest.Run(m)
}
