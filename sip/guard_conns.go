package sip

import (
	"net/netip"
	"sync"
)

// crowd counts the connections that each source has opened.
type crowd struct {
	mu   sync.Mutex
	each map[netip.Addr]int
}

// enterConn takes a connection of a source; false when the source is banned
// or has too many. leaveConn gives it back.
func (g *gate) enterConn(a netip.Addr) bool {
	a = bare(a)
	if !g.welcome(a) {
		return false
	}
	limited := !g.open && !g.cfg.Off && !g.trusted(a)
	key := networkOfSource(a)
	g.conns.mu.Lock()
	defer g.conns.mu.Unlock()
	if limited && g.conns.each[key] >= g.cfg.ConnsPerSource {
		g.m.drop(dropConns)
		return false
	}
	g.conns.each[key]++
	return true
}

func (g *gate) leaveConn(a netip.Addr) {
	key := networkOfSource(bare(a))
	g.conns.mu.Lock()
	defer g.conns.mu.Unlock()
	if g.conns.each[key]--; g.conns.each[key] <= 0 {
		delete(g.conns.each, key)
	}
}
