package sip

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// diversionOf is who the call was first meant for: the last Diversion (RFC
// 5806 §9 adds on top) or the first History-Info entry (RFC 7044), unless that
// names the user who is called now: proxies note their own steps as well.
func diversionOf(req *sipgo.Request) string {
	if all := listOf(req, "Diversion"); len(all) > 0 {
		return uriIn(all[len(all)-1])
	}
	all := listOf(req, "History-Info")
	if len(all) < 2 { // one entry alone is the call itself
		return ""
	}
	first, last := nameAddr(all[0]), nameAddr(all[len(all)-1])
	if first.User == last.User && first.User != "" {
		return ""
	}
	return first.URI
}

// listOf are the values of all header fields of a name, in order.
func listOf(req *sipgo.Request, name string) []string {
	var all []string
	for _, h := range req.GetHeaders(name) {
		for _, v := range splitList(h.Value()) {
			if v = strings.TrimSpace(v); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

// nameAddr reads a name-addr or addr-spec; the zero value if it is neither.
func nameAddr(s string) Address {
	var uri sipgo.Uri
	name, err := sipgo.ParseAddressValue(strings.TrimSpace(s), &uri, nil)
	if err != nil {
		return Address{}
	}
	return addressOf(name, &uri)
}

// asserted is who calls by the word of a trusted neighbour: the first
// P-Asserted-Identity, RFC 3325 §9.1.
func asserted(req *sipgo.Request) Address {
	if all := listOf(req, "P-Asserted-Identity"); len(all) > 0 {
		return nameAddr(all[0])
	}
	return Address{}
}

// attestationOf is how far the network vouches for the caller's number, "A",
// "B", "C" (ATIS-1000074) or "". It is a word of the neighbour that has
// verified the call: P-Attestation-Indicator, the verstat of the caller, or
// with that the attestation in the Identity (RFC 8225, RFC 8588).
//
// Deviation: the signature of an Identity is not checked here. It counts only
// where the neighbour says by verstat that it was.
func attestationOf(req *sipgo.Request) string {
	if h := req.GetHeader("P-Attestation-Indicator"); h != nil {
		return letter(h.Value())
	}
	switch v := verstat(req); {
	case !strings.HasPrefix(v, verstatPassed):
		return ""
	case len(v) > len(verstatPassed):
		return letter(strings.TrimPrefix(v[len(verstatPassed):], "-"))
	}
	for _, h := range req.GetHeaders("Identity") {
		if a := passport(h.Value()); a != "" {
			return a
		}
	}
	return ""
}

// verstatPassed begins the verstat of a verified number, 3GPP TS 24.229
// §7.2A.20; some networks add the attestation: TN-Validation-Passed-A.
const verstatPassed = "TN-VALIDATION-PASSED"

// verstat is what the network says of the number of the caller, in capitals.
func verstat(req *sipgo.Request) string {
	values := listOf(req, "P-Asserted-Identity")
	if from := req.From(); from != nil {
		values = append(values, from.Value())
	}
	for _, v := range values {
		_, after, ok := strings.Cut(strings.ToUpper(v), ";VERSTAT=")
		if ok {
			if i := strings.IndexAny(after, ";@>?, \t"); i >= 0 {
				after = after[:i]
			}
			return after
		}
	}
	return ""
}

// letter is A, B or C, else nothing.
func letter(s string) string {
	switch s = strings.ToUpper(strings.TrimSpace(s)); s {
	case "A", "B", "C":
		return s
	}
	return ""
}

// maxPassport is the longest Identity that is looked into [bytes].
const maxPassport = 8 << 10

// passport is the attestation in an Identity header field value, RFC 8588 §4.
func passport(value string) string {
	token, _, _ := strings.Cut(value, ";")
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 || len(token) > maxPassport {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return ""
	}
	var claims struct {
		Attest string `json:"attest"`
	}
	if json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return letter(claims.Attest)
}
