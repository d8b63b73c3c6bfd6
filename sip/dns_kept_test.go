package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// setClock is a clock that a test sets.
type setClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *setClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *setClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// questions are those that a zone was asked since the last time.
func (z *zone) questions() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	n := len(z.asked)
	z.asked = nil
	return n
}

// set has all records last for so many seconds, and that there is nothing.
func (z *zone) set(ttl, none uint32) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.none = none
	for _, rs := range z.records {
		for i := range rs {
			rs[i].Header.TTL = ttl
		}
	}
}

// Answers of the DNS count for as long as they say (RFC 1035 §3.2.1), and that there
// is nothing as long as the SOA behind it says (RFC 2308 §5).
func TestAnswersOfTheDNSAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		ttl, none uint32 // of records, and of the SOA; 0: there is no SOA
		ask       func(t *testing.T, r *resolver)
		kept      time.Duration
	}{
		"SRV":                        {300, 0, asksSRV, 300 * time.Second},
		"addresses":                  {60, 60, asksAddresses, 60 * time.Second},
		"NAPTR":                      {60, 0, asksNAPTR, 60 * time.Second},
		"a long time is not for us":  {7 * 86400, 0, asksSRV, longestTTL},
		"a name that is not there":   {60, 30, asksNobody, 30 * time.Second},
		"nor for long":               {60, 86400, asksNobody, longestNone},
		"nothing says for how long":  {60, 0, asksNobody, 0},
		"records for one answer":     {0, 0, asksSRV, 0},
		"a name without such record": {60, 45, asksNoSRV, 45 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			z := newZone(t)
			z.a("host.test", "192.0.2.7")
			z.srv("_sip._udp.kept.test", 10, 1, "host.test", 5060)
			z.srv("_sip._udp.kept.test", 10, 1, "other.test", 5060)
			z.naptr("kept.test", 10, 50, "s", "SIP+D2U", "_sip._udp.kept.test")
			z.set(c.ttl, c.none)
			clock := &setClock{at: time.Now()}
			r := newResolver([]netip.AddrPort{z.addr}, clock.now)
			c.ask(t, r)
			asked := z.questions()
			if asked == 0 {
				t.Fatal("nobody was asked")
			}
			if c.kept > 0 {
				clock.pass(c.kept - time.Second)
				c.ask(t, r)
				if n := z.questions(); n != 0 {
					t.Errorf("asked %d times again within %v", n, c.kept)
				}
				clock.pass(time.Second)
			}
			c.ask(t, r)
			if n := z.questions(); n != asked {
				t.Errorf("asked %d times after %v, want %d", n, c.kept, asked)
			}
		})
	}
}

func asksSRV(t *testing.T, r *resolver) {
	t.Helper()
	if records, err := r.srv(t.Context(), "_sip._udp.Kept.test"); err != nil || len(records) != 2 {
		t.Errorf("%v, %v", records, err)
	}
}

func asksAddresses(t *testing.T, r *resolver) {
	t.Helper()
	if list, err := r.addresses(t.Context(), "host.test."); err != nil || !slices.Equal(list, []netip.Addr{netip.MustParseAddr("192.0.2.7")}) {
		t.Errorf("%v, %v", list, err)
	}
}

func asksNAPTR(t *testing.T, r *resolver) {
	t.Helper()
	if records := r.naptr(t.Context(), "kept.test"); len(records) != 1 {
		t.Errorf("%v", records)
	}
}

func asksNobody(t *testing.T, r *resolver) {
	t.Helper()
	if list, err := r.addresses(t.Context(), "nobody.test."); err == nil {
		t.Errorf("%v", list)
	}
}

func asksNoSRV(t *testing.T, r *resolver) {
	t.Helper()
	if records, err := r.srv(t.Context(), "host.test"); err == nil {
		t.Errorf("%v", records)
	}
}

// Servers of equal priority share the load also while their records are kept.
func TestKeptRecordsShareTheLoad(t *testing.T) {
	z := newZone(t)
	for i := range 4 {
		z.srv("_sip._udp.kept.test", 10, 1, fmt.Sprintf("host%d.test", i), 5060)
	}
	r := newResolver([]netip.AddrPort{z.addr}, time.Now)
	first := map[string]int{}
	for range 200 {
		records, err := r.srv(t.Context(), "_sip._udp.kept.test")
		if err != nil {
			t.Fatal(err)
		}
		first[records[0].Target]++
	}
	if len(first) != 4 || z.questions() != 1 {
		t.Errorf("first came %v", first)
	}
}

// What cannot be trusted or is not whole is not kept.
func TestLifeOfAnswers(t *testing.T) {
	name := dnsmessage.MustNewName("a.test.")
	record := dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 60},
		Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}},
	}
	alias := dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeCNAME, Class: dnsmessage.ClassINET, TTL: 20},
		Body:   &dnsmessage.CNAMEResource{CNAME: name},
	}
	pack := func(h dnsmessage.Header, answers ...dnsmessage.Resource) []byte {
		h.Response = true
		m := dnsmessage.Message{Header: h, Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}, Answers: answers}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for what, c := range map[string]struct {
		answer []byte
		want   time.Duration
	}{
		"records":                       {pack(dnsmessage.Header{}, record), time.Minute},
		"the shortest counts":           {pack(dnsmessage.Header{}, alias, record), 20 * time.Second},
		"an alias that leads nowhere":   {pack(dnsmessage.Header{}, alias), 0},
		"cut short":                     {pack(dnsmessage.Header{Truncated: true}, record), 0},
		"a server that cannot":          {pack(dnsmessage.Header{RCode: dnsmessage.RCodeServerFailure}), 0},
		"a server that does not want":   {pack(dnsmessage.Header{RCode: dnsmessage.RCodeRefused}), 0},
		"an answer that is not whole":   {pack(dnsmessage.Header{}, record)[:38], 0},
		"an answer that is not one":     {[]byte{1, 2}, 0},
		"nothing, and not for how long": {pack(dnsmessage.Header{}), 0},
	} {
		if got := lifeOf(c.answer, dnsmessage.TypeA); got != c.want {
			t.Errorf("%s: kept for %v, want %v", what, got, c.want)
		}
	}
}

// What is kept is bounded.
func TestKeptAnswersAreBounded(t *testing.T) {
	m := newKeptAnswers(time.Now)
	for i := range 2 * maxDNSKept / (1000 + keptAnswerCost) {
		m.put(fmt.Sprint(i), keptAnswer{message: []byte(strings.Repeat("x", 1000)), until: time.Now().Add(time.Hour)})
	}
	if m.weight > maxDNSKept {
		t.Errorf("%d bytes", m.weight)
	}
}
