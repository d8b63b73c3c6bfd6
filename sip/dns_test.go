package sip

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is a name server on the loopback: records by name and type.
type zone struct {
	mu      sync.Mutex
	records map[string][]dnsmessage.Resource
	asked   []string
	none    uint32 // how long it holds that there is nothing [s]; 0: that is not said
	addr    netip.AddrPort
}

func newZone(t testing.TB) *zone {
	t.Helper()
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{records: make(map[string][]dnsmessage.Resource), addr: pc.LocalAddr().(*net.UDPAddr).AddrPort()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if out := z.answer(buf[:n]); out != nil {
				_, _ = pc.WriteToUDPAddrPort(out, from)
			}
		}
	}()
	t.Cleanup(func() { _ = pc.Close(); <-done })
	return z
}

func (z *zone) answer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	z.mu.Lock()
	defer z.mu.Unlock()
	name := strings.ToLower(q.Name.String())
	z.asked = append(z.asked, q.Type.String()+" "+name)
	out := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	known := false
	for k, rs := range z.records {
		known = known || strings.HasSuffix(k, " "+name)
		if k == q.Type.String()+" "+name {
			out.Answers = rs
		}
	}
	if !known {
		out.RCode = dnsmessage.RCodeNameError
	}
	if len(out.Answers) == 0 && z.none > 0 {
		root := dnsmessage.MustNewName(".")
		out.Authorities = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: root, Type: dnsmessage.TypeSOA, Class: dnsmessage.ClassINET, TTL: z.none + 1},
			Body:   &dnsmessage.SOAResource{NS: root, MBox: root, MinTTL: z.none},
		}}
	}
	b, err := out.Pack()
	if err != nil {
		return nil
	}
	return b
}

func (z *zone) add(name string, kind dnsmessage.Type, body dnsmessage.ResourceBody) {
	z.mu.Lock()
	defer z.mu.Unlock()
	n := dnsmessage.MustNewName(name + ".")
	k := kind.String() + " " + name + "."
	z.records[k] = append(z.records[k], dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: n, Type: kind, Class: dnsmessage.ClassINET, TTL: 60}, Body: body,
	})
}

func (z *zone) a(name, addr string) {
	z.add(name, dnsmessage.TypeA, &dnsmessage.AResource{A: netip.MustParseAddr(addr).As4()})
}

func (z *zone) srv(name string, priority, weight uint16, target string, port uint16) {
	z.add(name, dnsmessage.TypeSRV, &dnsmessage.SRVResource{
		Priority: priority, Weight: weight, Target: dnsmessage.MustNewName(target + "."), Port: port,
	})
}

func (z *zone) naptr(name string, order, preference uint16, flags, service, replacement string) {
	z.add(name, typeNAPTR, &dnsmessage.UnknownResource{Type: typeNAPTR, Data: naptrData(order, preference, flags, service, "", replacement)})
}

func naptrData(order, preference uint16, flags, service, regexp, replacement string) []byte {
	b := binary.BigEndian.AppendUint16(nil, order)
	b = binary.BigEndian.AppendUint16(b, preference)
	for _, s := range []string{flags, service, regexp} {
		b = append(append(b, byte(len(s))), s...)
	}
	for l := range strings.SplitSeq(replacement, ".") {
		if l != "" {
			b = append(append(b, byte(len(l))), l...)
		}
	}
	return append(b, 0)
}

// resolving is a UA that asks the zone.
func resolving(t testing.TB, z *zone) *UA {
	t.Helper()
	return patient(t, z, shortTimers)
}

// patient is resolving with other timers.
func patient(t testing.TB, z *zone, timers Timers) *UA {
	t.Helper()
	return startUA(t, Config{Timers: timers, Network: Network{DNS: []netip.AddrPort{z.addr}}}, nil)
}

// RFC 3263 §4.
func TestHopsOfURI(t *testing.T) {
	z := newZone(t)
	z.a("one.test", "127.0.0.1")
	z.a("one.test", "127.0.0.2")
	z.a("two.test", "127.0.0.3")
	z.srv("_sip._udp.srv.test", 20, 0, "two.test", 5070)
	z.srv("_sip._udp.srv.test", 10, 0, "one.test", 5060)
	z.srv("_sip._tcp.srv.test", 10, 0, "two.test", 5080)
	z.srv("_sip._tcp.tcponly.test", 10, 0, "two.test", 5080)
	z.srv("_sips._tcp.srv.test", 10, 0, "two.test", 5081)
	z.srv("_sip._udp.gone.test", 10, 0, "", 0)
	z.srv("_sip._udp.lame.test", 10, 0, "nothing.test", 5060)
	z.srv("_sip._udp.lame.test", 20, 0, "two.test", 5060)
	z.a("liar.test", "255.255.255.255")
	z.a("liar.test", "224.0.0.1")
	z.a("liar.test", "0.0.0.0")
	for i := range 20 {
		z.srv("_sip._udp.endless.test", 10, 0, fmt.Sprintf("no%d.test", i), 5060)
		z.srv("_sip._tcp.endless.test", 10, 0, fmt.Sprintf("no%d.test", 20+i), 5060)
	}
	z.srv("_sips._tcp.endless.test", 10, 0, "two.test", 5061)
	for i, s := range []string{"SIPS+D2T _sips._tcp.srv.test", "SIP+D2T _sip._tcp.srv.test", "SIP+D2U _sip._udp.srv.test", "E2U+email x.test"} {
		service, name, _ := strings.Cut(s, " ")
		z.naptr("naptr.test", uint16(100-10*i), 50, "s", service, name)
	}
	u := resolving(t, z)
	tests := []struct {
		name, uri string
		want      []string
	}{
		{"address", "sip:x@192.0.2.1", []string{"UDP 192.0.2.1:5060"}},
		{"address of sips", "sips:x@192.0.2.1", []string{"TLS 192.0.2.1:5061"}},
		{"address with port and transport", "sip:x@[2001:db8::1]:99;transport=TCP", []string{"TCP [2001:db8::1]:99"}},
		{"sips over tcp is TLS", "sips:x@192.0.2.1;transport=tcp", []string{"TLS 192.0.2.1:5061"}},
		{"tls", "sip:x@192.0.2.1;transport=tls", []string{"TLS 192.0.2.1:5061"}},
		{"WebSocket", "sip:x@192.0.2.1;transport=ws", []string{"WS 192.0.2.1:80"}},
		{"secure WebSocket", "sips:x@192.0.2.1;transport=ws", []string{"WSS 192.0.2.1:443"}},
		{"name with port: addresses alone", "sip:x@one.test:99", []string{"UDP 127.0.0.1:99", "UDP 127.0.0.2:99"}},
		{"SRV by priority, all addresses of each", "sip:x@srv.test", []string{"UDP 127.0.0.1:5060", "UDP 127.0.0.2:5060", "UDP 127.0.0.3:5070"}},
		{"SRV of the transport named", "sip:x@srv.test;transport=tcp", []string{"TCP 127.0.0.3:5080"}},
		{"SRV of another transport", "sip:x@tcponly.test", []string{"TCP 127.0.0.3:5080"}},
		{"SRV of sips", "sips:x@srv.test", []string{"TLS 127.0.0.3:5081"}},
		{"NAPTR in its order", "sip:x@naptr.test", []string{"UDP 127.0.0.1:5060", "UDP 127.0.0.2:5060", "UDP 127.0.0.3:5070", "TCP 127.0.0.3:5080", "TLS 127.0.0.3:5081"}},
		{"NAPTR of sips", "sips:x@naptr.test", []string{"TLS 127.0.0.3:5081"}},
		{"no SRV: addresses", "sip:x@two.test", []string{"UDP 127.0.0.3:5060"}},
		{"SRV target without address", "sip:x@lame.test", []string{"UDP 127.0.0.3:5060"}},
		{"service decidedly not there", "sip:x@gone.test", nil},
		{"unknown name", "sip:x@nothing.test", nil},
		{"addresses of nobody", "sip:x@liar.test:5060", nil},
		{"all hosts of a network", "sip:x@255.255.255.255", nil},
		{"more hosts than anybody has", "sip:x@endless.test", nil},
		{"name that is none", "sip:x@abc.invalid;transport=ws", nil},
		{"sips over UDP", "sips:x@192.0.2.1;transport=udp", nil},
		{"unknown transport", "sip:x@192.0.2.1;transport=sctp", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, done := context.WithTimeout(t.Context(), patience)
			defer done()
			hops, err := u.hops(ctx, mustURI(t, tt.uri), nil)
			var got []string
			for _, h := range hops {
				got = append(got, h.transport+" "+h.to.String())
			}
			// The addresses of one name come in any order.
			slices.SortStableFunc(got, func(a, b string) int {
				if strings.HasPrefix(a, "UDP 127.0.0.2") && strings.HasPrefix(b, "UDP 127.0.0.1") {
					return 1
				}
				return 0
			})
			if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
				t.Errorf("%v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

// A name is asked for as it is, also where the system has a search list. Who has none
// sees that by the final dot alone.
func TestNamesAreWholeOnes(t *testing.T) {
	for in, want := range map[string]string{"_sip._udp.a.test": "_sip._udp.a.test.", "a.test.": "a.test."} {
		if got := rooted(in); got != want {
			t.Errorf("%s is looked up as %s", in, got)
		}
	}
	z := newZone(t)
	z.srv("_sip._udp.a.test", 10, 0, "nowhere.test", 5060)
	u := resolving(t, z)
	_, _ = u.hops(t.Context(), mustURI(t, "sip:x@a.test;transport=udp"), nil)
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, q := range z.asked {
		if _, name, _ := strings.Cut(q, " "); name != "_sip._udp.a.test." && name != "nowhere.test." {
			t.Errorf("asked for %s", q)
		}
	}
}

// A datagram that somebody sends in the name server's name does not stop the true
// answer, without which a call would go unprotected.
func TestForgedAnswersAreWaitedOut(t *testing.T) {
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{records: make(map[string][]dnsmessage.Resource)}
	z.naptr("naptr.test", 10, 50, "s", "SIPS+D2T", "_sips._tcp.srv.test")
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			forged := bytes.Clone(buf[:n])
			forged[0] ^= 1
			_, _ = pc.WriteToUDPAddrPort(forged, from)
			other := bytes.Clone(z.answer(buf[:n]))
			other[13] ^= 1 // of another name
			_, _ = pc.WriteToUDPAddrPort(other, from)
			_, _ = pc.WriteToUDPAddrPort([]byte{1}, from)
			_, _ = pc.WriteToUDPAddrPort(z.answer(buf[:n]), from)
		}
	}()
	r := newResolver([]netip.AddrPort{pc.LocalAddr().(*net.UDPAddr).AddrPort()}, time.Now)
	if got := r.naptr(t.Context(), "naptr.test"); len(got) != 1 || got[0].service != "SIPS+D2T" {
		t.Errorf("%v", got)
	}
	_ = pc.Close()
	<-done
}

func TestSRVWeightsShareTheLoad(t *testing.T) {
	z := newZone(t)
	z.a("light.test", "127.0.0.1")
	z.a("heavy.test", "127.0.0.2")
	z.srv("_sip._udp.weighted.test", 10, 10, "light.test", 5060)
	z.srv("_sip._udp.weighted.test", 10, 90, "heavy.test", 5060)
	u := resolving(t, z)
	first := 0
	const rounds = 100
	for range rounds {
		hops, err := u.hops(t.Context(), mustURI(t, "sip:weighted.test;transport=udp"), nil)
		if err != nil || len(hops) != 2 {
			t.Fatalf("%v, %v", hops, err)
		}
		if hops[0].to.Addr() == netip.MustParseAddr("127.0.0.2") {
			first++
		}
	}
	if first < rounds*7/10 || first == rounds {
		t.Errorf("the heavy one came first %d times of %d", first, rounds)
	}
}

func TestParseNAPTR(t *testing.T) {
	good := naptrData(1, 2, "s", "SIP+D2U", "", "_sip._udp.example.com")
	r, ok := parseNAPTR(good)
	if !ok || r != (naptr{1, 2, "s", "SIP+D2U", "_sip._udp.example.com"}) {
		t.Errorf("%+v %v", r, ok)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "cut": good[:10], "no end": good[:len(good)-1], "more": append(slices.Clone(good), 1),
		"regular expression": naptrData(1, 2, "u", "SIP+D2U", "!x!y!", ""),
		"compressed":         append(slices.Clone(good[:len(good)-1]), 0xc0, 0x0c),
	} {
		if r, ok := parseNAPTR(b); ok {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func FuzzNAPTR(f *testing.F) {
	query, question, err := naptrQuery(1, "example.com")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(query)
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 1, Response: true}, Questions: []dnsmessage.Question{question}, Answers: []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: question.Name, Type: typeNAPTR, Class: dnsmessage.ClassINET},
		Body:   &dnsmessage.UnknownResource{Type: typeNAPTR, Data: naptrData(1, 2, "s", "SIP+D2U", "", "a.b")},
	}}}
	b, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, answer []byte) {
		records, _, _ := readNAPTR(answer, 1, question)
		if len(records) > maxNAPTR {
			t.Errorf("%d records", len(records))
		}
	})
}

func TestSystemServers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	text := "# x\nnameserver 192.0.2.1\nsearch a b\nnameserver 2001:db8::1\nnameserver x\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range systemServers(file) {
		got = append(got, s.String())
	}
	if want := []string{"192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if systemServers(file+"x") != nil {
		t.Error("servers out of nothing")
	}
}
