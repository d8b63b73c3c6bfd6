package sip

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// replaceable is a server whose calls are answered, and a call to it.
func replaceable(t *testing.T) (server, client *UA, first *Dialog, calls chan *Dialog) {
	t.Helper()
	calls = make(chan *Dialog, 4)
	server = startUA(t, Config{}, func(_ context.Context, d *Dialog) {
		if d.Answer(testSDP("answer")) != nil {
			return
		}
		calls <- d
		<-d.Ended()
	})
	client = startUA(t, Config{}, nil)
	dial(t, client, target(server, "udp"))
	return server, client, <-calls, calls
}

// inviteInPlace sends an INVITE with Replaces.
func inviteInPlace(t *testing.T, from, to *UA, headers ...Header) (*Dialog, error) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	return from.Invite(ctx, InviteRequest{To: target(to, "udp"), From: "carol", SDP: testSDP("offer"), Headers: headers}, nil)
}

// seenBy is the dialog as its user agent is told to find it.
func seenBy(d *Dialog) Replaces {
	_, there := d.Replaces()
	return Replaces{CallID: there.CallID, ToTag: there.FromTag, FromTag: there.ToTag}
}

func TestAnInviteWithReplacesNamesTheDialogOfItsTags(t *testing.T) {
	virtually(func(t *testing.T) {
		server, client, first, calls := replaceable(t)
		names := seenBy(first)
		if server.Dialog(names) != first {
			t.Fatal("the dialog is not found")
		}
		if _, err := inviteInPlace(t, client, server, Header{"Replaces", names.String()}, Header{"Require", "replaces"}); err != nil {
			t.Fatal(err)
		}
		if d := <-calls; d.Invitation().Replaces != first {
			t.Errorf("Replaces is %v", d.Invitation().Replaces)
		}
	})(t)
}

func TestAnInviteWithReplacesIsRefused(t *testing.T) {
	server, client, first, _ := replaceable(t)
	names := seenBy(first)
	early := names
	early.EarlyOnly = true
	swapped := Replaces{CallID: names.CallID, ToTag: names.FromTag, FromTag: names.ToTag}
	stranger := names
	stranger.FromTag = "x" + names.FromTag
	for _, c := range []struct {
		name    string
		headers []Header
		code    int
	}{
		{"that names no dialog", []Header{{"Replaces", "nobody@h;to-tag=1;from-tag=2"}}, 481},
		{"that has the tags the wrong way round", []Header{{"Replaces", swapped.String()}}, 481},
		{"that knows only our tag", []Header{{"Replaces", stranger.String()}}, 481},
		{"of an answered call that is to be replaced only before", []Header{{"Replaces", early.String()}}, 486},
		{"twice", []Header{{"Replaces", names.String()}, {"Replaces", names.String()}}, 400},
		{"that is malformed", []Header{{"Replaces", "x"}}, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := inviteInPlace(t, client, server, c.headers...); !status(err, c.code) {
				t.Errorf("got %v, want %d", err, c.code)
			}
		})
	}
	select {
	case <-first.Ended():
		t.Error("the dialog has ended")
	case <-time.After(20 * time.Millisecond):
	}
}

// The dialog ends while the INVITE that is to replace it waits its turn: that is no
// call of its own, RFC 3891 §3.
func TestAnInviteWithReplacesIsRefusedWhenTheDialogEndsMeanwhile(t *testing.T) {
	virtually(func(t *testing.T) {
		a := newAnswering()
		u := startUA(t, Config{Timers: shortTimers}, a.handle)
		p := newRawPeer(t, u)
		p.send(p.invite("first", 1, testSDP("offer")))
		ok := p.expect("200 INVITE")
		p.send(p.within(ok, "ACK", 1, nil))
		first := a.next(t)
		turn := make(chan struct{})
		u.boxes.post("second", func() { <-turn })
		p.send(p.invite("second", 1, testSDP("offer"), "Replaces: "+seenBy(first).String()))
		synctest.Wait()
		p.send(p.within(ok, "BYE", 2, nil))
		p.expect("200 BYE")
		ended(t, first, ErrRemoteBye)
		close(turn)
		p.expect("481 INVITE")
		if n := len(a.calls); n != 0 {
			t.Errorf("%d calls came in", n)
		}
	})(t)
}

func TestAWithheldCallerIsAnonymous(t *testing.T) {
	virtually(func(t *testing.T) {
		got := make(chan Invitation, 1)
		server := startUA(t, Config{}, func(_ context.Context, d *Dialog) {
			got <- d.Invitation()
			_ = d.Reject(404, "")
		})
		client := startUA(t, Config{}, nil)
		for _, c := range []struct {
			from, display string
			headers       []Header
			anonymous     bool
			uri           string
		}{
			{"anonymous", "Alice", []Header{{"X-Team", "blue"}}, true, "sip:anonymous@anonymous.invalid"},
			{"sip:Anonymous@pbx.example", "", []Header{{"Privacy", "none"}}, true, "sip:anonymous@anonymous.invalid"},
			{"sip:alice@pbx.example", "Alice", nil, false, "sip:alice@pbx.example"},
			{"sip:alice@pbx.example", "Alice", []Header{{"Privacy", "critical; id"}}, true, "sip:alice@pbx.example"},
			{"sip:alice@pbx.example", "Alice", []Header{{"Privacy", "none"}}, false, "sip:alice@pbx.example"},
		} {
			_, err := client.Invite(t.Context(), InviteRequest{
				To: target(server, "udp"), From: c.from, DisplayName: c.display, Headers: c.headers, SDP: testSDP("offer"),
			}, nil)
			if !status(err, 404) {
				t.Fatal(err)
			}
			inv := <-got
			if inv.Anonymous() != c.anonymous || inv.From.URI != c.uri {
				t.Errorf("%s %v: anonymous %v, From %s", c.from, c.headers, inv.Anonymous(), inv.From.URI)
			}
			if Withheld(c.from) && (inv.From.Display != "Anonymous" || inv.Header("Privacy") != "id") {
				t.Errorf("%s: %q, Privacy %q", c.from, inv.From.Display, inv.Header("Privacy"))
			}
		}
	})(t)
}
