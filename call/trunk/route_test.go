package trunk

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/call"
	"mediaserver/sip"
)

func tableOf(fallback string, list ...Config) *Table {
	t := NewTable(TableConfig{})
	t.Replace(list, fallback)
	return t
}

func lineTo(addresses ...string) Line { return Line{Addresses: addresses} }

// routes are the ways to a destination.
func routes(t *testing.T, table *Table, to, from string) []call.Route {
	t.Helper()
	d, err := call.ParseDestination(to, true)
	if err != nil {
		t.Fatal(err)
	}
	r, err := table.Routes(d, from)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// targets are the Request-URIs of ways, and where they are sent to if that
// is another place.
func targets(list []call.Route) string {
	var out []string
	for _, r := range list {
		one := r.Request.To
		if r.Request.Proxy != "" {
			one += " by " + r.Request.Proxy
		}
		out = append(out, one)
	}
	return strings.Join(out, ", ")
}

func TestRoutes(t *testing.T) {
	a := Config{Name: "a", Line: Line{Addresses: []string{"sip:a.test:5070"}, Username: "ua"}}
	b := Config{Name: "b", Line: Line{Addresses: []string{"sip:b.test;transport=tcp"}, Username: "ub"}}
	usual := Config{Name: "u", Line: Line{Addresses: []string{"sip:[2001:db8::1]:5060"}, Username: "uu"}}
	secure := Config{Name: "s", Line: Line{Addresses: []string{"sip:s.test;transport=tls"}, Username: "us"}}
	uk := Config{Name: "uk", Line: lineTo("sip:uk.test"), Match: []string{"+44*", "0*"}}
	world := Config{Name: "world", Line: lineTo("sip:w1.test", "sip:w2.test:5062"), Match: []string{"+*"}}
	domain := Config{Name: "d", Line: Line{Addresses: []string{"sip:10.0.0.1", "sip:10.0.0.2"}, Domain: "carrier.example"}}
	proxied := Config{Name: "p", Line: Line{Addresses: []string{"sip:carrier.example"}, Proxy: "sip:edge.test;lr"}}
	for _, tt := range []struct {
		name     string
		table    *Table
		to       string
		want     string
		username string
	}{
		{"a number by the first", tableOf("", a, b), "tel:+44", "sip:+44@a.test:5070", "ua"},
		{"a number by the default", tableOf("b", a, b), "44-1", "sip:441@b.test;transport=tcp", "ub"},
		{"an address at a trunk", tableOf("", a, b), "sip:x@B.test", "sip:x@B.test", "ub"},
		{"an address at the usual port of a trunk", tableOf("", a, b), "sip:x@b.test:5060", "sip:x@b.test:5060", "ub"},
		{"an address at a trunk's own port", tableOf("", usual), "x@[2001:db8::1]", "sip:x@[2001:db8::1]", "uu"},
		{"an address at the usual port for TLS", tableOf("", secure), "x@s.test:5061", "sip:x@s.test:5061", "us"},
		{"an address at that for others", tableOf("", secure), "x@s.test:5060", "sip:x@s.test:5060", ""},
		{"an address at another port", tableOf("", a, b), "sip:x@a.test", "sip:x@a.test", ""},
		{"an address elsewhere", tableOf("", a, b), "x@c.test", "sip:x@c.test", ""},
		{"a number by its pattern, then by the next", tableOf("a", a, uk, world), "tel:+441", "sip:+441@uk.test, sip:+441@w1.test, sip:+441@w2.test:5062", ""},
		{"a number that one pattern takes", tableOf("a", a, uk, world), "01", "sip:01@uk.test", ""},
		{"a number that no pattern takes", tableOf("a", a, uk, world), "441", "sip:441@a.test:5070", "ua"},
		{"the first without patterns", tableOf("", uk, a), "441", "sip:441@a.test:5070", "ua"},
		{"a domain", tableOf("", domain), "441", "sip:441@carrier.example by sip:10.0.0.1, sip:441@carrier.example by sip:10.0.0.2", ""},
		{"an outbound proxy", tableOf("", proxied), "441", "sip:441@carrier.example by sip:edge.test;lr", ""},
	} {
		r := routes(t, tt.table, tt.to, "")
		if got := targets(r); got != tt.want || r[0].Request.Username != tt.username {
			t.Errorf("%s: %s as %q", tt.name, got, r[0].Request.Username)
		}
		if has := r[0].Request.Digest != nil; has != (tt.username != "") {
			t.Errorf("%s: a digest: %v", tt.name, has)
		}
	}
	if r := routes(t, tableOf("", proxied), "441", ""); !slices.Equal(r[0].Request.Routes, []string{"sip:edge.test;lr"}) {
		t.Errorf("the loose proxy is in no Route: %q", r[0].Request.Routes)
	}
	for i, r := range routes(t, tableOf("", world), "tel:+1", "") {
		if first := r.Request.Patience > 0; first != (i == 0) {
			t.Errorf("way %d has a patience of %v", i, r.Request.Patience)
		}
	}
	for name, table := range map[string]*Table{"no trunk": tableOf(""), "no pattern and no default": tableOf("", uk)} {
		d, _ := call.ParseDestination("99", true)
		if _, err := table.Routes(d, ""); !errors.Is(err, call.ErrNoTrunk) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCallersAndIdentities(t *testing.T) {
	numbers := Numbers{CountryCode: "44", NationalPrefix: "0", InternationalPrefix: "00", OutgoingFrom: []Rule{{Match: "0*", Form: FormE164}}}
	for _, tt := range []struct {
		name, domain   string
		caller         Caller
		from           string
		want, identity string
	}{
		{"as it is", "", Caller{}, "+4477", "+4477", ""},
		{"rewritten", "", Caller{}, "01908000100", "+441908000100", ""},
		{"with the domain", "c.test", Caller{}, "01908000100", "sip:+441908000100@c.test", ""},
		{"a SIP address keeps its host", "c.test", Caller{}, "sip:01908000100@home.test", "sip:+441908000100@home.test", ""},
		{"nobody", "", Caller{}, "", "", ""},
		{"the default", "", Caller{Default: "+44800"}, "", "+44800", ""},
		{"asserted", "", Caller{Identity: IdentityAsserted}, "01908000100", "+441908000100", "P-Asserted-Identity: <sip:+441908000100@a.test>"},
		{"preferred, another number", "c.test", Caller{Identity: IdentityPreferred, Number: "+44800"}, "+4477", "sip:+4477@c.test", "P-Preferred-Identity: <sip:+44800@c.test>"},
		{"nobody to assert", "", Caller{Identity: IdentityAsserted}, "", "", ""},
		{"withheld", "c.test", Caller{Identity: IdentityAsserted}, "anonymous", "anonymous", ""},
		{"withheld, with a number of the trunk's", "c.test", Caller{Identity: IdentityAsserted, Number: "+44800"}, "anonymous", "anonymous", "P-Asserted-Identity: <sip:+44800@c.test>"},
		{"a name", "c.test", Caller{}, "a b", "sip:a%20b@c.test", ""},
	} {
		l := lineTo("sip:a.test:5070")
		l.Domain = tt.domain
		table := tableOf("", Config{Name: "a", Line: l, Caller: tt.caller, Numbers: numbers, Headers: []sip.Header{{Name: "X-Account", Value: "7"}}})
		r := routes(t, table, "441", tt.from)[0].Request
		identity := ""
		for _, h := range r.Headers[:len(r.Headers)-1] {
			identity += h.Name + ": " + h.Value
		}
		if r.From != tt.want || identity != tt.identity {
			t.Errorf("%s: From %q, %q", tt.name, r.From, identity)
		}
		if last := r.Headers[len(r.Headers)-1]; last.Name != "X-Account" {
			t.Errorf("%s: the header of the trunk is missing: %v", tt.name, r.Headers)
		}
	}
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := tableOf("", Config{Name: "a", Line: lineTo("sip:a.test"), Limits: Limits{MaxCalls: 3, CallsPerSecond: 2}})
		take := func() (func(), error) { return routes(t, table, "44", "")[0].Take() }
		var releases []func()
		for range 2 {
			release, err := take()
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, release)
		}
		_, err := take()
		status, ok := errors.AsType[*sip.StatusError](err)
		if !errors.Is(err, ErrLimit) || !ok || status.Code != 503 {
			t.Fatalf("a third in the same second: %v", err)
		}
		time.Sleep(500 * time.Millisecond)
		if _, err := take(); err != nil {
			t.Fatal("half a second later:", err)
		}
		time.Sleep(time.Second)
		if _, _, err := table.TakeIncoming("a"); !errors.Is(err, ErrLimit) {
			t.Fatal("a fourth at a time, in:", err)
		}
		releases[0]()
		releases[0]() // once is enough
		if _, err := take(); err != nil {
			t.Fatal("after one has ended:", err)
		}
		if s := table.States()[0]; s.Calls != 3 {
			t.Errorf("%d calls", s.Calls)
		}
		// The calls go on being counted when the trunk changes.
		table.Replace([]Config{{Name: "a", Line: lineTo("sip:b.test"), Limits: Limits{MaxCalls: 3}}}, "")
		if _, err := take(); !errors.Is(err, ErrLimit) {
			t.Error("after a change:", err)
		}
	})
}

func TestIncomingCallersAreThoseWhoAreAsserted(t *testing.T) {
	line := lineTo("sip:a.test")
	table := tableOf("", Config{Name: "believed", Line: line, Caller: Caller{Believe: true}}, Config{Name: "plain", Line: line})
	inv := sip.Invitation{From: sip.Address{User: "+1", Host: "a"}, Asserted: sip.Address{User: "+2", Host: "a"}}
	for _, tt := range []struct{ name, source, privacy, want string }{
		{"asserted", "believed", "none", "+2"},
		{"withheld", "believed", "id", "+1"},
		{"of a trunk that is not believed", "plain", "none", "+1"},
		{"of no trunk", "", "none", "+1"},
	} {
		one := inv
		one.Source, one.Headers = tt.source, []sip.Header{{Name: "Privacy", Value: tt.privacy}}
		if got := table.Incoming(one).From.User; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
