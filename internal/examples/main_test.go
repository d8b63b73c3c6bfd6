package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"mediaserver/internal/leaktest"
)

// root is the top of the repository.
const root = "../.."

// workDir holds what was built, until the end of the tests.
var workDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "examples") })

// Programs that are built once.
var (
	builtServer  = sync.OnceValues(func() (string, error) { return build("mediaserver", "./cmd/mediaserver") })
	builtExample = sync.OnceValues(func() (string, error) { return build("go-example", "./examples/go") })
)

func build(name, pkg string) (string, error) {
	dir, err := workDir()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, name)
	c := exec.Command("go", "build", "-buildvcs=false", "-o", file, pkg)
	c.Dir = root
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return file, nil
}

func TestMain(m *testing.M) { os.Exit(leaktest.Run(cleaned{m})) }

// cleaned runs the tests, then removes what they built.
type cleaned struct{ m *testing.M }

func (c cleaned) Run() int {
	code := c.m.Run()
	if dir, err := workDir(); err == nil {
		os.RemoveAll(dir) //nolint:errcheck // a directory for temporary files
	}
	return code
}
