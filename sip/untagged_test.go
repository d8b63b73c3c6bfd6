package sip

import (
	"strings"
	"testing"
)

// Far ends of RFC 2543 have no tags: "the tag is considered to have a value of
// null", RFC 3261 §12.1.1 and §12.1.2.
func TestCallFromAPhoneWithoutTag(t *testing.T) {
	for _, ours := range []bool{true, false} {
		virtually(func(t *testing.T) {
			a := newAnswering()
			u := startUA(t, Config{}, a.handle)
			p := newRawPeer(t, u)
			untagged := func(m string) string { return strings.Replace(m, ";tag=raw", "", 1) }
			p.send(untagged(p.invite("old", 1, testSDP("offer"))))
			ok := p.expect("200 INVITE")
			p.send(p.within(ok, "ACK", 1, nil))
			a.session.expect(t, "ack")
			d := a.next(t)
			from := headerOf(ok, "From")
			p.send(strings.Replace(p.within(ok, "INFO", 2, nil), from, from+";tag=x", 1))
			p.expect("481 INFO")
			if _, r := d.Replaces(); r.ToTag != "0" || u.Dialog(seenBy(d)) != d {
				t.Errorf("Replaces %v", r)
			}
			if !ours {
				p.send(p.within(ok, "BYE", 2, nil))
				p.expect("200 BYE")
				ended(t, d, ErrRemoteBye)
				return
			}
			go func() { _ = d.Bye(t.Context()) }()
			m := p.expect("BYE")
			if strings.Contains(headerOf(m, "To"), "tag") {
				t.Errorf("To %q", headerOf(m, "To"))
			}
			p.reply(m, 200)
			emptied(t, u)
		})(t)
	}
}

func TestCallToAPhoneWithoutTag(t *testing.T) {
	virtually(func(t *testing.T) {
		u, p, c := calling(t, Config{})
		inv := p.expect("INVITE")
		untagged := func(m string) string { return strings.Replace(m, ";tag=none", "", 1) }
		p.send(p.responseTo(inv, 180, "other", nil))
		c.progress(180)
		p.send(untagged(p.fromCallee(inv, "none", "BYE", 1, nil))) // nobody has answered
		p.expect("481 BYE")
		answer := untagged(p.responseTo(inv, 200, "none", testSDP("answer")))
		for range 2 { // a copy is acknowledged again
			p.send(answer)
			if m := p.expect("ACK"); strings.Contains(headerOf(m, "To"), "tag") {
				t.Errorf("To %q", headerOf(m, "To"))
			}
		}
		d := c.answered()
		p.send(untagged(p.fromCallee(inv, "none", "BYE", 2, nil)))
		p.expect("200 BYE")
		ended(t, d, ErrRemoteBye)
		emptied(t, u)
	})(t)
}

// White space may stand around the parts of parameters and between those of CSeq,
// RFC 3261 §25.1 (SEMI, EQUAL, LWS): the tag is the same without it.
func TestTagsAmongWhiteSpace(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{}, a.handle)
		p := newRawPeer(t, u)
		spaced := strings.NewReplacer(";tag=raw", ` ; tag = raw ; x="a b"`, "CSeq: 1 ", "CSeq: 1  ")
		p.send(spaced.Replace(p.invite("spaced", 1, testSDP("offer"))))
		ok := p.expect("200 INVITE")
		if got := headerOf(ok, "From"); !strings.HasSuffix(got, `;tag=raw;x="a b"`) {
			t.Errorf("From %q", got)
		}
		p.send(p.within(ok, "ACK", 1, nil))
		a.session.expect(t, "ack")
		p.hangUp(a.next(t), ok, 2)

		c := placing(t, u, InviteRequest{To: "sip:bob@" + p.addr(), SDP: testSDP("offer")})
		inv := p.expect("INVITE")
		spaced = strings.NewReplacer(";tag=b", " ; tag = b", "CSeq: 1 ", "CSeq: 1 \t ")
		p.send(spaced.Replace(p.responseTo(inv, 200, "b", testSDP("answer"))))
		if got := headerOf(p.expect("ACK"), "To"); !strings.HasSuffix(got, ">;tag=b") {
			t.Errorf("To %q", got)
		}
		go func() { p.reply(p.expect("BYE"), 200) }()
		bye(t, c.answered())
	})(t)
}
