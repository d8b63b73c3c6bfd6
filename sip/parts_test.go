package sip

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What is kept for copies of requests is bounded in bytes, however long the
// responses are.
func TestResponsesThatAreKeptAreBoundedInBytes(t *testing.T) {
	const dialogs, many = 10, 2000
	for _, size := range []int{100, maxRemembered} {
		m := newServed(time.Minute, dialogs)
		for i := range many {
			_, _ = m.claim(strconv.Itoa(i), nil)
			m.put(strconv.Itoa(i), make([]byte, size))
		}
		kept := len(m.keys()) * size
		if most := maxRemembered * (dialogs + servedLeast); kept > most {
			t.Errorf("%d bytes kept of responses of %d, want at most %d", kept, size, most)
		}
		if _, ok := m.get(strconv.Itoa(many - 1)); !ok {
			t.Error("the last is not kept")
		}
	}
}

func TestMemoryForgetsInTimeAndBeyondItsLimit(t *testing.T) {
	now := time.Unix(0, 0)
	m := newMemory[int, string](time.Second, 3, func() time.Time { return now })
	if _, taken := m.claim(1, "a"); taken {
		t.Fatal("empty memory has an entry")
	}
	if old, taken := m.claim(1, "b"); !taken || old != "a" {
		t.Fatalf("claim gave %q, %v", old, taken)
	}
	now = now.Add(600 * time.Millisecond)
	m.put(1, "c") // begins anew
	now = now.Add(600 * time.Millisecond)
	if v, ok := m.get(1); !ok || v != "c" {
		t.Fatalf("got %q, %v", v, ok)
	}
	now = now.Add(400 * time.Millisecond)
	if _, ok := m.get(1); ok {
		t.Fatal("entry outlived its time")
	}
	for i := range 5 {
		m.put(i, "x")
	}
	var left []int
	for i := range 5 {
		if _, ok := m.get(i); ok {
			left = append(left, i)
		}
	}
	if !slices.Equal(left, []int{2, 3, 4}) || len(m.entries) != 3 || len(m.order) != 3 {
		t.Fatalf("left %v", left)
	}
	m.forget(3)
	m.put(3, "y")
	if v, ok := m.get(3); !ok || v != "y" {
		t.Fatalf("got %q, %v", v, ok)
	}
}

func TestMailboxKeepsOrderAndBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o owner
		var failed int
		m := newMailboxes(o.run, func(f func()) {
			defer func() {
				if recover() != nil {
					failed++
				}
			}()
			f()
		})
		var mu sync.Mutex
		var got []int
		gate := make(chan struct{})
		m.post("a", func() { <-gate })
		synctest.Wait()
		m.post("a", func() { panic("test") })
		for i := range mailboxLimit - 1 {
			if !m.post("a", func() { mu.Lock(); got = append(got, i); mu.Unlock() }) {
				t.Fatalf("message %d refused", i)
			}
		}
		if m.post("a", func() {}) {
			t.Error("a message beyond the limit was taken")
		}
		other := false
		m.post("b", func() { other = true })
		synctest.Wait()
		if !other {
			t.Error("one call holds up another")
		}
		close(gate)
		o.close()
		o.wait()
		if len(got) != mailboxLimit-1 || !slices.IsSorted(got) || failed != 1 {
			t.Errorf("%v, %d failed", got, failed)
		}
		if len(m.boxes) != 0 {
			t.Errorf("%d mailboxes left", len(m.boxes))
		}
		if m.post("c", func() {}) {
			t.Error("posted after the end")
		}
	})
}

func TestParseListen(t *testing.T) {
	for s, ok := range map[string]bool{
		"udp://0.0.0.0:5060": true, "tcp://[::]:5060": true, "udp://:0": true,
		"tls://0.0.0.0:5061": true, "ws://0.0.0.0:80": true, "wss://[::]:443": true, "sctp://0.0.0.0:5060": false,
		"udp://0.0.0.0:5060?advertise=203.0.113.5": true, "udp://0.0.0.0:5060?advertise=sip.example.com:15060": true,
		"udp://0.0.0.0:5060?advertise=[2001:db8::1]:5060": true, "udp://0.0.0.0:5060?advertise=auto": true,
		"udp://0.0.0.0:5060?advertise=a b": false, "udp://0.0.0.0:5060?advertise=a:0": false, "udp://0.0.0.0:5060?x=1": false,
		"0.0.0.0:5060": false, "udp://0.0.0.0": false, "udp://[::1": false,
	} {
		if _, err := New(Config{Listen: []string{s}}); (err == nil) != ok {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, c := range []Config{{Advertise: "a b"}, {Advertise: "a:5060"}, {Network: Network{TLS: TLS{CertFile: "x"}}}, {MaxDialogs: -1}, {Timers: Timers{T1: -1}}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

func TestSplitList(t *testing.T) {
	got := splitList(`"a, \", b" <sip:x,y@z>, <sip:2>,3`)
	if want := []string{`"a, \", b" <sip:x,y@z>`, " <sip:2>", "3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLabelsAreBounded(t *testing.T) {
	if methodLabel("INVITE") != "INVITE" || methodLabel("X") != "other" || codeLabel(486) != "486" || codeLabel(499) != "4xx" {
		t.Error("labels")
	}
}
