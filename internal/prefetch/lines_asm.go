//go:build amd64 || arm64

package prefetch

import "unsafe"

// lines fetches the cache lines that hold the size bytes at p.
//
//go:noescape
func lines(p unsafe.Pointer, size uintptr)
