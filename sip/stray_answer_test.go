package sip

import (
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// TestAnswerOfAHopThatWasGivenUp comes when the next hop has been asked: it is
// acknowledged with its own number and hung up, and the next hop's counts.
func TestAnswerOfAHopThatWasGivenUp(t *testing.T) {
	for name, late := range map[string]bool{"on the way through the transaction": false, "behind it": true} {
		t.Run(name, func(t *testing.T) {
			z := newZone(t)
			z.a("host.test", "127.0.0.1")
			alice := resolving(t, z)
			one, two := newRawPeer(t, alice), newRawPeer(t, alice)
			z.srv("_sip._udp.pbx.test", 10, 0, "host.test", portOf(t, one.addr()))
			z.srv("_sip._udp.pbx.test", 20, 0, "host.test", portOf(t, two.addr()))
			c := placing(t, alice, InviteRequest{To: "sip:bob@pbx.test;transport=udp", SDP: testSDP("offer")})
			first := one.expect("INVITE")
			branch, _, _ := strings.Cut(strings.SplitAfter(headerOf(first, "Via"), "branch=")[1], ";")
			tx := alice.txs.findClient(branch + "\nINVITE")
			second := two.expect("INVITE") // one has said nothing
			answer := one.responseTo(first, 200, "one", testSDP("late"))
			if late || tx == nil {
				one.send(answer)
			} else {
				// It came while the transaction was there, and waits in the mailbox.
				m, err := sipgo.NewParser().ParseSIP([]byte(answer))
				if err != nil {
					t.Fatal(err)
				}
				alice.boxes.post(headerOf(first, "Call-ID"), func() { tx.accept(m.(*sipgo.Response)) })
			}
			ack := one.expect("ACK")
			if got := headerOf(ack, "CSeq"); got != "1 ACK" {
				t.Errorf("ACK of the first INVITE: CSeq %s", got)
			}
			one.reply(one.expect("BYE"), 200)
			two.send(two.responseTo(second, 200, "two", testSDP("answer")))
			if got, want := headerOf(two.expect("ACK"), "CSeq"), strings.Replace(headerOf(second, "CSeq"), "INVITE", "ACK", 1); got != want {
				t.Errorf("ACK of the second INVITE: CSeq %s, want %s", got, want)
			}
			d := c.answered()
			if owner0(d.RemoteBody()) != "answer" {
				t.Errorf("the answer is %q", d.RemoteBody())
			}
			go func() { two.reply(two.expect("BYE"), 200) }()
			bye(t, d)
			emptied(t, alice)
		})
	}
}
