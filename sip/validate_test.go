package sip

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// request is a plain request as lines that a test changes.
func plain(p *rawPeer, method string) []string {
	lines := []string{
		method + " sip:bob@" + p.to.String() + " SIP/2.0",
		"Via: SIP/2.0/UDP " + p.addr() + ";branch=z9hG4bKplain" + newTag(),
		"From: <sip:alice@" + p.addr() + ">;tag=raw",
		"To: <sip:bob@" + p.to.String() + ">",
		"Call-ID: " + newTag(),
		"CSeq: 1 " + method,
		"Max-Forwards: 70",
		"Contact: <sip:alice@" + p.addr() + ">",
	}
	return lines
}

// with replaces the line of a header field, or adds it; "" removes it.
func with(lines []string, name, value string) []string {
	for i, l := range lines {
		if strings.HasPrefix(l, name+":") {
			if value == "" {
				return append(lines[:i:i], lines[i+1:]...)
			}
			return append(append(lines[:i:i], name+": "+value), lines[i+1:]...)
		}
	}
	return append(lines, name+": "+value)
}

func add(lines []string, l ...string) []string { return append(lines, l...) }

func TestValidation(t *testing.T) {
	sdp := string(testSDP("offer"))
	tests := []struct {
		name   string
		method string
		body   string
		change func([]string) []string
		want   string // status line without version; "" = no answer
		header string // "Name: value" that must be there
	}{
		{"OPTIONS is answered with what we can", "OPTIONS", "", nil, "200 OK", "Allow: " + allowedMethods},
		{"OPTIONS names the bodies", "OPTIONS", "", nil, "200 OK", "Accept: application/sdp"},
		{"INVITE nobody serves", "INVITE", sdp, func(l []string) []string { return with(l, "Content-Type", typeSDP) }, "404 Not Found", ""},
		{"INVITE without offer nobody serves", "INVITE", "", nil, "404 Not Found", ""},
		{"unknown method", "DANCE", "", nil, "501 Not Implemented", "Allow: " + allowedMethods},
		{"REGISTER", "REGISTER", "", nil, "405 Method Not Allowed", "Allow: " + allowedMethods},
		{"PRACK outside a dialog", "PRACK", "", nil, "481 Call/Transaction Does Not Exist", ""},
		{"unknown body", "INVITE", "x", func(l []string) []string { return with(l, "Content-Type", "text/plain") }, "415 Unsupported Media Type", "Accept: " + acceptedBodies},
		{"encoded body", "INVITE", sdp, func(l []string) []string {
			return add(l, "Content-Type: application/sdp", "Content-Encoding: gzip")
		}, "415 Unsupported Media Type", "Accept-Encoding: identity"},
		{"body without type", "INVITE", sdp, nil, "400 Missing Content-Type", ""},
		{"optional unknown body", "INVITE", "x", func(l []string) []string {
			return add(l, "Content-Type: text/plain", "Content-Disposition: render; handling = optional")
		}, "404 Not Found", ""},
		{"tel URI", "INVITE", "", func(l []string) []string { l[0] = "INVITE tel:+123 SIP/2.0"; return l }, "416 Unsupported URI Scheme", ""},
		{"sips URI", "INVITE", "", func(l []string) []string { l[0] = "INVITE sips:bob@example.com SIP/2.0"; return l }, "416 Unsupported URI Scheme", ""},
		{"unknown scheme", "OPTIONS", "", func(l []string) []string { l[0] = "OPTIONS foo:bar SIP/2.0"; return l }, "416 Unsupported URI Scheme", ""},
		{"headers in the URI", "INVITE", "", func(l []string) []string { l[0] = "INVITE sip:bob@example.com?Route=%3Csip:x%3E SIP/2.0"; return l }, "400 Headers In Request-URI", ""},
		{"required extension", "INVITE", "", func(l []string) []string { return add(l, "Require: 100rel, precondition, timer") }, "420 Bad Extension", "Unsupported: precondition"},
		{"two required extensions apart", "OPTIONS", "", func(l []string) []string { return add(l, "Require: a", "Require: b") }, "420 Bad Extension", "Unsupported: a, b"},
		{"supported extension", "INVITE", "", func(l []string) []string { return add(l, "Supported: 100rel, timer") }, "404 Not Found", ""},
		{"no hops left for an INVITE", "INVITE", "", func(l []string) []string { return with(l, "Max-Forwards", "0") }, "483 Too Many Hops", ""},
		{"no hops left for OPTIONS", "OPTIONS", "", func(l []string) []string { return with(l, "Max-Forwards", "0") }, "200 OK", ""},
		{"too many hops", "OPTIONS", "", func(l []string) []string { return with(l, "Max-Forwards", "256") }, "400 Bad Max-Forwards", ""},
		{"hops that are no number", "OPTIONS", "", func(l []string) []string { return with(l, "Max-Forwards", "many") }, "400 Bad Request", ""},
		{"no Max-Forwards", "OPTIONS", "", func(l []string) []string { return with(l, "Max-Forwards", "") }, "200 OK", ""},
		{"version 3", "OPTIONS", "", func(l []string) []string { l[0] = strings.Replace(l[0], "SIP/2.0", "SIP/3.0", 1); return l }, "505 Version Not Supported", ""},
		{"no From", "OPTIONS", "", func(l []string) []string { return with(l, "From", "") }, "400 Missing From", ""},
		{"no From tag", "OPTIONS", "", func(l []string) []string { return with(l, "From", "<sip:a@b>") }, "200 OK", ""},
		{"no To", "OPTIONS", "", func(l []string) []string { return with(l, "To", "") }, "400 Missing To", ""},
		{"no Call-ID", "OPTIONS", "", func(l []string) []string { return with(l, "Call-ID", "") }, "400 Missing Call-ID", ""},
		{"no CSeq", "OPTIONS", "", func(l []string) []string { return with(l, "CSeq", "") }, "400 Missing CSeq", ""},
		{"no Contact", "INVITE", "", func(l []string) []string { return with(l, "Contact", "") }, "400 Missing Contact", ""},
		{"Contact that is no SIP address", "INVITE", "", func(l []string) []string { return with(l, "Contact", "<mailto:x@y>") }, "400 Bad Contact", ""},
		{"Contact of a star", "INVITE", "", func(l []string) []string { return with(l, "Contact", "*") }, "400 Bad Contact", ""},
		{"no Via", "OPTIONS", "", func(l []string) []string { return with(l, "Via", "") }, "", ""},
		{"CSeq of another method", "OPTIONS", "", func(l []string) []string { return with(l, "CSeq", "1 INVITE") }, "400 CSeq Method Mismatch", ""},
		{"CSeq too large", "OPTIONS", "", func(l []string) []string { return with(l, "CSeq", "4294967296 OPTIONS") }, "400 Bad Request", ""},
		{"CSeq without number", "OPTIONS", "", func(l []string) []string { return with(l, "CSeq", "OPTIONS") }, "400 Bad Request", ""},
		{"two Call-IDs", "OPTIONS", "", func(l []string) []string { return add(l, "Call-ID: two") }, "400 Repeated Call-ID", ""},
		{"two From, one compact", "OPTIONS", "", func(l []string) []string { return add(l, "f: <sip:x@y>;tag=2") }, "400 Repeated From", ""},
		{"two Contacts", "INVITE", "", func(l []string) []string { return add(l, "Contact: <sip:x@y>") }, "400 Repeated Contact", ""},
		{"two Content-Lengths", "OPTIONS", "", func(l []string) []string { return add(l, "l: 0", "Content-Length: 0") }, "400 Repeated Content-Length", ""},
		{"Content-Length beyond the datagram", "OPTIONS", "", func(l []string) []string { return add(l, "l: 500") }, "400 Bad Request", ""},
		{"Content-Length below zero", "OPTIONS", "", func(l []string) []string { return add(l, "l: -1") }, "400 Bad Request", ""},
		{"BYE outside a dialog", "BYE", "", nil, "481 Call/Transaction Does Not Exist", ""},
		{"BYE for an unknown dialog", "BYE", "", func(l []string) []string { return with(l, "To", "<sip:b@c>;tag=gone") }, "481 Call/Transaction Does Not Exist", ""},
		{"INFO outside a dialog", "INFO", "", nil, "481 Call/Transaction Does Not Exist", ""},
		{"UPDATE outside a dialog", "UPDATE", "", nil, "481 Call/Transaction Does Not Exist", ""},
		{"CANCEL of nothing", "CANCEL", "", nil, "481 Call/Transaction Does Not Exist", ""},
		{"re-INVITE for an unknown dialog", "INVITE", "", func(l []string) []string { return with(l, "To", "<sip:b@c>;tag=gone") }, "481 Call/Transaction Does Not Exist", ""},
		{"ACK of nothing", "ACK", "", nil, "", ""},
		{"broken ACK", "ACK", "", func(l []string) []string { return with(l, "CSeq", "x") }, "", ""},
		{"ACK of version 3", "ACK", "", func(l []string) []string { l[0] = strings.Replace(l[0], "SIP/2.0", "SIP/3.0", 1); return l }, "", ""},
		{"ACK with a requirement", "ACK", "", func(l []string) []string { return add(l, "Require: x") }, "", ""},
		{"response to nothing", "OPTIONS", "", func(l []string) []string { l[0] = "SIP/2.0 200 OK"; return l }, "", ""},
		{"keep-alive", "OPTIONS", "", func([]string) []string { return []string{"\r\n"} }, "", ""},
		{"no SIP", "OPTIONS", "", func([]string) []string { return []string{"GET / HTTP/1.1", "Host: x"} }, "", ""},
		{"header line without colon", "OPTIONS", "", func(l []string) []string { return add(l, "nonsense") }, "400 Bad Request", ""},
	}
	u := startUA(t, Config{}, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newRawPeer(t, u)
			lines := plain(p, tt.method)
			if tt.change != nil {
				lines = tt.change(lines)
			}
			if tt.body == "" && tt.method != "OPTIONS" || tt.body != "" {
				p.send(text(tt.body, lines...))
			} else {
				p.send(strings.Join(lines, "\r\n") + "\r\n\r\n")
			}
			if tt.want == "" {
				// What is not answered cannot be waited for; a request behind it can.
				p.send(strings.Join(plain(p, "OPTIONS"), "\r\n") + "\r\n\r\n")
				tt.want = "200 OK"
			}
			m := p.read(patience)
			for strings.HasPrefix(m, "SIP/2.0 100") {
				m = p.read(patience)
			}
			line, _, _ := strings.Cut(m, "\r\n")
			if got := strings.TrimPrefix(line, "SIP/2.0 "); got != tt.want {
				t.Fatalf("got %q, want %q", line, tt.want)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok && headerOf(m, name) != value {
				t.Errorf("%s is %q, want %q", name, headerOf(m, name), value)
			}
		})
	}
}

func TestSourceNotAllowedGets403(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{Access: Access{Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}, nil)
		p := newRawPeer(t, u)
		p.send(p.invite("forbidden", 1, nil))
		p.expect("403 INVITE")
		p.send(strings.Join(plain(p, "OPTIONS"), "\r\n") + "\r\n\r\n")
		p.expect("200 OPTIONS")
	})(t)
}

func TestMergedInviteGets482(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{}, a.handle)
		p := newRawPeer(t, u)
		inv := p.invite("merged", 1, testSDP("offer"))
		p.send(inv)
		ok := p.expect("200 INVITE")
		p.send(strings.Replace(inv, "branch=z9hG4bK", "branch=z9hG4bKother", 1))
		p.expect("482 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		p.send(inv) // a late copy: absorbed
		p.send(p.within(ok, "BYE", 2, nil))
		if m := p.read(patience); kindOf([]byte(m)) != "200 BYE" {
			t.Errorf("a late copy of the INVITE was answered: %s", m)
		}
		p.send(inv) // after the end as well: no ghost of a call
		p.send(strings.Join(plain(p, "OPTIONS"), "\r\n") + "\r\n\r\n")
		if m := p.read(patience); kindOf([]byte(m)) != "200 OPTIONS" {
			t.Errorf("a late copy of the INVITE was answered: %s", m)
		}
		a.next(t)
		if len(a.calls) != 0 {
			t.Error("a copy of the INVITE made a call")
		}
	})(t)
}

// echo is the writing half of a socket. Before a message of the kind leaves, it
// has something happen.
type echo struct {
	datagramWriter
	kind   string
	before func()
}

func (w echo) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if kindOf(b) == w.kind {
		w.before()
	}
	return w.datagramWriter.WriteToUDPAddrPort(b, to)
}

// A late copy of the INVITE that has taken the last place is no new call.
func TestCopyOfTheLastCallIsAbsorbed(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{MaxDialogs: 1}, a.handle)
		p := newRawPeer(t, u)
		inv := p.invite("last", 1, testSDP("offer"))
		p.send(inv)
		ok := p.expect("200 INVITE")
		p.send(inv)
		p.send(p.within(ok, "ACK", 1, nil))
		p.send(p.within(ok, "BYE", 2, nil))
		if m := p.read(patience); kindOf([]byte(m)) != "200 BYE" {
			t.Errorf("got %s", m)
		}
		a.next(t)
	})(t)
}

// A copy of the INVITE that comes while the 200 leaves is not answered 100.
func TestCopyThatCrossesTheAnswerIsAbsorbed(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{}, a.handle)
		p := newRawPeer(t, u)
		inv := p.invite("crossing", 1, testSDP("offer"))
		src := source{sock: u.udp[0], addr: netip.MustParseAddrPort(p.addr())}
		u.udp[0].w = echo{u.udp[0].w, "200 INVITE", func() { u.receive([]byte(inv), src) }}
		p.send(inv)
		p.expect("100 INVITE")
		if m := p.read(patience); kindOf([]byte(m)) != "200 INVITE" {
			t.Errorf("got %s", m)
		}
		a.next(t)
	})(t)
}

func TestRefusalIsRepeatedFromMemory(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{}, nil)
		p := newRawPeer(t, u)
		inv := p.invite("again", 1, nil)
		p.send(inv)
		first := p.expect("404 INVITE")
		ack := strings.Replace(strings.Replace(inv, "INVITE sip", "ACK sip", 1), "1 INVITE", "1 ACK", 1)
		p.send(ack)
		for range 2 {
			p.send(inv)
			if m := p.expect("404 INVITE"); headerOf(m, "To") != headerOf(first, "To") {
				t.Errorf("To %q, want %q", headerOf(m, "To"), headerOf(first, "To"))
			}
		}
		if n := u.Active(); n != 0 {
			t.Errorf("%d dialogs", n)
		}
	})(t)
}

// An unacknowledged refusal is repeated, RFC 3261 §17.2.1, until the ACK.
func TestRefusalIsRepeatedUntilACK(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{}, nil)
		p := newRawPeer(t, u)
		inv := p.invite("unheard", 1, nil)
		p.send(inv)
		p.expect("404 INVITE")
		p.expect("404 INVITE")
		p.send(strings.Replace(strings.Replace(inv, "INVITE sip", "ACK sip", 1), "1 INVITE", "1 ACK", 1))
		p.send(strings.Join(plain(p, "OPTIONS"), "\r\n") + "\r\n\r\n")
		p.expect("200 OPTIONS")
		if m := p.read(700 * time.Millisecond); m != "" {
			t.Errorf("after the ACK came %s", m)
		}
	})(t)
}

func TestSequenceWithinDialog(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("seq", 5, testSDP("offer")))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 5, nil))
		a.session.expect(t, "ack")
		info := p.within(ok, "INFO", 7, nil)
		p.send(info)
		p.expect("200 INFO")
		p.send(info) // a copy gets the same again
		p.expect("200 INFO")
		for _, n := range []int{6, 4} {
			p.send(p.within(ok, "INFO", n, nil))
			if m := p.expect("500 INFO"); headerOf(m, "Retry-After") == "" {
				t.Error("500 without Retry-After")
			}
		}
		p.send(p.within(ok, "INVITE", 6, testSDP("old")))
		p.expect("500 INVITE")
		p.send(strings.Replace(p.within(ok, "INFO", 9, nil), "tag=raw", "tag=stranger", 1))
		p.expect("481 INFO")
		p.send(p.within(ok, "INFO", 10, nil, "Info-Package: foo"))
		p.expect("469 INFO")
		p.send(p.within(ok, "OPTIONS", 11, nil))
		p.expect("200 OPTIONS")
		p.send(p.within(ok, "UPDATE", 12, testSDP("update")))
		if m := p.expect("200 UPDATE"); !strings.Contains(m, "o=re-answer") {
			t.Errorf("UPDATE was answered %s", m)
		}
		a.session.expect(t, "offer update")
		p.send(p.within(ok, "UPDATE", 13, nil))
		p.expect("200 UPDATE")
		p.send(p.within(ok, "BYE", 14, nil))
		p.expect("200 BYE")
		a.session.silent(t)
	})(t)
}

// Before the INVITE has its final response, a second one is out of turn.
func TestReinviteBeforeAnswerGets500(t *testing.T) {
	virtually(func(t *testing.T) {
		rung := make(chan *Dialog, 1)
		u := startUA(t, Config{}, func(ctx context.Context, d *Dialog) {
			_ = d.Progress(180, "", nil)
			rung <- d
			<-ctx.Done()
		})
		p := newRawPeer(t, u)
		p.send(p.invite("turn", 1, testSDP("offer")))
		ringing := p.expect("180 INVITE")
		p.send(p.within(ringing, "INVITE", 2, testSDP("again")))
		m := p.expect("500 INVITE")
		if headerOf(m, "Retry-After") == "" {
			t.Error("500 without Retry-After")
		}
		p.send(p.within(ringing, "UPDATE", 3, testSDP("update")))
		p.expect("500 UPDATE")
		p.send(p.within(ringing, "BYE", 4, nil))
		p.expect("487 INVITE")
		p.expect("200 BYE")
		ended(t, <-rung, ErrRemoteBye)
	})(t)
}

func TestLateOfferPendingGets491(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("late", 1, nil))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "INVITE", 2, testSDP("glare")))
		m := p.expect("491 INVITE")
		p.send(p.within(m, "ACK", 2, nil))
		p.send(p.within(ok, "ACK", 1, testSDP("answer")))
		a.session.expect(t, "ack answer")
		p.send(p.within(ok, "INVITE", 3, testSDP("now")))
		a.session.expect(t, "offer now")
		p.send(p.within(ok, "ACK", 3, nil))
		a.session.expect(t, "ack")
	})(t)
}
