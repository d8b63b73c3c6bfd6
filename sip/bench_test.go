package sip

import (
	"strings"
	"testing"
)

// BenchmarkOptions is a whole datagram in and its answer out, without sockets.
func BenchmarkOptions(b *testing.B) {
	c := &capture{}
	u, s, _ := detachedUA(b, c)
	s.sock.w = discard{}
	msg := []byte(strings.Join([]string{
		"OPTIONS sip:bob@192.0.2.1 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;rport", "From: <sip:a@b>;tag=1",
		"To: <sip:bob@192.0.2.1>", "Call-ID: 1", "CSeq: 1 OPTIONS", "Max-Forwards: 70", "", "",
	}, "\r\n"))
	b.ReportAllocs()
	for b.Loop() {
		u.receive(msg, s)
	}
	if err := u.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkNonsense is a datagram that is refused by the parser.
func BenchmarkNonsense(b *testing.B) {
	u, s, _ := detachedUA(b, &capture{})
	s.sock.w = discard{}
	msg := []byte(strings.Repeat("nonsense ", 100) + "\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		u.receive(msg, s)
	}
	if err := u.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCall is a call between two UAs over loopback: INVITE, 100, 200,
// ACK, BYE, 200.
func BenchmarkCall(b *testing.B) {
	a := newAnswering()
	a.calls = make(chan *Dialog, 1<<20)
	a.session.events = make(chan string, 1<<20)
	bob := startUA(b, Config{SourceRate: -1}, a.handle)
	alice := startUA(b, Config{SourceRate: -1}, nil)
	to := target(bob, "udp")
	b.ReportAllocs()
	for b.Loop() {
		bye(b, dial(b, alice, to))
	}
}
