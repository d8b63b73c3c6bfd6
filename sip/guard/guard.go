package guard

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"time"
)

// Defaults of Config.
const (
	DefaultPerSecond = 1000
	DefaultVouched   = 10000
	DefaultFailures  = 20
	DefaultWindow    = time.Minute
	DefaultBan       = time.Minute
	DefaultBanMax    = time.Hour
	DefaultSources   = 65536
	DefaultStrangers = 5000
)

// vouchTime is how long a source stays vouched for.
const vouchTime = time.Hour

// patienceFactor is how many times more offences are borne of a source that
// is vouched for: there may be many behind one address.
const patienceFactor = 4

// burst is how much of its rate a source may use at once.
const burst = time.Second

// Config of a Guard. The zero value is usable.
type Config struct {
	PerSecond int           // messages per second of one source; 0 = DefaultPerSecond, <0 = no limit
	Vouched   int           // the same for a source that is vouched for; 0 = DefaultVouched, <0 = no limit
	Failures  int           // weight of offences within Window that bans; 0 = DefaultFailures, <0 = nobody is banned
	Window    time.Duration // 0 = DefaultWindow
	Ban       time.Duration // the first ban, each further one is twice as long; 0 = DefaultBan
	BanMax    time.Duration // the longest ban; a source that has behaved for so long starts anew; 0 = DefaultBanMax
	Sources   int           // that are remembered at a time; 0 = DefaultSources
	Strangers int           // new sources per second; 0 = DefaultStrangers, <0 = no limit
}

func (c Config) withDefaults() Config {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.PerSecond, DefaultPerSecond)
	set(&c.Vouched, DefaultVouched)
	set(&c.Failures, DefaultFailures)
	set(&c.Sources, DefaultSources)
	set(&c.Strangers, DefaultStrangers)
	if c.Window <= 0 {
		c.Window = DefaultWindow
	}
	if c.Ban <= 0 {
		c.Ban = DefaultBan
	}
	if c.BanMax <= 0 {
		c.BanMax = DefaultBanMax
	}
	c.BanMax = max(c.Ban, c.BanMax)
	return c
}

// Verdict is what is to be done with a message.
type Verdict uint8

// Verdicts.
const (
	Pass     Verdict = iota
	Banned           // drop it: its source is banned
	TooFast          // drop it: its source sends too much
	Stranger         // drop it: too many new sources at the moment
)

// String names the verdict as the metrics do.
func (v Verdict) String() string {
	switch v {
	case Pass:
		return "pass"
	case Banned:
		return "banned"
	case TooFast:
		return "rate_limit"
	case Stranger:
		return "strangers"
	default:
		return "unknown"
	}
}

// Guard is the memory of sources.
type Guard struct {
	cfg    Config
	seed   maphash.Seed // nobody outside can aim at one shard
	start  time.Time
	shards [shardCount]shard
}

// shardCount is in how many parts the memory is, each with its lock.
const shardCount = 16

// New makes a Guard. start is the present time.
func New(cfg Config, start time.Time) *Guard {
	g := &Guard{cfg: cfg.withDefaults(), seed: maphash.MakeSeed(), start: start}
	limits := limits{
		room:      max(1, g.cfg.Sources/shardCount),
		slow:      interval(g.cfg.PerSecond),
		fast:      interval(g.cfg.Vouched),
		strangers: interval(g.cfg.Strangers) * shardCount,
	}
	for i := range g.shards {
		g.shards[i].limits = limits
		g.shards[i].index = make(map[uint64]int32)
	}
	return g
}

// interval between two of so many per second [ns]; 0 = any.
func interval(perSecond int) int64 {
	if perSecond <= 0 {
		return 0
	}
	return max(1, int64(time.Second)/int64(perSecond))
}

// keyOf is what counts as one source: an IPv4 address, or the network part of
// an IPv6 address.
func keyOf(a netip.Addr) uint64 {
	if a.Is4() || a.Is4In6() {
		b := a.As4()
		return v4Mark | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8])
}

// v4Mark is in front of IPv4 addresses; as an IPv6 network it is in ::/32,
// where there are no hosts.
const v4Mark = 0x0000_ffff_0000_0000

// addrOf is the network of a key.
func addrOf(key uint64) netip.Prefix {
	if key&^0xffff_ffff == v4Mark {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(key))
		return netip.PrefixFrom(netip.AddrFrom4(b), 32)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], key)
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}

func (g *Guard) shard(key uint64) *shard {
	return &g.shards[maphash.Comparable(g.seed, key)%shardCount]
}

// since is a time as the records have it. It is above 0.
func (g *Guard) since(t time.Time) int64 { return int64(t.Sub(g.start)) + 1 }

// lock locks the shard of a source; with it come the source's key and the
// time as the records have it.
func (g *Guard) lock(a netip.Addr, now time.Time) (*shard, uint64, int64) {
	key := keyOf(a)
	s := g.shard(key)
	s.mu.Lock()
	return s, key, g.since(now)
}

// Admit decides about a message before anything is read of it.
func (g *Guard) Admit(a netip.Addr, now time.Time) Verdict {
	s, key, t := g.lock(a, now)
	defer s.mu.Unlock()
	return s.admitLocked(key, t)
}

// Banned says whether a source is banned. It counts nothing.
func (g *Guard) Banned(a netip.Addr, now time.Time) bool {
	s, key, t := g.lock(a, now)
	defer s.mu.Unlock()
	r := s.findLocked(key)
	return r != nil && r.until > t
}

// Vouch notes that a source has done what a forger of its address cannot do.
func (g *Guard) Vouch(a netip.Addr, now time.Time) {
	s, key, t := g.lock(a, now)
	defer s.mu.Unlock()
	r := s.findLocked(key)
	if r == nil {
		r = s.addLocked(key, t)
	}
	if r.vouched <= t {
		r.due = 0 // it begins with its full rate
	}
	r.vouched = t + int64(vouchTime)
}

// Vouched says whether a source has been vouched for.
func (g *Guard) Vouched(a netip.Addr, now time.Time) bool {
	s, key, t := g.lock(a, now)
	defer s.mu.Unlock()
	r := s.findLocked(key)
	return r != nil && r.vouched > t
}

// Offence is something that a source is blamed for.
type Offence struct {
	Kind   string // for Ban.Reason
	Weight int    // against Config.Failures; at least 1 counts
	Proven bool   // the source itself has done it, nobody in its name
}

// Blame notes an offence and gives the time for which the source has just
// been banned for it, 0 if it has not.
func (g *Guard) Blame(a netip.Addr, o Offence, now time.Time) time.Duration {
	if g.cfg.Failures < 0 {
		return 0
	}
	s, key, t := g.lock(a, now)
	defer s.mu.Unlock()
	r := s.findLocked(key)
	if r == nil {
		r = s.addLocked(key, t)
	}
	limit := g.cfg.Failures
	if r.vouched > t {
		if !o.Proven {
			return 0
		}
		limit *= patienceFactor
	}
	if r.until > t {
		return 0
	}
	if t-r.window >= int64(g.cfg.Window) {
		r.window, r.guilt = t, 0
	}
	r.guilt += int32(max(1, o.Weight))
	if int(r.guilt) < limit {
		return 0
	}
	return g.ban(r, o.Kind, t)
}

func (g *Guard) ban(r *record, why string, t int64) time.Duration {
	if r.until > 0 && t-r.until >= int64(g.cfg.BanMax) {
		r.bans = 0
	}
	d := g.cfg.Ban
	for range r.bans {
		if d *= 2; d >= g.cfg.BanMax {
			d = g.cfg.BanMax
			break
		}
	}
	r.bans++
	r.until, r.why, r.guilt, r.window = t+int64(d), why, 0, 0
	return d
}

// Ban is a source that is banned.
type Ban struct {
	Source netip.Prefix
	Reason string // Offence.Kind of the last offence
	Until  time.Time
	Count  int // bans of the source so far, this one included
}

// Bans are the sources that are banned, in no order.
func (g *Guard) Bans(now time.Time) []Ban {
	t := g.since(now)
	var bans []Ban
	for i := range g.shards {
		s := &g.shards[i]
		s.mu.Lock()
		for j := range s.records {
			if r := &s.records[j]; r.until > t {
				bans = append(bans, Ban{
					Source: addrOf(r.key), Reason: r.why, Count: int(r.bans),
					Until: now.Add(time.Duration(r.until - t)),
				})
			}
		}
		s.mu.Unlock()
	}
	return bans
}

// Lift ends the ban of a source and forgets what it was blamed for; false if
// it is not banned.
func (g *Guard) Lift(a netip.Addr, now time.Time) bool {
	s, key, t := g.lock(a, now)
	defer s.mu.Unlock()
	r := s.findLocked(key)
	if r == nil || r.until <= t {
		return false
	}
	r.until, r.bans, r.guilt, r.window = 0, 0, 0, 0
	return true
}

// Count is how many sources are remembered, and how many of them are banned.
func (g *Guard) Count(now time.Time) (sources, banned int) {
	t := g.since(now)
	for i := range g.shards {
		s := &g.shards[i]
		s.mu.Lock()
		sources += len(s.records)
		for j := range s.records {
			if s.records[j].until > t {
				banned++
			}
		}
		s.mu.Unlock()
	}
	return sources, banned
}
