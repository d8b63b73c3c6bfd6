package sip

import (
	"strings"
	"testing"
	"testing/synctest"

	sipgo "github.com/emiago/sipgo/sip"
)

// A Contact that cannot be read spoils only the requests that need one.
func TestContactsThatCannotBeRead(t *testing.T) {
	for _, bad := range []string{"", "<>", "<sip:a@b", "\"x <sip:a@b>", "<sip:a@b:x>"} {
		for method, want := range map[string]string{
			"OPTIONS": "200 OPTIONS", "BYE": "481 BYE", "INVITE": "400 INVITE", "REGISTER": "400 REGISTER",
		} {
			synctest.Test(t, func(t *testing.T) {
				r := far(t, Config{Access: Access{Phones: []Phone{{Name: "desk", Password: "x"}}}}, nil, "203.0.113.1:5060")
				msg := r.request(method)
				r.give(strings.Replace(msg, "Contact: <sip:a@203.0.113.1>", "Contact: "+bad, 1))
				r.expect(method+" with Contact "+bad, want)
			})
		}
	}
}

// An ACK or a 200 whose Contact is empty does not cost the call.
func TestEmptyContactsWithinACall(t *testing.T) {
	t.Run("of the caller", virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("empty", 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		p.send(strings.Replace(p.within(ok, "ACK", 1, nil), "Call-ID:", "m:\r\nCall-ID:", 1))
		a.session.expect(t, "ack")
		p.send(strings.Replace(p.within(ok, "BYE", 2, nil), "Call-ID:", "Contact:\r\nCall-ID:", 1))
		p.expect("200 BYE")
		emptied(t, u)
	}))
	t.Run("of the callee", virtually(func(t *testing.T) {
		alice := startUA(t, Config{Timers: shortTimers}, nil)
		p := newRawPeer(t, alice)
		c := placing(t, alice, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer")})
		answer := p.responseTo(p.expect("INVITE"), 200, "b", testSDP("answer"))
		head, rest, _ := strings.Cut(answer, "Contact: ")
		_, rest, _ = strings.Cut(rest, "\r\n")
		p.send(head + "Contact: \r\n" + rest)
		if ack := p.expect("ACK"); !strings.HasPrefix(ack, "ACK sip:bob@") {
			t.Errorf("%s", ack)
		}
		d := c.answered()
		go func() { p.reply(p.expect("BYE"), 200) }()
		bye(t, d)
		emptied(t, alice)
	}))
}

func TestReadContacts(t *testing.T) {
	u, _, _ := detachedUA(t, &capture{})
	defer u.Close()
	for value, want := range map[string][]string{
		`*`:                           {"sip:*"},
		`sip:a@b;expires=5`:           {"sip:a@b"},
		`<sip:a@b>, "x, y" <sip:c@d>`: {"sip:a@b", "sip:c@d"},
		`"a\", b" <sip:c@d>;q=0.5`:    {"sip:c@d"},
		`<sip:a@b>, `:                 {"sip:a@b", ""},
	} {
		m, err := u.parse([]byte(strings.Replace(options("1"), "Max-Forwards", "m: "+value+"\r\nMax-Forwards", 1)), maxMessage)
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		var got []string
		for _, h := range m.(*sipgo.Request).GetHeaders("Contact") {
			uri := ""
			if c, ok := h.(*sipgo.ContactHeader); ok {
				uri = c.Address.String()
			}
			got = append(got, uri)
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}
