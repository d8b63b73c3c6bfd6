//go:build race || !(amd64 || arm64)

package lone

import "sync/atomic"

func store(p *atomic.Uint64, v uint64) { p.Store(v) }

func store32(p *atomic.Uint32, v uint32) { p.Store(v) }
