package sip

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// carrierHere is a trunk at 127.0.0.1 only.
func carrierHere() []SourceList {
	return []SourceList{{Name: "carrier", Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}
}

// newStranger is a far end on another address of this machine.
func newStranger(t *testing.T, u *UA) *rawPeer {
	t.Helper()
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skip(err) // systems whose loopback interface has one address
	}
	t.Cleanup(func() { _ = pc.Close() })
	return &rawPeer{t: t, pc: pc, to: udpAddrOf(u)}
}

// credentialsOf are all credentials of a message.
func credentialsOf(msg string) string {
	return headerOf(msg, "Authorization") + headerOf(msg, "Proxy-Authorization")
}

// known is a Digest that the carrier has challenged before.
func knownDigest() *Digest {
	g := NewDigest("us", "secret")
	g.learn(challenged(401, `Digest realm="carrier", nonce="n0", qop="auth"`), map[string]int{})
	return g
}

const (
	carrierAsks  = `WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"`
	strangerAsks = `WWW-Authenticate: Digest realm="stranger", nonce="n1", qop="auth"`
)

// TestCredentialsStayAtHomeInCallsIn: a call in is hung up by us, and the BYE is
// challenged: by whoever the Contact names, or with a realm that the trunk never used.
func TestCredentialsStayAtHomeInCallsIn(t *testing.T) {
	for _, c := range []struct {
		name    string
		trunks  []SourceList
		contact bool // of somebody elsewhere
		asks    string
		first   bool // credentials with the first BYE
		answers bool // and after the challenge
	}{
		{"the trunk's challenge is answered", carrierHere(), false, carrierAsks, true, true},
		{"a realm that the trunk never used is not", carrierHere(), false, strangerAsks, true, false},
		{"a Contact elsewhere gets nothing", carrierHere(), true, carrierAsks, false, false},
		{"a source that is no trunk gets nothing", nil, false, carrierAsks, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAnswering()
			u := startUA(t, Config{Access: Access{Trunks: c.trunks}}, func(ctx context.Context, d *Dialog) {
				d.SetDigest(knownDigest())
				a.handle(ctx, d)
			})
			p := newRawPeer(t, u)
			at := p
			inv := p.invite("leak", 1, testSDP("offer"))
			if c.contact {
				at = newStranger(t, u)
				// Via as it is: this is no NAT.
				inv = strings.Replace(inv, "Contact: <sip:"+contactUser(inv)+p.addr(), "Contact: <sip:"+contactUser(inv)+at.addr(), 1)
			}
			p.send(inv)
			p.send(p.within(p.expect("200 INVITE"), "ACK", 1, nil))
			d := a.next(t)
			a.session.expect(t, "ack")
			over := make(chan struct{})
			go func() { defer close(over); _ = d.Bye(t.Context()) }()
			bye := at.expect("BYE")
			if got := credentialsOf(bye); (got != "") != c.first {
				t.Errorf("BYE: %q", got)
			}
			at.reply(bye, 401, c.asks)
			if c.answers {
				bye = at.expect("BYE")
				if got := credentialsOf(bye); !strings.Contains(got, `nonce="n1"`) {
					t.Errorf("second BYE: %q", got)
				}
				at.reply(bye, 200)
			}
			<-over
			if m := at.read(50e6); kindOf([]byte(m)) == "BYE" {
				t.Errorf("sent again: %q", credentialsOf(m))
			}
		})
	}
}

// contactUser is the user part of the Contact with its @.
func contactUser(msg string) string {
	_, rest, _ := strings.Cut(headerOf(msg, "Contact"), "sip:")
	user, _, found := strings.Cut(rest, "@")
	if !found {
		return ""
	}
	return user + "@"
}

// TestCredentialsStayAtHomeInCallsOut: who answers a call by the trunk names a
// Contact of his own.
func TestCredentialsStayAtHomeInCallsOut(t *testing.T) {
	for name, elsewhere := range map[string]bool{"the trunk's own Contact": false, "a Contact elsewhere": true} {
		t.Run(name, func(t *testing.T) {
			u := startUA(t, Config{}, nil)
			p := newRawPeer(t, u)
			at := p
			if elsewhere {
				at = newStranger(t, u)
			}
			made := make(chan *Dialog, 1)
			go func() {
				d, err := u.Invite(t.Context(), InviteRequest{
					To: "sip:bob@" + p.addr(), SDP: testSDP("offer"), Digest: knownDigest(),
				}, nil)
				if err != nil {
					t.Error(err)
				}
				made <- d
			}()
			inv := p.expect("INVITE")
			if credentialsOf(inv) == "" {
				t.Error("the trunk's own address gets no credentials")
			}
			body := testSDP("answer")
			p.send(text(string(body), strings.Split(strings.TrimSuffix(settlement(inv, 200,
				"Contact: <sip:bob@"+at.addr()+">", "Content-Type: application/sdp"), "\r\nContent-Length: 0\r\n\r\n"), "\r\n")...))
			if ack := at.expect("ACK"); (credentialsOf(ack) == "") != elsewhere {
				t.Errorf("ACK: %q", credentialsOf(ack))
			}
			d := <-made
			if d == nil {
				return
			}
			over := make(chan error, 1)
			go func() {
				_, err := d.Reinvite(t.Context(), testSDP("again"))
				over <- err
			}()
			re := at.expect("INVITE")
			if (credentialsOf(re) == "") != elsewhere {
				t.Errorf("re-INVITE: %q", credentialsOf(re))
			}
			at.reply(re, 401, carrierAsks)
			at.expect("ACK")
			if !elsewhere {
				re = at.expect("INVITE")
				if !strings.Contains(credentialsOf(re), `nonce="n1"`) {
					t.Errorf("second re-INVITE: %q", credentialsOf(re))
				}
				at.reply(re, 488)
				at.expect("ACK")
			}
			if err := <-over; err == nil {
				t.Error("a refused re-INVITE is no error")
			}
			go func() { over <- d.Info(t.Context(), "text/plain", []byte("x")) }()
			info := at.expect("INFO")
			if (credentialsOf(info) == "") != elsewhere {
				t.Errorf("INFO: %q", credentialsOf(info))
			}
			at.reply(info, 200)
			<-over
			go func() { over <- d.Bye(t.Context()) }()
			end := at.expect("BYE")
			if (credentialsOf(end) == "") != elsewhere {
				t.Errorf("BYE: %q", credentialsOf(end))
			}
			at.reply(end, 200)
			<-over
		})
	}
}
