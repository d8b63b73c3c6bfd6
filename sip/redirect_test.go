package sip

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// all follows every redirection.
func all(uri string) (string, bool) { return uri, true }

// redirect answers an INVITE with a 3xx.
func (p *rawPeer) redirect(inv string, contacts ...string) {
	p.t.Helper()
	var lines []string
	for _, c := range contacts {
		lines = append(lines, "Contact: "+c)
	}
	p.reply(inv, 302, lines...)
	p.expect("ACK")
}

func TestRedirectionsAreFollowedInOrder(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{Timers: shortTimers}, nil)
		p := newRawPeer(t, nil)
		p.from(u)
		at := func(user string) string { return "sip:" + user + "@" + p.addr() }
		var asked []string
		c := placing(t, u, InviteRequest{To: at("bob"), SDP: testSDP("offer"), Headers: []Header{{"X-Page", "1"}}, Follow: func(uri string) (string, bool) {
			asked = append(asked, uri)
			if number, ok := strings.CutPrefix(uri, "tel:"); ok {
				return at(number), true
			}
			return uri, !strings.Contains(uri, "forbidden")
		}})
		inv := p.expect("INVITE")
		p.redirect(inv, "<"+at("low")+"?X-Evil=1>;q=0.1, <"+at("high")+">;q=0.9", "<"+at("forbidden")+">", "<tel:+4930123>;q=0.5")
		high := p.expect("INVITE")
		if !strings.HasPrefix(high, "INVITE "+at("high")+" ") || headerOf(high, "CSeq") != "2 INVITE" ||
			headerOf(high, "Call-ID") != headerOf(inv, "Call-ID") || headerOf(high, "From") != headerOf(inv, "From") || headerOf(high, "X-Page") != "1" {
			t.Errorf("got %s", high)
		}
		p.redirect(high, "<"+at("bob")+">", "<"+at("deeper")+">") // the first is a loop
		deeper := p.expect("INVITE")
		if !strings.HasPrefix(deeper, "INVITE "+at("deeper")+" ") {
			t.Errorf("got %s", deeper)
		}
		p.reply(deeper, 486)
		p.expect("ACK")
		tel := p.expect("INVITE")
		if !strings.HasPrefix(tel, "INVITE "+at("+4930123")+" ") {
			t.Errorf("got %s", tel)
		}
		p.reply(tel, 404)
		p.expect("ACK")
		low := p.expect("INVITE")
		if strings.Contains(low, "X-Evil") {
			t.Errorf("got %s", low)
		}
		p.reply(low, 480)
		<-c.done
		if e, ok := errors.AsType[*StatusError](c.err); !ok || e.Code != 480 {
			t.Errorf("got %v", c.err)
		}
		if want := []string{at("forbidden"), at("high"), at("bob"), at("deeper"), "tel:+4930123", at("low")}; !slices.Equal(asked, want) {
			t.Errorf("asked about %q, want %q", asked, want)
		}
		emptied(t, u)
	})(t)
}

func TestRedirectionsEnd(t *testing.T) {
	tests := []struct {
		name    string
		follow  func(string) (string, bool)
		reply   func(p *rawPeer, inv string, n int)
		invites int
		code    int
	}{
		{"nobody follows them", nil, func(p *rawPeer, inv string, _ int) { p.redirect(inv, "<sip:x@"+p.addr()+">") }, 1, 302},
		{"without an address", all, func(p *rawPeer, inv string, _ int) { p.redirect(inv) }, 1, 302},
		{"with an address that is none", all, func(p *rawPeer, inv string, _ int) { p.redirect(inv, "<mailto:x@y>") }, 1, 302},
		{"in a loop", all, func(p *rawPeer, inv string, n int) { p.redirect(inv, fmt.Sprintf("<sip:loop%d@%s>", n%2, p.addr())) }, 3, 302},
		{"never", all, func(p *rawPeer, inv string, n int) { p.redirect(inv, fmt.Sprintf("<sip:next%d@%s>", n, p.addr())) }, 1 + maxRedirects, 302},
		{"with a 6xx", all, func(p *rawPeer, inv string, n int) {
			if n == 1 {
				p.redirect(inv, "<sip:a@"+p.addr()+">, <sip:b@"+p.addr()+">")
				return
			}
			p.reply(inv, 603)
			p.expect("ACK")
		}, 2, 603},
	}
	for _, tt := range tests {
		t.Run(tt.name, virtually(func(t *testing.T) {
			u := startUA(t, Config{Timers: shortTimers}, nil)
			p := newRawPeer(t, nil)
			p.from(u)
			c := placing(t, u, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer"), Follow: tt.follow})
			for n := range tt.invites {
				tt.reply(p, p.expect("INVITE"), n+1)
			}
			<-c.done
			if e, ok := errors.AsType[*StatusError](c.err); !ok || e.Code != tt.code {
				t.Errorf("got %v, want %d", c.err, tt.code)
			}
			emptied(t, u)
		}))
	}
}

// Credentials and header fields of a trunk stay with it, and so does its proxy.
func TestRedirectionTakesNoSecretsElsewhere(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, Config{Timers: shortTimers}, nil)
		trunk, other := newRawPeer(t, nil), newRawPeer(t, nil)
		trunk.from(u)
		other.from(u)
		const challenge = `WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5`
		c := placing(t, u, InviteRequest{
			To: "sip:1@carrier.invalid", Proxy: trunk.addr(), SDP: testSDP("offer"), Follow: all,
			Username: "user", Password: "secret", Headers: []Header{{"X-Account", "7"}},
		})
		inv := trunk.expect("INVITE")
		trunk.reply(inv, 401, challenge)
		trunk.expect("ACK")
		inv = trunk.expect("INVITE")
		if headerOf(inv, "Authorization") == "" {
			t.Fatal("no credentials for the trunk")
		}
		trunk.redirect(inv, "<sip:2@carrier.invalid>;q=1", "<sip:3@"+other.addr()+">;q=0.5")
		inv = trunk.expect("INVITE") // by the proxy again
		if !strings.HasPrefix(inv, "INVITE sip:2@carrier.invalid ") || headerOf(inv, "X-Account") != "7" {
			t.Errorf("got %s", inv)
		}
		trunk.reply(inv, 480)
		trunk.expect("ACK")
		inv = other.expect("INVITE")
		if headerOf(inv, "Authorization") != "" || headerOf(inv, "X-Account") != "" || headerOf(inv, "Route") != "" {
			t.Errorf("got %s", inv)
		}
		other.reply(inv, 401, challenge)
		other.expect("ACK")
		<-c.done
		if e, ok := errors.AsType[*StatusError](c.err); !ok || e.Code != 401 {
			t.Errorf("got %v", c.err)
		}
		emptied(t, u)
	})(t)
}
