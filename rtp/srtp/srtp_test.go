package srtp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"mediaserver/rtp/srtp"
)

// pair makes two sessions that talk to each other.
func pair(t testing.TB, suite srtp.Suite) (a, b *srtp.Session, keys srtp.Keys) {
	t.Helper()
	keys = srtp.Keys{Suite: suite, Send: srtp.NewKey(suite), Receive: srtp.NewKey(suite)}
	a, err := srtp.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	b, err = srtp.New(turned(keys))
	if err != nil {
		t.Fatal(err)
	}
	return a, b, keys
}

// turned are the keys of the other side.
func turned(k srtp.Keys) srtp.Keys {
	return srtp.Keys{Suite: k.Suite, Send: k.Receive, Receive: k.Send}
}

// packet makes a packet of 20 ms with room to grow.
func packet(seq uint16) []byte {
	b := make([]byte, 172, 172+srtp.Overhead)
	b[0] = 0x80
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], uint32(seq)*160)
	binary.BigEndian.PutUint32(b[8:], 0xcafe)
	for i := range b[12:] {
		b[12+i] = byte(i)
	}
	return b
}

func protect(t testing.TB, s *srtp.Session, seq uint16) []byte {
	t.Helper()
	b, err := s.Protect(packet(seq))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantHeard(t testing.TB, s *srtp.Session, protected []byte, seq uint16) {
	t.Helper()
	got, err := s.Unprotect(bytes.Clone(protected))
	if err != nil || !bytes.Equal(got, packet(seq)) {
		t.Fatalf("packet %d: %v, %d bytes", seq, err, len(got))
	}
}

func TestWhatIsProtectedIsHeardByTheOtherSideOnly(t *testing.T) {
	for _, suite := range srtp.Suites() {
		t.Run(suite.String(), func(t *testing.T) {
			a, b, _ := pair(t, suite)
			for seq := range uint16(300) {
				p := protect(t, a, seq)
				if bytes.Contains(p, packet(seq)[12:60]) || len(p) <= 172 || len(p) > 172+srtp.Overhead {
					t.Fatalf("%d bytes: %x", len(p), p)
				}
				forged := bytes.Clone(p)
				forged[len(p)-1] ^= 1
				if _, err := b.Unprotect(forged); !errors.Is(err, srtp.ErrForged) {
					t.Fatalf("changed packet: %v", err)
				}
				wantHeard(t, b, p, seq)
				if _, err := b.Unprotect(p); !errors.Is(err, srtp.ErrReplayed) {
					t.Fatalf("the same packet again: %v", err)
				}
			}
			for _, n := range []int{0, 1, 11, 12, 20, 28, 172} {
				if _, err := b.Unprotect(packet(500)[:n:n]); !errors.Is(err, srtp.ErrForged) {
					t.Errorf("%d bytes in the clear: %v", n, err)
				}
			}
			if _, err := b.Unprotect(make([]byte, srtp.MaxPacket+1)); !errors.Is(err, srtp.ErrForged) {
				t.Errorf("a packet too long: %v", err)
			}
		})
	}
}

func TestControlPacketsAreProtectedToo(t *testing.T) {
	for _, suite := range srtp.Suites() {
		a, b, _ := pair(t, suite)
		report := make([]byte, 28, 28+srtp.Overhead)
		report[0], report[1], report[3] = 0x80, 200, 6
		copy(report[8:], "twenty bytes in there")
		want := bytes.Clone(report)
		for range 3 {
			p, err := a.ProtectRTCP(append(make([]byte, 0, 100), report...))
			if err != nil || bytes.Contains(p, []byte("twenty")) {
				t.Fatalf("%v: %v, %q", suite, err, p)
			}
			got, err := b.UnprotectRTCP(bytes.Clone(p))
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v: %v, %x", suite, err, got)
			}
			if _, err := b.UnprotectRTCP(p); !errors.Is(err, srtp.ErrReplayed) {
				t.Errorf("%v: the same packet again: %v", suite, err)
			}
		}
		if _, err := b.UnprotectRTCP(want); !errors.Is(err, srtp.ErrForged) {
			t.Errorf("%v: in the clear: %v", suite, err)
		}
	}
}

// The rollover counter must survive what re-INVITEs do to a session.
func TestRolloverCounterOutlivesUpdates(t *testing.T) {
	for _, suite := range srtp.Suites() {
		a, b, keys := pair(t, suite)
		seq := uint16(65000)
		talk := func(n int) {
			for range n {
				wantHeard(t, b, protect(t, a, seq), seq)
				seq++
			}
		}
		talk(1000) // past the first rollover
		var err error
		if a, err = a.With(keys); err != nil {
			t.Fatal(err)
		}
		if b, err = b.With(turned(keys)); err != nil {
			t.Fatal(err)
		}
		talk(100)
		seq += 30000 // a long time in which nothing arrived
		talk(100)
		seq += 30000
		talk(6000)
		// Their key changes, ours does not.
		keys.Receive = srtp.NewKey(suite)
		if a, err = a.With(keys); err != nil {
			t.Fatal(err)
		}
		if b, err = b.With(turned(keys)); err != nil {
			t.Fatal(err)
		}
		talk(100)
	}
}

// More than half of the sequence numbers are lost, and the wrap with them.
func TestARolloverThatNobodySawIsFound(t *testing.T) {
	for _, suite := range srtp.Suites() {
		for _, first := range []uint16{100, 20000, 40000, 65000} {
			a, b, _ := pair(t, suite)
			seq := first
			next := func() []byte { seq++; return protect(t, a, seq) }
			for range 1000 {
				if _, err := b.Unprotect(next()); err != nil {
					t.Fatal(err)
				}
			}
			for range 60000 {
				next()
			}
			refused := 0
			for refused < 100 {
				if _, err := b.Unprotect(next()); err == nil {
					break
				}
				refused++
			}
			if refused > 40 {
				t.Errorf("%v from %d: %d packets refused", suite, first, refused)
			}
			for range 70000 { // and on through the next one
				if _, err := b.Unprotect(next()); err != nil {
					t.Fatalf("%v from %d: at %d: %v", suite, first, seq, err)
				}
			}
		}
	}
}

// far is a far end that has sent so many packets before the first that is heard,
// the last with this number.
func far(t *testing.T, k srtp.Keys, first, last uint16, rollovers int) *srtp.Session {
	t.Helper()
	s, err := srtp.New(k)
	if err != nil {
		t.Fatal(err)
	}
	protect(t, s, first)
	for range rollovers {
		for _, seq := range []uint16{20000, 45000, 65000, 10} {
			if seq > first || seq == 10 {
				protect(t, s, seq)
			}
		}
		first = 0
	}
	protect(t, s, last)
	return s
}

// refusedBefore is how many packets from seq on are refused before one is heard.
func refusedBefore(t *testing.T, from, to *srtp.Session, seq uint16) (refused int) {
	t.Helper()
	for ; refused < 200; refused++ {
		if _, err := to.Unprotect(protect(t, from, seq+uint16(refused))); err == nil {
			return refused
		}
	}
	return refused
}

// The sequence number wrapped in the first packets, which were lost.
func TestAFarEndIsHeardThatWrappedBeforeItWasHeard(t *testing.T) {
	for _, suite := range srtp.Suites() {
		_, b, keys := pair(t, suite)
		a := far(t, keys, 65530, 3, 1)
		if n := refusedBefore(t, a, b, 11); n > 40 {
			t.Errorf("%v: %d packets refused", suite, n)
		}
		for seq := uint16(100); seq < 60000; seq += 100 { // and on
			wantHeard(t, b, protect(t, a, seq), seq)
		}
	}
}

// Where the key changes some begin to count anew, and some go on.
func TestAFarEndIsHeardThatGoesOnCountingInAnotherKey(t *testing.T) {
	for _, suite := range srtp.Suites() {
		for _, wraps := range []bool{false, true} {
			a, b, keys := pair(t, suite)
			seq := uint16(0)
			for range 3 * 65536 / 1000 { // to a rollover counter of 2
				seq += 1000
				wantHeard(t, b, protect(t, a, seq), seq)
			}
			other := srtp.Keys{Suite: suite, Send: srtp.NewKey(suite), Receive: keys.Receive}
			b, err := b.With(turned(other))
			if err != nil {
				t.Fatal(err)
			}
			again := far(t, other, seq, 50, 2)
			if wraps {
				again = far(t, other, seq, 50, 3)
			}
			if n := refusedBefore(t, again, b, 60); n > 80 {
				t.Errorf("%v, wraps %v: %d packets refused", suite, wraps, n)
			}
		}
	}
}

// A far end that knows the key must not fill the memory.
func TestStreamsOfAKeyAreBounded(t *testing.T) {
	for _, suite := range srtp.Suites() {
		a, b, keys := pair(t, suite)
		heard, reports := 0, 0
		for ssrc := range uint32(2000) {
			if ssrc%1000 == 0 { // ours are bounded too
				a, _ = srtp.New(keys)
			}
			p := packet(7)
			binary.BigEndian.PutUint32(p[8:], ssrc)
			p, err := a.Protect(p)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Unprotect(p); err == nil {
				heard++
			}
			r := make([]byte, 8, 8+srtp.Overhead)
			r[0], r[1], r[3] = 0x80, 201, 1
			binary.BigEndian.PutUint32(r[4:], ssrc)
			if r, err = a.ProtectRTCP(r); err != nil {
				t.Fatal(err)
			}
			if _, err := b.UnprotectRTCP(r); err == nil {
				reports++
			}
		}
		if heard > 1100 || reports > 1100 {
			t.Errorf("%v: %d streams and reports of %d are kept", suite, heard, reports)
		}
	}
}

// Another SSRC with the same key, and back: each has a counter of its own.
func TestEachStreamHasItsOwnRollover(t *testing.T) {
	a, b, _ := pair(t, srtp.GCM128)
	streams := []struct {
		ssrc uint32
		seq  uint16
	}{{1, 65500}, {2, 30000}}
	for i := range 400 {
		s := &streams[i/100%2]
		s.seq++
		p := packet(s.seq)
		binary.BigEndian.PutUint32(p[8:], s.ssrc)
		p, err := a.Protect(p)
		if err != nil {
			t.Fatal(err)
		}
		first := bytes.Clone(p)
		if _, err := b.Unprotect(p); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if _, err := b.Unprotect(first); !errors.Is(err, srtp.ErrReplayed) {
			t.Fatalf("packet %d again: %v", i, err)
		}
	}
}

func TestPacketsInTheOldKeyAreHeardForAWhile(t *testing.T) {
	a, b, keys := pair(t, srtp.GCM128)
	late := make([][]byte, 0, 4)
	for seq := range uint16(4) {
		late = append(late, protect(t, a, seq))
	}
	keys.Send = srtp.NewKey(srtp.GCM128)
	a, err := a.With(keys)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = b.With(turned(keys)); err != nil {
		t.Fatal(err)
	}
	wantHeard(t, b, late[0], 0)
	wantHeard(t, b, protect(t, a, 4), 4)
	wantHeard(t, b, late[2], 2)
	if _, err := b.Unprotect(late[2]); err == nil {
		t.Error("a replay in the old key is heard")
	}
	for seq := uint16(5); seq < 200; seq++ {
		wantHeard(t, b, protect(t, a, seq), seq)
	}
	if _, err := b.Unprotect(late[3]); err == nil {
		t.Error("the old key is believed for ever")
	}
}

// The session that follows is made while the worker is still at work with the one
// before (under the race detector).
func TestKeysChangeBesideTheWorker(t *testing.T) {
	a, b, keys := pair(t, srtp.GCM128)
	working := make(chan struct{})
	var worker sync.WaitGroup
	worker.Go(func() {
		for seq := range uint16(2000) {
			p, err := a.Protect(packet(seq))
			if err != nil {
				t.Error(err)
			}
			if seq%3 == 0 {
				_, _ = b.Unprotect(packet(seq)) // one that is refused
			}
			if _, err := b.Unprotect(p); err != nil {
				t.Error(err)
			}
			if seq == 500 {
				close(working)
			}
		}
	})
	<-working
	next, same := turned(keys), turned(keys)
	next.Receive = srtp.NewKey(srtp.GCM128)
	for range 20 {
		for _, k := range []srtp.Keys{same, next} {
			if _, err := b.With(k); err != nil {
				t.Error(err)
			}
		}
	}
	worker.Wait()
}

func TestKeysMustFitTheSuite(t *testing.T) {
	for _, k := range []srtp.Keys{
		{},
		{Suite: srtp.GCM128},
		{Suite: srtp.GCM128, Send: srtp.NewKey(srtp.GCM128)},
		{Suite: srtp.GCM128, Send: srtp.NewKey(srtp.CM128Tag80), Receive: srtp.NewKey(srtp.GCM128)},
		{Suite: srtp.CM128Tag80, Send: srtp.NewKey(srtp.GCM128), Receive: srtp.NewKey(srtp.GCM128)},
		{Suite: 77, Send: srtp.NewKey(srtp.GCM128), Receive: srtp.NewKey(srtp.GCM128)},
	} {
		if _, err := srtp.New(k); !errors.Is(err, srtp.ErrKey) {
			t.Errorf("%v: %v, want ErrKey", k.Suite, err)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	k := srtp.NewKey(srtp.GCM128)
	if k == srtp.NewKey(srtp.GCM128) || k != srtp.KeyFrom(k.Bytes()) {
		t.Error("keys compare wrong")
	}
	for _, x := range []any{k, &k, srtp.Keys{Suite: srtp.GCM128, Send: k}, struct{ K srtp.Keys }{srtp.Keys{Send: k}}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			text := fmt.Sprintf(format, x)
			for _, secret := range []string{string(k.Bytes()), base64.StdEncoding.EncodeToString(k.Bytes()), fmt.Sprintf("%x", k.Bytes())} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T shows the key", format, x)
				}
			}
		}
	}
}

func TestExportedKeysBelongToClientAndServer(t *testing.T) {
	for _, suite := range srtp.Suites() {
		material := make([]byte, 2*suite.KeySize())
		for i := range material {
			material[i] = byte(i)
		}
		client, err := suite.Exported(material, true)
		if err != nil {
			t.Fatal(err)
		}
		server, err := suite.Exported(material, false)
		if err != nil || client.Send != server.Receive || client.Receive != server.Send || client.Send == client.Receive {
			t.Errorf("%v: they do not fit: %v", suite, err)
		}
		if b := client.Send.Bytes(); b[0] != 0 || b[16] != 32 { // RFC 5764 §4.2: the client's salt comes after both keys
			t.Errorf("%v: the client's key begins with %d, its salt with %d", suite, b[0], b[16])
		}
		if _, err := suite.Exported(material[1:], true); !errors.Is(err, srtp.ErrKey) {
			t.Errorf("%v: too short: %v", suite, err)
		}
		if got, ok := srtp.ProfileSuite(suite.Profile()); !ok || got != suite {
			t.Errorf("%v has profile %d, which is %v", suite, suite.Profile(), got)
		}
	}
}

func TestSuitesAreFoundByName(t *testing.T) {
	for _, s := range srtp.Suites() {
		if got, ok := srtp.ParseSuite(s.String()); !ok || got != s {
			t.Errorf("%v: %v %v", s, got, ok)
		}
	}
	if s, ok := srtp.ParseSuite("F8_128_HMAC_SHA1_80"); ok || s != srtp.NoSuite || s.String() != "" {
		t.Errorf("an unknown suite is %v", s)
	}
}

// TestNothingIsAllocated once a stream is known.
func TestNothingIsAllocated(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools at random")
	}
	for _, suite := range srtp.Suites() {
		a, b, _ := pair(t, suite)
		seq, memory := uint16(0), make([]byte, 0, 300)
		n := testing.AllocsPerRun(1000, func() {
			seq++
			memory = append(memory[:0], plain[:]...)
			binary.BigEndian.PutUint16(memory[2:], seq)
			p, err := a.Protect(memory)
			if err == nil {
				_, err = b.Unprotect(p)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%v: %v allocations per packet", suite, n)
		}
	}
}

var plain = [172]byte{0: 0x80}

func BenchmarkProtect(b *testing.B) {
	for _, suite := range srtp.Suites() {
		b.Run(suite.String(), func(b *testing.B) {
			a, _, _ := pair(b, suite)
			memory := append(make([]byte, 0, 300), plain[:]...)
			b.ReportAllocs()
			for seq := uint16(0); b.Loop(); seq++ {
				memory = append(memory[:0], plain[:]...)
				binary.BigEndian.PutUint16(memory[2:], seq)
				_, _ = a.Protect(memory)
			}
		})
	}
}

func BenchmarkBothWays(b *testing.B) {
	for _, suite := range srtp.Suites() {
		b.Run(suite.String(), func(b *testing.B) {
			from, to, _ := pair(b, suite)
			memory := append(make([]byte, 0, 300), plain[:]...)
			b.ReportAllocs()
			for seq := uint16(0); b.Loop(); seq++ {
				memory = append(memory[:0], plain[:]...)
				binary.BigEndian.PutUint16(memory[2:], seq)
				p, _ := from.Protect(memory)
				if _, err := to.Unprotect(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzUnprotect: nothing that is not protected is heard, nothing panics.
func FuzzUnprotect(f *testing.F) {
	f.Add(plain[:])
	f.Add([]byte{0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, suite := range srtp.Suites() {
			_, to, _ := pair(t, suite)
			if _, err := to.Unprotect(bytes.Clone(b)); err == nil {
				t.Error("heard")
			}
			if _, err := to.UnprotectRTCP(bytes.Clone(b)); err == nil {
				t.Error("heard")
			}
		}
	})
}
