package sip

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Who is told of progress hears one contact after the other, and nothing of those
// that ring on when one has answered.
func TestContactsAreHeardOneAfterTheOther(t *testing.T) {
	virtually(func(t *testing.T) {
		u := startUA(t, phonesConfig(), nil)
		peers := []*loginPeer{registeredPeer(t, u, "alice", "wonder land", "1"), registeredPeer(t, u, "alice", "wonder land", "1")}
		var telling, overlaps, answered, late atomic.Int32
		tell := func(Progress) {
			if telling.Add(1) > 1 {
				overlaps.Add(1)
			}
			late.Add(answered.Load())
			time.Sleep(time.Second)
			telling.Add(-1)
		}
		got := make(chan called, 1)
		go func() {
			d, err := u.Invite(context.Background(), InviteRequest{To: "sip:alice@example.com", From: "service", SDP: testSDP("offer")}, tell)
			got <- called{d, err}
		}()
		invites := []string{peers[0].expect("INVITE"), peers[1].expect("INVITE")}
		for i, p := range peers {
			p.send(answer(invites[i], 180, "x", ""))
		}
		time.Sleep(time.Minute / 2)
		peers[0].send(answer(invites[0], 200, "x", string(testSDP("x")), "Content-Type: application/sdp", "Contact: <sip:alice@10.255.255.1>"))
		peers[0].expect("ACK")
		synctest.Wait() // the answer is known to the others then
		answered.Store(1)
		peers[1].send(answer(invites[1], 183, "x", ""))
		peers[1].send(answer(peers[1].expect("CANCEL"), 200, "x", ""))
		peers[1].send(answer(invites[1], 487, "x", ""))
		c := <-got
		if c.err != nil {
			t.Fatal(c.err)
		}
		if n := overlaps.Load(); n > 0 {
			t.Errorf("told %d times while being told", n)
		}
		if n := late.Load(); n > 0 {
			t.Errorf("told %d times after the answer", n)
		}
		hangUp := make(chan error, 1)
		go func() { hangUp <- c.d.Bye(context.Background()) }()
		peers[0].send(answer(peers[0].expect("BYE"), 200, "x", ""))
		if err := <-hangUp; err != nil {
			t.Error(err)
		}
	})(t)
}
