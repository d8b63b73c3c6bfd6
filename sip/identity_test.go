package sip

import (
	"encoding/base64"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// requestWith is an INVITE with header fields.
func requestWith(t *testing.T, from string, headers ...Header) *sipgo.Request {
	t.Helper()
	lines := []string{
		"INVITE sip:bob@us.example SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: " + from + ";tag=1",
		"To: <sip:bob@us.example>", "Call-ID: 1", "CSeq: 1 INVITE", "Max-Forwards: 70",
	}
	for _, h := range headers {
		lines = append(lines, h.Name+": "+h.Value)
	}
	m, err := sipgo.NewParser().ParseSIP([]byte(text("", lines...)))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sipgo.Request)
}

func TestDiversions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers []Header
		want    string
	}{
		{"none", nil, ""},
		{"one", []Header{{"Diversion", `<sip:+441908000200@sbc.example>;reason=unconditional;counter=1;privacy=off`}}, "sip:+441908000200@sbc.example"},
		{"the last of two is the first who was called", []Header{
			{"Diversion", `"Second" <sip:2@a.example>;reason=no-answer`}, {"Diversion", `<sip:1@a.example>;reason=user-busy`},
		}, "sip:1@a.example"},
		{"two in one line", []Header{{"Diversion", `<sip:2@a.example>;reason=unknown, "A, B" <sip:1@a.example>`}}, "sip:1@a.example"},
		{"a tel URI", []Header{{"Diversion", `<tel:+441908000200>;reason=unconditional`}}, "tel:+441908000200"},
		{"with parameters of the number", []Header{{"Diversion", `<sip:+441908000200;npdi@sbc.example;user=phone>`}}, "sip:+441908000200@sbc.example"},
		{"without brackets", []Header{{"Diversion", `sip:1@a.example;reason=unknown`}}, "sip:1@a.example"},
		{"rubbish", []Header{{"Diversion", `<<>>`}}, ""},
		{"History-Info of a diverted call", []Header{
			{"History-Info", `<sip:+441908000200@a.example?Reason=SIP%3Bcause%3D302>;index=1, <sip:+441908000300@a.example;cause=302>;index=1.1;mp=1`},
		}, "sip:+441908000200@a.example"},
		{"History-Info in two fields", []Header{
			{"History-Info", `<sip:1@a.example>;index=1`}, {"History-Info", `<sip:2@a.example>;index=1.1;rc=1`},
		}, "sip:1@a.example"},
		{"History-Info of the call itself", []Header{{"History-Info", `<sip:bob@us.example>;index=1`}}, ""},
		{"History-Info of a proxy's own steps", []Header{
			{"History-Info", `<sip:+441@a.example>;index=1, <sip:+441@b.example>;index=1.1;rc=1, <sip:+441@c.example>;index=1.2`},
		}, ""},
		{"Diversion before History-Info", []Header{
			{"History-Info", `<sip:1@a.example>;index=1, <sip:2@a.example>;index=1.1`}, {"Diversion", `<sip:9@a.example>`},
		}, "sip:9@a.example"},
	} {
		if got := diversionOf(requestWith(t, "<sip:alice@a.example>", tt.headers...)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAttestations(t *testing.T) {
	passport := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln;info=<https://c.example/x.pem>;alg=ES256;ppt=shaken"
	}
	const (
		plain  = "<sip:+12155550100@a.example>"
		passed = "<sip:+12155550100;verstat=TN-Validation-Passed@a.example;user=phone>"
	)
	for _, tt := range []struct {
		name, from string
		headers    []Header
		want       string
	}{
		{"nothing", plain, nil, ""},
		{"an indicator", plain, []Header{{"P-Attestation-Indicator", " b "}}, "B"},
		{"an odd indicator", plain, []Header{{"P-Attestation-Indicator", "AA"}}, ""},
		{"verstat alone", passed, nil, ""},
		{"verstat with a letter", "<sip:+1;verstat=TN-Validation-Passed-C@a.example>", nil, "C"},
		{"verstat and Identity", passed, []Header{{"Identity", passport(`{"attest":"A","dest":{"tn":["1"]}}`)}}, "A"},
		{"verstat in the asserted identity", plain, []Header{
			{"P-Asserted-Identity", "<tel:+12155550100;verstat=TN-Validation-Passed>"}, {"Identity", passport(`{"attest":"B"}`)},
		}, "B"},
		{"an Identity that nobody has verified", plain, []Header{{"Identity", passport(`{"attest":"A"}`)}}, ""},
		{"an Identity that failed", "<sip:+1;verstat=TN-Validation-Failed@a.example>", []Header{{"Identity", passport(`{"attest":"A"}`)}}, ""},
		{"No-TN-Validation", "<sip:+1;verstat=No-TN-Validation@a.example>", []Header{{"Identity", passport(`{"attest":"A"}`)}}, ""},
		{"a broken Identity", passed, []Header{{"Identity", "a.b.c"}}, ""},
		{"an Identity without claims", passed, []Header{{"Identity", passport(`[]`)}}, ""},
	} {
		if got := attestationOf(requestWith(t, tt.from, tt.headers...)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAssertedIdentities(t *testing.T) {
	for value, want := range map[string]string{
		`"Alice" <sip:+441908@a.example;user=phone>`: "+441908 sip:+441908@a.example",
		`<tel:+441908>`: "+441908 tel:+441908",
		`<sip:+441908;verstat=TN-Validation-Passed@a.example>`: "+441908 sip:+441908@a.example",
		`<sip:alice@a.example>, <tel:+441908>`:                 "alice sip:alice@a.example",
		`rubbish <`:                                            " ",
	} {
		a := asserted(requestWith(t, "<sip:x@a.example>", Header{"P-Asserted-Identity", value}))
		if got := a.User + " " + a.URI; got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}
