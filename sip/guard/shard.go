package guard

import "sync"

// record is what is known of one source. Times are nanoseconds since the
// start of the Guard.
type record struct {
	key     uint64
	due     int64  // when its rate is used up to; see admitLocked
	vouched int64  // until when it is vouched for
	until   int64  // until when it is, or was last, banned
	window  int64  // since when guilt is counted
	why     string // reason of the last ban
	guilt   int32
	bans    int32
}

// limits are what a shard needs of Config.
type limits struct {
	room      int   // records
	slow      int64 // between two messages of a source [ns]; 0 = any
	fast      int64 // the same of one that is vouched for
	strangers int64 // between two new sources
}

// shard is a part of the memory.
type shard struct {
	limits

	mu      sync.Mutex
	index   map[uint64]int32
	records []record
	hand    int   // where the next search for an idle record begins
	due     int64 // of new sources
}

func (s *shard) findLocked(key uint64) *record {
	i, ok := s.index[key]
	if !ok {
		return nil
	}
	return &s.records[i]
}

// admitLocked applies bans and rates. A rate is kept as the time at which the
// next message would be due if the source sent evenly: it may run ahead of
// the clock by a burst.
func (s *shard) admitLocked(key uint64, t int64) Verdict {
	r := s.findLocked(key)
	if r == nil {
		if !spend(&s.due, s.strangers, t) {
			return Stranger
		}
		r = s.addLocked(key, t)
	}
	if r.until > t {
		return Banned
	}
	step := s.slow
	if r.vouched > t {
		step = s.fast
	}
	if !spend(&r.due, step, t) {
		return TooFast
	}
	return Pass
}

// spend takes one step of a rate.
func spend(due *int64, step, t int64) bool {
	next := max(*due, t) + step
	if next-t > int64(burst) {
		return false
	}
	*due = next
	return true
}

// probes is how many records are looked at to find one that may go.
const probes = 16

// addLocked makes a record, in the place of another when there is no room.
func (s *shard) addLocked(key uint64, t int64) *record {
	if len(s.records) < s.room {
		s.records = append(s.records, record{key: key})
		s.index[key] = int32(len(s.records) - 1)
		return &s.records[len(s.records)-1]
	}
	victim, least := s.hand, s.records[s.hand].worth(t)
	for range probes {
		if w := s.records[s.hand].worth(t); w < least {
			victim, least = s.hand, w
		}
		s.hand = (s.hand + 1) % len(s.records)
		if least == 0 {
			break
		}
	}
	r := &s.records[victim]
	delete(s.index, r.key)
	*r = record{key: key}
	s.index[key] = int32(victim)
	return r
}

// worth orders records by how much would be lost with them; 0 is nothing.
func (r *record) worth(t int64) int64 {
	const bannedRank, vouchedRank = int64(1) << 61, int64(1) << 62
	switch {
	case r.vouched > t:
		return vouchedRank + r.vouched - t
	case r.until > t:
		return bannedRank + r.until - t
	case r.guilt > 0:
		return int64(r.guilt) + 1
	case r.due > t, r.bans > 0:
		return 1
	}
	return 0
}
