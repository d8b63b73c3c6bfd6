package sip

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
)

// Access says who may do what. It is replaced as a whole, while the UA runs,
// by SetAccess. The zero value lets everybody call.
type Access struct {
	Allow  []netip.Prefix // sources that may send INVITE without credentials; nil = all
	Trunks []SourceList   // neighbours known by where they send from
	Phones []Phone        // who may log in
}

// SourceList is a neighbour by its addresses.
type SourceList struct {
	Name  string // of the trunk
	Allow []netip.Prefix
	Hosts []netip.Addr // what the host of the trunk's address resolves to
}

func (l *SourceList) holds(a netip.Addr) bool {
	return slices.Contains(l.Hosts, a) || holds(l.Allow, a)
}

func holds(ps []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}

// trunkOf is the name of the first trunk that sends from an address, "" if
// there is none.
func (a *Access) trunkOf(addr netip.Addr) string {
	for i := range a.Trunks {
		if a.Trunks[i].holds(addr) {
			return a.Trunks[i].Name
		}
	}
	return ""
}

// allows says whether an address may send INVITE without credentials.
func (a *Access) allows(addr netip.Addr) bool {
	return len(a.Allow) == 0 || holds(a.Allow, addr)
}

// rights is the access that holds now.
type rights struct{ now atomic.Pointer[Access] }

func newRights(a Access) *rights {
	r := &rights{}
	r.set(a)
	return r
}

// set keeps a copy, with the addresses in the form in which sources have them.
func (r *rights) set(a Access) {
	a.Allow = unmapPrefixes(a.Allow)
	a.Trunks = slices.Clone(a.Trunks)
	for i := range a.Trunks {
		t := &a.Trunks[i]
		t.Allow = unmapPrefixes(t.Allow)
		t.Hosts = slices.Clone(t.Hosts)
		for j, h := range t.Hosts {
			t.Hosts[j] = bare(h)
		}
	}
	a.Phones = slices.Clone(a.Phones)
	r.now.Store(&a)
}

func (r *rights) get() *Access { return r.now.Load() }

// bare is an address as the access lists name it: IPv4 as such, no zone.
func bare(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// unmapPrefixes turns the prefixes of IPv4 addresses within IPv6 into IPv4's.
func unmapPrefixes(ps []netip.Prefix) []netip.Prefix {
	if ps == nil {
		return nil
	}
	const mapped = 96 // bits in front of the IPv4 address
	out := make([]netip.Prefix, 0, len(ps))
	for _, p := range ps {
		if p.Addr().Is4In6() && p.Bits() >= mapped {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
		}
		out = append(out, p.Masked())
	}
	return out
}

// SetAccess replaces who may do what. Calls that are there go on.
func (u *UA) SetAccess(a Access) {
	u.phones.set(a.Phones)
	u.guard.rights.set(a)
}

// Hosts are the addresses that a SIP URI leads to, by SRV and address records
// of its host (RFC 3263): those that a neighbour of that address sends from.
func (u *UA) Hosts(ctx context.Context, uri string) ([]netip.Addr, error) {
	target, err := parseURI(uri)
	if err != nil {
		return nil, err
	}
	hops, err := u.hops(ctx, target, nil)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, h := range hops {
		if a := bare(h.to.Addr()); !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	return addrs, nil
}
