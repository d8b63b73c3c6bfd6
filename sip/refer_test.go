package sip

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// referee is a Session that takes REFERs.
type referee struct {
	*sessionLog
	referrals chan *Referral

	mu     sync.Mutex
	reject error
}

func newReferee() *referee {
	return &referee{sessionLog: newSessionLog(), referrals: make(chan *Referral, 4)}
}

func (r *referee) Refer(x *Referral) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reject == nil {
		r.referrals <- x
	}
	return r.reject
}

func (r *referee) refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reject = err
}

func (r *referee) next(t testing.TB) *Referral {
	t.Helper()
	select {
	case x := <-r.referrals:
		return x
	case <-time.After(patience):
		t.Fatal("no REFER came")
		return nil
	}
}

// outcome is what Refer returned.
type outcome struct {
	code     int
	err      error
	progress []int
}

// refer begins a transfer.
func refer(t testing.TB, d *Dialog, r ReferRequest) <-chan outcome {
	t.Helper()
	done := make(chan outcome, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	go func() {
		var o outcome
		o.code, o.err = d.Refer(ctx, r, func(p Progress) { o.progress = append(o.progress, p.Code) })
		done <- o
	}()
	return done
}

func outcomeOf(t testing.TB, c <-chan outcome) outcome {
	t.Helper()
	select {
	case o := <-c:
		return o
	case <-time.After(2 * patience):
		t.Fatal("Refer does not return")
		return outcome{}
	}
}

// pair is a call between two user agents; the called one takes REFERs.
func pair(t *testing.T) (caller, called *Dialog, session *referee) {
	t.Helper()
	for _, transport := range []string{"udp"} {
		session = newReferee()
		got := make(chan *Dialog, 1)
		server := startUA(t, Config{}, func(_ context.Context, d *Dialog) {
			d.SetSession(session)
			if d.Answer(testSDP("answer")) != nil {
				return
			}
			got <- d
			<-d.Ended()
		})
		client := startUA(t, Config{}, nil)
		caller = dial(t, client, target(server, transport))
		session.expect(t, "ack")
		called = <-got
	}
	return caller, called, session
}

func TestReferTellsTheOutcome(t *testing.T) {
	for _, c := range []struct {
		name string
		tell []int
		code int // of the result, or of its *StatusError
	}{
		{"of a call that was answered", []int{180, 200}, 200},
		{"of a call that was refused", []int{486}, 486},
		{"once, whatever is told after it", []int{603, 200}, 603},
	} {
		t.Run(c.name, virtually(func(t *testing.T) {
			caller, _, session := pair(t)
			done := refer(t, caller, ReferRequest{To: "sip:carol@192.0.2.7:5070"})
			r := session.next(t)
			if r.To != "sip:carol@192.0.2.7:5070" || r.Replaces != nil || !strings.Contains(r.By, "alice") {
				t.Errorf("referral %+v", r)
			}
			for _, code := range c.tell {
				r.Tell(code, "")
			}
			o := outcomeOf(t, done)
			if e, ok := errors.AsType[*StatusError](o.err); ok {
				o.code = e.Code
			}
			if o.code != c.code {
				t.Errorf("outcome %+v, want %d", o, c.code)
			}
			select {
			case <-r.Told():
			case <-time.After(patience):
				t.Error("the telling does not end")
			}
			// The dialog takes the next one, whose Event has an id.
			again := refer(t, caller, ReferRequest{To: "sip:dora@192.0.2.7"})
			session.next(t).Tell(200, "")
			if o := outcomeOf(t, again); o.code != 200 {
				t.Errorf("second outcome %+v", o)
			}
		}))
	}
}

func TestReferWithReplacesNamesTheDialog(t *testing.T) {
	virtually(func(t *testing.T) {
		caller, called, session := pair(t)
		_, want := called.Replaces()
		done := refer(t, caller, ReferRequest{To: "sip:carol@192.0.2.7", Replaces: &want})
		r := session.next(t)
		if r.Replaces == nil || *r.Replaces != want {
			t.Errorf("Replaces %+v, want %+v", r.Replaces, want)
		}
		if r.To != "sip:carol@192.0.2.7" {
			t.Errorf("target %q", r.To)
		}
		// Seen from the far end it names the same dialog the other way round.
		target, there := caller.Replaces()
		if there.ToTag != want.FromTag || there.FromTag != want.ToTag || there.CallID != want.CallID || !strings.HasPrefix(target, "sip:") {
			t.Errorf("from the caller: %q %+v", target, there)
		}
		r.Tell(200, "")
		outcomeOf(t, done)
	})(t)
}

func TestReferIsRefused(t *testing.T) {
	virtually(func(t *testing.T) {
		caller, called, session := pair(t)
		session.refuse(&StatusError{Code: 403})
		if _, err := caller.Refer(t.Context(), ReferRequest{To: "sip:x@192.0.2.1"}, nil); !status(err, 403) {
			t.Errorf("by the Session: %v", err)
		}
		session.refuse(nil)
		called.SetSession(newSessionLog())
		if _, err := caller.Refer(t.Context(), ReferRequest{To: "sip:x@192.0.2.1"}, nil); !status(err, 603) {
			t.Errorf("by a Session that takes none: %v", err)
		}
		called.SetSession(session)
		first := refer(t, caller, ReferRequest{To: "sip:x@192.0.2.1"})
		r := session.next(t)
		if _, err := caller.Refer(t.Context(), ReferRequest{To: "sip:y@192.0.2.1"}, nil); !errors.Is(err, ErrReferring) {
			t.Errorf("a second one meanwhile: %v", err)
		}
		r.Tell(200, "")
		outcomeOf(t, first)
		bye(t, caller)
		if _, err := caller.Refer(t.Context(), ReferRequest{To: "sip:x@192.0.2.1"}, nil); !errors.Is(err, ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
	})(t)
}

func TestReferOfAFarEndThatHangsUpCountsAsAccepted(t *testing.T) {
	virtually(func(t *testing.T) {
		caller, called, session := pair(t)
		done := refer(t, caller, ReferRequest{To: "sip:x@192.0.2.1"})
		r := session.next(t)
		select { // until the REFER is answered: a BYE must not overtake it
		case <-time.After(patience):
			t.Fatal("REFER not answered")
		case <-accepted(called):
		}
		bye(t, called)
		if o := outcomeOf(t, done); o.code != 202 || o.err != nil {
			t.Errorf("outcome %+v", o)
		}
		r.Tell(200, "") // nobody is there to hear it
		select {
		case <-r.Told():
		case <-time.After(patience):
			t.Error("the telling does not end")
		}
	})(t)
}

// accepted is closed when the first NOTIFY of a referral has been answered.
func accepted(d *Dialog) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			d.mu.Lock()
			t := d.refers.telling
			d.mu.Unlock()
			if t == nil {
				return
			}
			t.mu.Lock()
			idle := !t.held && !t.working
			t.mu.Unlock()
			if idle {
				return
			}
			<-time.After(time.Millisecond)
		}
	}()
	return done
}

func status(err error, code int) bool {
	e, ok := errors.AsType[*StatusError](err)
	return ok && e.Code == code
}

func TestParseReferTo(t *testing.T) {
	for _, c := range []struct {
		name, value string
		to          string
		replaces    *Replaces
		code        int // 0: none
	}{
		{"a URI", "sip:bob@192.0.2.1", "sip:bob@192.0.2.1", nil, 0},
		{"a name and parameters", `"Bob, B." <sip:bob@192.0.2.1:5070;transport=tcp>`, "sip:bob@192.0.2.1:5070;transport=tcp", nil, 0},
		{"a telephone number", "<tel:+44-1908-1>", "tel:+44-1908-1", nil, 0},
		{
			"an escaped Replaces", "<sip:bob@h.example?Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df>", "sip:bob@h.example",
			&Replaces{CallID: "a@b", ToTag: "t", FromTag: "f"}, 0,
		},
		{"other header fields left out", "<sip:bob@h.example?Subject=x&P-Asserted-Identity=y>", "sip:bob@h.example", nil, 0},
		{"the method INVITE", "<sip:bob@h.example;method=INVITE>", "sip:bob@h.example", nil, 0},
		{"another method", "<sip:bob@h.example;method=BYE>", "", nil, 603},
		{"another scheme", "<http://h.example/>", "", nil, 416},
		{"sips", "<sips:bob@h.example>", "", nil, 416},
		{"two", "<sip:a@h.example>, <sip:b@h.example>", "", nil, 400},
		{"two Replaces", "<sip:b@h.example?Replaces=a%3Bto-tag%3Dt%3Bfrom-tag%3Df&Replaces=a%3Bto-tag%3Dt%3Bfrom-tag%3Df>", "", nil, 400},
		{"a line break in the Replaces", "<sip:b@h.example?Replaces=a%0D%0Ab%3Bto-tag%3Dt%3Bfrom-tag%3Df>", "", nil, 400},
		{"a broken escape", "<sip:b@h.example?Replaces=a%zz>", "", nil, 400},
		{"no closing bracket", "<sip:b@h.example", "", nil, 400},
		{"nothing", "", "", nil, 416},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, bad := parseReferTo(c.value)
			switch {
			case bad != nil:
				if bad.code != c.code {
					t.Errorf("refused with %d, want %d", bad.code, c.code)
				}
			case c.code != 0:
				t.Errorf("taken: %+v", r)
			case r.To != c.to || (r.Replaces == nil) != (c.replaces == nil) || r.Replaces != nil && *r.Replaces != *c.replaces:
				t.Errorf("got %+v %+v", r, r.Replaces)
			}
		})
	}
}

func TestParseReplaces(t *testing.T) {
	for _, c := range []struct {
		value string
		want  Replaces
		ok    bool
	}{
		{"98732@h.example;from-tag=r33th4x0r;to-tag=ff87ff", Replaces{CallID: "98732@h.example", ToTag: "ff87ff", FromTag: "r33th4x0r"}, true},
		{"x ; to-tag = 1 ;from-tag=2;early-only;foo=bar", Replaces{CallID: "x", ToTag: "1", FromTag: "2", EarlyOnly: true}, true},
		{"x;to-tag=1", Replaces{}, false},
		{"x;to-tag=1;from-tag=2;to-tag=3", Replaces{}, false},
		{";to-tag=1;from-tag=2", Replaces{}, false},
		{"a b;to-tag=1;from-tag=2", Replaces{}, false},
		{strings.Repeat("x", maxReplaces) + ";to-tag=1;from-tag=2", Replaces{}, false},
	} {
		got, err := ParseReplaces(c.value)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("%.40q: %+v, %v", c.value, got, err)
		}
		if err == nil {
			if again, err := ParseReplaces(got.String()); err != nil || again != got {
				t.Errorf("%q does not come back: %+v %v", got, again, err)
			}
		}
	}
}

func FuzzReferTo(f *testing.F) {
	f.Add("<sip:bob@h.example?Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df>")
	f.Add(`"x" <tel:+1>;a=b`)
	f.Fuzz(func(t *testing.T, s string) {
		r, bad := parseReferTo(s)
		if (r == nil) == (bad == nil) {
			t.Fatalf("neither or both: %+v %+v", r, bad)
		}
		if r != nil && strings.ContainsAny(r.To, "\r\n\x00<> ") {
			t.Fatalf("target %q", r.To)
		}
		if r != nil && r.Replaces != nil && strings.ContainsAny(r.Replaces.String(), "\r\n\x00") {
			t.Fatalf("Replaces %q", r.Replaces)
		}
	})
}

func FuzzSipfrag(f *testing.F) {
	f.Add("SIP/2.0 200 OK\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		if p, ok := parseSipfrag(s); ok && (p.Code < 100 || p.Code > 699) {
			t.Fatalf("status %+v of %q", p, s)
		}
	})
}
