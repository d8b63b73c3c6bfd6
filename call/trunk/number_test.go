package trunk

import (
	"testing"

	"mediaserver/sip"
)

func TestRulesRewriteNumbers(t *testing.T) {
	uk := Numbers{CountryCode: "44", NationalPrefix: "0", InternationalPrefix: "00"}
	spain := Numbers{CountryCode: "34", InternationalPrefix: "00"}
	america := Numbers{CountryCode: "1", NationalPrefix: "1", InternationalPrefix: "011"}
	e164, digits, national := []Rule{{Match: "*", Form: FormE164}}, []Rule{{Match: "*", Form: FormDigits}}, []Rule{{Match: "*", Form: FormNational}}
	for _, tt := range []struct {
		name     string
		numbers  Numbers
		rules    []Rule
		in, want string
	}{
		{"without rules", uk, nil, "01908000100", "01908000100"},
		{"national to E.164", uk, e164, "01908000100", "+441908000100"},
		{"international to E.164", uk, e164, "0033140000000", "+33140000000"},
		{"E.164 stays", uk, e164, "+441908000100", "+441908000100"},
		{"an emergency number stays", uk, e164, "112", "112"},
		{"separators go", uk, e164, "+44-1908-000.100", "+441908000100"},
		{"no national prefix", spain, e164, "910000000", "+34910000000"},
		{"no national prefix, a short number", spain, e164, "112", "112"},
		{"eleven digits of North America", america, e164, "12125550100", "+12125550100"},
		{"from North America abroad", america, e164, "011441908000100", "+441908000100"},
		{"digits only", uk, digits, "01908000100", "441908000100"},
		{"national of the own country", uk, national, "+441908000100", "01908000100"},
		{"national of another", uk, national, "+33140000000", "0033140000000"},
		{"strip", uk, []Rule{{Match: "9*", Strip: 1}}, "901908000100", "01908000100"},
		{"strip and put in front", uk, []Rule{{Match: "00*", Strip: 2, Prefix: "+"}}, "0033140000000", "+33140000000"},
		{"a tech prefix before the E.164 digits", uk, []Rule{{Match: "+*", Strip: 1, Prefix: "7788"}}, "+441908000100", "7788441908000100"},
		{"strip, then form", uk, []Rule{{Match: "9*", Strip: 1, Form: FormE164}}, "901908000100", "+441908000100"},
		{"the first rule that fits counts", uk, []Rule{{Match: "+44*", Strip: 3, Prefix: "0"}, {Match: "+*", Strip: 1, Prefix: "00"}}, "+33140000000", "0033140000000"},
		{"no rule fits", uk, []Rule{{Match: "+44*", Strip: 3}}, "+33140000000", "+33140000000"},
		{"nothing would be left", uk, []Rule{{Match: "*", Strip: 3}}, "112", "112"},
		{"a name stays", uk, e164, "reception", "reception"},
		{"an extension with a star stays", uk, e164, "*31", "*31"},
		{"too long", uk, []Rule{{Match: "*", Prefix: "0000000000000000"}}, "12345678901234567890", "12345678901234567890"},
	} {
		if got := tt.numbers.apply(tt.rules, tt.in); got != tt.want {
			t.Errorf("%s: %s becomes %s, want %s", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestIncomingNumbersAreRewritten(t *testing.T) {
	n := Numbers{
		CountryCode: "44", NationalPrefix: "0", InternationalPrefix: "00",
		IncomingFrom: []Rule{{Match: "*", Form: FormE164}}, IncomingTo: []Rule{{Match: "44*", Strip: 2, Prefix: "0"}},
	}
	got := n.incoming(sip.Invitation{
		From:       sip.Address{User: "07700900100", Host: "sbc", URI: "sip:07700900100@sbc:5070"},
		Asserted:   sip.Address{User: "0033140000000", URI: "tel:0033140000000"},
		To:         sip.Address{User: "441908000100", Host: "us", URI: "sip:441908000100@us"},
		RequestURI: sip.Address{User: "desk", Host: "us", URI: "sip:desk@us"},
		Diversion:  "sip:441908000200@sbc",
	})
	for _, tt := range []struct{ name, got, want string }{
		{"From", got.From.User + " " + got.From.URI, "+447700900100 sip:+447700900100@sbc:5070"},
		{"asserted", got.Asserted.User + " " + got.Asserted.URI, "+33140000000 tel:+33140000000"},
		{"To", got.To.User + " " + got.To.URI, "01908000100 sip:01908000100@us"},
		{"Request-URI", got.RequestURI.User + " " + got.RequestURI.URI, "desk sip:desk@us"},
		{"Diversion", got.Diversion, "sip:01908000200@sbc"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func FuzzNumbers(f *testing.F) {
	f.Add("+44-1908", "44*", 2, "+")
	f.Add("0044", "*", 1, "")
	f.Fuzz(func(t *testing.T, user, pattern string, strip int, prefix string) {
		if strip < 0 {
			return
		}
		n := Numbers{CountryCode: "44", NationalPrefix: "0", InternationalPrefix: "00"}
		for _, form := range []Form{FormKept, FormE164, FormDigits, FormNational} {
			n.apply([]Rule{{Match: pattern, Strip: strip, Prefix: prefix, Form: form}}, user)
		}
	})
}
