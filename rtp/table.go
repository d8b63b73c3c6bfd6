package rtp

import "net/netip"

// table finds the call that a datagram is for: open addressing with linear
// probing, of a fixed size, so that neither finding nor entering allocates.
// Whoever is about to enter more than half of its places brings a larger one.
type table struct {
	seed    uint64
	entries []entry // a power of two of them
	used    int
}

// entry is one place of a table; free if share is nil.
type entry struct {
	key       address
	share     *Share
	from      netip.AddrPort // key in the form that endpoints compare
	contested bool           // more than one call claims the key
}

// minTable is the least size of a table.
const minTable = 256

func newTable(size int, seed uint64) *table {
	n := minTable
	for n < size {
		n *= 2
	}
	return &table{seed: seed, entries: make([]entry, n)}
}

// place is where the key is or would be.
func (t *table) place(k address) int {
	mask := len(t.entries) - 1
	i := int(k.hash(t.seed)) & mask
	for t.entries[i].share != nil && t.entries[i].key != k {
		i = (i + 1) & mask
	}
	return i
}

// get is the entry of a key, nil if there is none. It is valid until the next
// put or remove.
func (t *table) get(k address) *entry {
	if e := &t.entries[t.place(k)]; e.share != nil {
		return e
	}
	return nil
}

// put enters a key that is not in the table; nil if there is no place left.
func (t *table) put(k address, s *Share) *entry {
	if t.used >= len(t.entries)*3/4 {
		return nil
	}
	e := &t.entries[t.place(k)]
	*e = entry{key: k, share: s}
	if k.kind == keyAddress {
		e.from = k.addrPort()
	}
	t.used++
	return e
}

// remove takes a key out and closes the gap that this would leave in the
// chains of others.
func (t *table) remove(k address) {
	mask := len(t.entries) - 1
	i := t.place(k)
	if t.entries[i].share == nil {
		return
	}
	t.used--
	for j := (i + 1) & mask; t.entries[j].share != nil; j = (j + 1) & mask {
		home := int(t.entries[j].key.hash(t.seed)) & mask
		if (j-home)&mask >= (j-i)&mask {
			t.entries[i] = t.entries[j]
			i = j
		}
	}
	t.entries[i] = entry{}
}

// growTo moves all entries into a larger table and takes its memory.
func (t *table) growTo(larger *table) {
	if len(larger.entries) <= len(t.entries) {
		return
	}
	for i := range t.entries {
		if e := &t.entries[i]; e.share != nil {
			larger.entries[larger.place(e.key)] = *e
			larger.used++
		}
	}
	*t = *larger
}
