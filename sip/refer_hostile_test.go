package sip

import (
	"context"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestRequestsAboutTransfersThatMakeNoSense(t *testing.T) {
	caller, called, session := pair(t)
	event := Header{"Event", "refer"}
	for _, c := range []struct {
		name    string
		method  sipgo.RequestMethod
		headers []Header
		typ     string
		body    string
		code    int
		header  string // of the answer
	}{
		{"a REFER without target", sipgo.REFER, nil, "", "", 400, ""},
		{"a REFER with two", sipgo.REFER, []Header{{"Refer-To", "<sip:a@192.0.2.1>"}, {"Refer-To", "<sip:b@192.0.2.1>"}}, "", "", 400, ""},
		{"a REFER with a target without end", sipgo.REFER, []Header{{"Refer-To", "<sip:" + strings.Repeat("a", 3000) + "@192.0.2.1>"}}, "", "", 400, ""},
		{"a REFER to hang up", sipgo.REFER, []Header{{"Refer-To", "<sip:a@192.0.2.1;method=BYE>"}}, "", "", 603, ""},
		{"a REFER to a web page", sipgo.REFER, []Header{{"Refer-To", "<http://192.0.2.1/>"}}, "", "", 0, ""},
		{"a NOTIFY that nobody asked for", sipgo.NOTIFY, []Header{event, {"Subscription-State", "active"}}, typeSipfrag, "SIP/2.0 200 OK\r\n", 481, ""},
		{"a NOTIFY of something else", sipgo.NOTIFY, []Header{{"Event", "presence"}}, "", "", 489, "Allow-Events"},
		{"a NOTIFY of nothing", sipgo.NOTIFY, nil, "", "", 489, "Allow-Events"},
		{"a SUBSCRIBE", sipgo.SUBSCRIBE, []Header{event}, "", "", 405, "Allow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, done := context.WithTimeout(t.Context(), patience)
			defer done()
			res, err := caller.exchange(ctx, c.method, c.headers, c.typ, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.code != 0 && res.StatusCode != c.code || res.StatusCode < 400 {
				t.Errorf("answered %d, want %d", res.StatusCode, c.code)
			}
			if c.header != "" && res.GetHeader(c.header) == nil {
				t.Errorf("no %s in the answer", c.header)
			}
		})
	}
	select {
	case r := <-session.referrals:
		t.Errorf("a referral came through: %+v", r)
	case <-called.Ended():
		t.Error("the call has ended")
	default:
	}
}

func TestANotifyForOurReferIsLookedAt(t *testing.T) {
	virtually(func(t *testing.T) {
		caller, called, session := pair(t)
		done := refer(t, caller, ReferRequest{To: "sip:carol@192.0.2.7"})
		r := session.next(t)
		<-accepted(called)
		for _, c := range []struct {
			name, id, typ, body string
			code                int
		}{
			{"of an older REFER", ";id=0", typeSipfrag, "SIP/2.0 200 OK\r\n", 481},
			{"with another body", "", "text/plain", "SIP/2.0 200 OK\r\n", 415},
			{"with a body that is none", "", typeSipfrag, "HELLO\r\n", 400},
			{"with an impossible status", "", typeSipfrag, "SIP/2.0 999 Hm\r\n", 400},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			res, err := called.exchange(ctx, sipgo.NOTIFY, []Header{{"Event", "refer" + c.id}, {"Subscription-State", "active"}}, c.typ, []byte(c.body))
			cancel()
			if err != nil || res.StatusCode != c.code {
				t.Errorf("a NOTIFY %s: %v %v, want %d", c.name, res, err, c.code)
			}
		}
		r.Tell(486, "")
		if o := outcomeOf(t, done); !status(o.err, 486) {
			t.Errorf("outcome %+v", o)
		}
	})(t)
}

func TestReferWithoutSubscriptionIsAccepted(t *testing.T) {
	virtually(func(t *testing.T) {
		caller, _, session := pair(t)
		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()
		res, err := caller.exchange(ctx, sipgo.REFER, []Header{{"Refer-To", "<sip:carol@192.0.2.7>"}, {"Refer-Sub", "false"}}, "", nil)
		if err != nil || res.StatusCode != 202 || res.GetHeader("Refer-Sub") == nil || res.Contact() == nil {
			t.Fatalf("%v %v", res, err)
		}
		r := session.next(t)
		r.Tell(200, "") // which nobody hears
		<-r.Told()
	})(t)
}

func TestReferOutsideACallIsForbidden(t *testing.T) {
	virtually(func(t *testing.T) {
		server, client := startUA(t, Config{}, nil), startUA(t, Config{}, nil)
		to := target(server, "udp")
		for method, code := range map[sipgo.RequestMethod]int{sipgo.REFER: 403, sipgo.NOTIFY: 481, sipgo.SUBSCRIBE: 405} {
			ctx, done := context.WithTimeout(t.Context(), patience)
			a, err := client.ask(ctx, outside{
				method: method, uri: to, to: to, thread: &Thread{},
				headers: []Header{{"Refer-To", "<sip:+441@192.0.2.1>"}, {"Event", "refer"}},
			})
			done()
			if err != nil || a.res.StatusCode != code {
				t.Errorf("%s: %v, %v; want %d", method, a.res, err, code)
			}
		}
	})(t)
}
