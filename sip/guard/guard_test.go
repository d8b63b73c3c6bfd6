package guard

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

var epoch = time.Unix(0, 0)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// nth is one of many sources.
func nth(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x0a000000+uint32(i))
	return netip.AddrFrom4(b)
}

// passed counts the messages of a source that get through.
func passed(g *Guard, a netip.Addr, n int, now time.Time) (count int) {
	for range n {
		if g.Admit(a, now) == Pass {
			count++
		}
	}
	return count
}

func TestRateIsPerSourceAndRefills(t *testing.T) {
	g := New(Config{PerSecond: 10, Vouched: 40}, epoch)
	a := addr("192.0.2.1")
	if n := passed(g, a, 30, epoch); n != 10 {
		t.Errorf("%d passed, want 10", n)
	}
	if n := passed(g, addr("2001:db8::1"), 30, epoch) + passed(g, addr("2001:db8::2"), 30, epoch); n != 10 {
		t.Errorf("%d of one /64 passed, want 10", n)
	}
	if n := passed(g, a, 30, epoch.Add(500*time.Millisecond)); n != 5 {
		t.Errorf("%d passed after half a second, want 5", n)
	}
	g.Vouch(a, epoch.Add(time.Second))
	if n := passed(g, a, 100, epoch.Add(time.Second)); n != 40 {
		t.Errorf("%d passed of a source that is vouched for, want 40", n)
	}
	if n := passed(New(Config{PerSecond: -1}, epoch), a, 100000, epoch); n != 100000 {
		t.Errorf("%d passed without a limit", n)
	}
}

func TestOffencesBanForAGrowingTime(t *testing.T) {
	g := New(Config{Failures: 3, Ban: time.Minute, BanMax: 5 * time.Minute}, epoch)
	a, now := addr("192.0.2.1"), epoch
	blame := func() time.Duration { return g.Blame(a, Offence{Kind: "x"}, now) }
	for i, want := range []time.Duration{1, 2, 4, 5, 5} {
		for range 2 {
			if blame() != 0 {
				t.Fatalf("ban %d came early", i+1)
			}
		}
		if got := blame(); got != want*time.Minute {
			t.Fatalf("ban %d is for %v, want %v", i+1, got, want*time.Minute)
		}
		if v := g.Admit(a, now); v != Banned {
			t.Fatalf("%v while banned", v)
		}
		if b := g.Bans(now); len(b) != 1 || b[0].Source != netip.PrefixFrom(a, 32) || b[0].Reason != "x" || b[0].Count != i+1 {
			t.Fatalf("bans %+v", b)
		}
		now = now.Add(want * time.Minute)
		if v := g.Admit(a, now); v != Pass {
			t.Fatalf("%v after the ban", v)
		}
	}
	now = now.Add(6 * time.Minute)
	blame()
	blame()
	if got := blame(); got != time.Minute {
		t.Errorf("ban of %v after good behaviour, want a minute", got)
	}
	if !g.Lift(a, now) || g.Admit(a, now) != Pass || g.Lift(a, now) {
		t.Error("a lifted ban holds, or was lifted twice")
	}
}

func TestOffencesOfOldDoNotCount(t *testing.T) {
	g := New(Config{Failures: 2, Window: time.Second}, epoch)
	a := addr("192.0.2.1")
	for i := range 20 {
		if g.Blame(a, Offence{}, epoch.Add(time.Duration(i)*time.Second)) != 0 {
			t.Fatal("banned for offences in different windows")
		}
	}
}

func TestForgedOffencesDoNotBanWhoIsVouchedFor(t *testing.T) {
	g := New(Config{Failures: 5}, epoch)
	a := addr("192.0.2.1")
	g.Vouch(a, epoch)
	for range 1000 {
		g.Blame(a, Offence{Kind: "forged", Weight: 5}, epoch)
	}
	if g.Banned(a, epoch) {
		t.Error("banned for what anybody can send in its name")
	}
	for range 5 * patienceFactor {
		g.Blame(a, Offence{Kind: "own", Proven: true}, epoch)
	}
	if !g.Banned(a, epoch) {
		t.Error("not banned for what is proven")
	}
}

func TestOnePacketBansNobody(t *testing.T) {
	g := New(Config{}, epoch)
	if g.Blame(addr("192.0.2.1"), Offence{Weight: 5}, epoch) != 0 {
		t.Error("banned")
	}
}

func TestMemoryIsBoundedAndKeepsWhatMatters(t *testing.T) {
	const sources = 1024
	g := New(Config{Sources: sources, Strangers: -1, Failures: 3}, epoch)
	good, bad := addr("192.0.2.1"), addr("192.0.2.2")
	g.Vouch(good, epoch)
	for range 3 {
		g.Blame(bad, Offence{}, epoch)
	}
	now := epoch
	for i := range 200 * sources {
		now = now.Add(10 * time.Microsecond)
		g.Admit(nth(i), now)
		g.Blame(nth(i), Offence{}, now) // guilty, so none is idle
	}
	if n, _ := g.Count(now); n > sources {
		t.Errorf("%d sources kept, want at most %d", n, sources)
	}
	for i := range g.shards {
		if s := &g.shards[i]; len(s.index) != len(s.records) {
			t.Fatalf("shard %d: %d names for %d records", i, len(s.index), len(s.records))
		}
	}
	if !g.Banned(bad, now) {
		t.Error("a flood from elsewhere has ended a ban")
	}
	if !g.Vouched(good, now) {
		t.Error("a flood from elsewhere has made a good source forgotten")
	}
}

func TestFloodFromEverNewSourcesIsBounded(t *testing.T) {
	g := New(Config{Strangers: 1600}, epoch)
	known := addr("192.0.2.1")
	g.Admit(known, epoch)
	n := 0
	for i := range 100000 {
		if g.Admit(nth(i), epoch) == Pass {
			n++
		}
	}
	if n < 1500 || n > 1700 {
		t.Errorf("%d new sources at once, want about 1600", n)
	}
	if v := g.Admit(known, epoch); v != Pass {
		t.Errorf("a known source: %v", v)
	}
}

func TestAdmitDoesNotAllocateForAKnownSource(t *testing.T) {
	g := New(Config{}, time.Now())
	a := addr("192.0.2.1")
	g.Admit(a, time.Now())
	if n := testing.AllocsPerRun(100, func() { g.Admit(a, time.Now()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAddressesSurviveTheKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "255.255.255.255": "255.255.255.255/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "::1": "::/64", "fe80::1": "fe80::/64",
	} {
		if got := addrOf(keyOf(addr(in))).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func BenchmarkAdmitKnown(b *testing.B) {
	g := New(Config{PerSecond: -1}, time.Now())
	a, now := addr("192.0.2.1"), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		g.Admit(a, now)
	}
}

func BenchmarkAdmitBanned(b *testing.B) {
	g := New(Config{Failures: 1}, time.Now())
	a, now := addr("192.0.2.1"), time.Now()
	g.Blame(a, Offence{}, now)
	b.ReportAllocs()
	for b.Loop() {
		g.Admit(a, now)
	}
}

// BenchmarkAdmitStrangers is a flood from forged addresses into a full memory.
func BenchmarkAdmitStrangers(b *testing.B) {
	g := New(Config{Strangers: -1}, time.Now())
	now, i := time.Now(), 0
	for ; i < 2*DefaultSources; i++ {
		g.Admit(nth(i), now)
	}
	b.ReportAllocs()
	for b.Loop() {
		i++
		g.Admit(nth(i), now)
	}
}
