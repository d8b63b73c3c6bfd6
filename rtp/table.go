package rtp

// table finds the call that a datagram is for: open addressing with linear
// probing, of a fixed size, so that neither finding nor entering allocates.
// Whoever might enter more than two thirds of its places brings a larger one.
type table struct {
	seed    uint64
	entries []entry // a power of two of them
	used    int
}

// entry is one place of a table; free if share is nil. Two are a line of memory.
type entry struct {
	hi, lo    uint64 // key
	scope     uint32
	port      uint16
	kind      addressKind
	contested bool // more than one call claims the key
	share     *Share
}

func (e *entry) is(k address) bool {
	return e.lo == k.lo && e.port == k.port && e.kind == k.kind && e.hi == k.hi && e.scope == k.scope
}

func (e *entry) key() address {
	return address{hi: e.hi, lo: e.lo, scope: e.scope, port: e.port, kind: e.kind}
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

// home is where the search for a key begins.
func (t *table) home(k address) int { return int(k.hash(t.seed)) & (len(t.entries) - 1) }

// place is where the key is or would be.
func (t *table) place(home int, k address) int {
	mask := len(t.entries) - 1
	i := home & mask
	for t.entries[i].share != nil && !t.entries[i].is(k) {
		i = (i + 1) & mask
	}
	return i
}

// get is the entry of a key, nil if there is none. It is valid until the next
// put or remove.
func (t *table) get(k address) *entry { return t.find(t.home(k), k) }

// find is get of a key whose home is known.
func (t *table) find(home int, k address) *entry {
	if e := &t.entries[t.place(home, k)]; e.share != nil {
		return e
	}
	return nil
}

// put enters a key that is not in the table; nil if there is no place left.
func (t *table) put(k address, s *Share) *entry {
	if t.used >= len(t.entries)*3/4 {
		return nil
	}
	e := &t.entries[t.place(t.home(k), k)]
	*e = entry{hi: k.hi, lo: k.lo, scope: k.scope, port: k.port, kind: k.kind, share: s}
	t.used++
	return e
}

// remove takes a key out and closes the gap that this would leave in the
// chains of others.
func (t *table) remove(k address) {
	mask := len(t.entries) - 1
	i := t.place(t.home(k), k)
	if t.entries[i].share == nil {
		return
	}
	t.used--
	for j := (i + 1) & mask; t.entries[j].share != nil; j = (j + 1) & mask {
		home := t.home(t.entries[j].key())
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
			k := e.key()
			larger.entries[larger.place(larger.home(k), k)] = *e
			larger.used++
		}
	}
	*t = *larger
}
