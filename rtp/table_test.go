package rtp

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestTableFindsExactlyWhatWasEntered(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	table := newTable(0, rnd.Uint64())
	model := map[address]*Share{}
	for i := range 50_000 {
		k := address{lo: rnd.Uint64N(300), port: uint16(rnd.Uint64N(2)), kind: addressKind(rnd.Uint64N(2))}
		switch rnd.IntN(3) {
		case 0:
			if model[k] == nil {
				s := &Share{}
				if table.put(k, s) != nil {
					model[k] = s
				} else {
					table.growTo(newTable(2*len(table.entries), table.seed))
				}
			}
		case 1:
			table.remove(k)
			delete(model, k)
		default:
			var got *Share
			if e := table.get(k); e != nil {
				got = e.share
			}
			if got != model[k] {
				t.Fatalf("step %d: key %v found %p, want %p", i, k, got, model[k])
			}
		}
		if table.used != len(model) {
			t.Fatalf("step %d: %d used, want %d", i, table.used, len(model))
		}
	}
}

func TestKeysOfAddressesGoBothWays(t *testing.T) {
	for _, text := range []string{"192.0.2.1:5000", "[2001:db8::1]:5000", "[fe80::1%3]:7", "[::1]:65535"} {
		a := netip.MustParseAddrPort(text)
		if got := keyOf(a).addrPort(); got != a {
			t.Errorf("%v became %v", a, got)
		}
	}
	if keyOf(netip.MustParseAddrPort("[::ffff:192.0.2.1]:5")) != keyOf(netip.MustParseAddrPort("192.0.2.1:5")) {
		t.Error("an IPv4 address in IPv6 form is another key")
	}
}
