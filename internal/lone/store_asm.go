//go:build (amd64 || arm64) && !race

package lone

import "sync/atomic"

// store sets *p, after all that was written before it for whoever sees it.
//
//go:noescape
func store(p *atomic.Uint64, v uint64)

// store32 is store of half a word.
//
//go:noescape
func store32(p *atomic.Uint32, v uint32)
