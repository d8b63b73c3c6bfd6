package trunk

import (
	"strings"

	"mediaserver/internal/wildcard"
	"mediaserver/sip"
)

// maxNumber is the longest number that rules make.
const maxNumber = 32

// Form is the form that a rule gives a number.
type Form uint8

// The forms of numbers.
const (
	FormKept     Form = iota // as it is
	FormE164                 // +441908000100
	FormDigits               // 441908000100
	FormNational             // 01908000100; of another country 0033…
)

// Rule rewrites the numbers that fit.
type Rule struct {
	Match  string // pattern of the number; * is a wildcard
	Strip  int    // so many characters are taken off its front
	Prefix string // put in front afterwards
	Form   Form   // then
}

// Numbers are the numbers of a trunk. In each list the first rule that fits
// counts. Users that are no numbers are left alone.
type Numbers struct {
	CountryCode         string // digits: "44"; needed for Form
	NationalPrefix      string // before a number within the country: "0"; "" = none
	InternationalPrefix string // before the country code: "00"

	OutgoingTo, OutgoingFrom []Rule // called and calling number of calls out
	IncomingTo, IncomingFrom []Rule // and of calls in
}

// apply rewrites a user part that is a number.
func (n Numbers) apply(rules []Rule, user string) string {
	number, ok := numberOf(user)
	if !ok {
		return user
	}
	for _, r := range rules {
		if r.Strip >= len(number) || !wildcard.Match(r.Match, number) {
			continue
		}
		if out := n.form(r.Form, r.Prefix+number[r.Strip:]); len(out) <= maxNumber {
			return out
		}
		return user
	}
	return user
}

// numberOf is a telephone number without its visual separators (RFC 3966
// §5.1.1); false for another user.
func numberOf(user string) (string, bool) {
	number := strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(user)
	digits := strings.TrimPrefix(number, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || user[0] != '+' && user[0] != '(' && (user[0] < '0' || user[0] > '9') {
		return "", false
	}
	return number, true
}

// form gives a number another form, if it shows what country it is of.
func (n Numbers) form(f Form, number string) string {
	if f == FormKept {
		return number
	}
	e164, ok := n.e164(number)
	if !ok {
		return number
	}
	switch f {
	case FormDigits:
		return e164[1:]
	case FormNational:
		if national, ours := strings.CutPrefix(e164, "+"+n.CountryCode); ours {
			return n.NationalPrefix + national
		}
		return n.InternationalPrefix + e164[1:]
	default:
		return e164
	}
}

// minNational is the shortest number that counts as one of the country where
// there is no national prefix: shorter ones are emergency and service numbers.
const minNational = 7

// e164 is a number with + and country code; false for one that is neither
// international nor national, such as 112.
func (n Numbers) e164(number string) (string, bool) {
	if strings.HasPrefix(number, "+") {
		return number, true
	}
	if rest, ok := strings.CutPrefix(number, n.InternationalPrefix); ok && n.InternationalPrefix != "" && rest != "" {
		return "+" + rest, true
	}
	if rest, ok := strings.CutPrefix(number, n.NationalPrefix); ok && n.CountryCode != "" {
		if n.NationalPrefix != "" && rest != "" || n.NationalPrefix == "" && len(rest) >= minNational {
			return "+" + n.CountryCode + rest, true
		}
	}
	return "", false
}

// incoming rewrites the numbers of a call that came in.
func (n Numbers) incoming(inv sip.Invitation) sip.Invitation {
	inv.To = n.address(n.IncomingTo, inv.To)
	inv.RequestURI = n.address(n.IncomingTo, inv.RequestURI)
	inv.From = n.address(n.IncomingFrom, inv.From)
	inv.Asserted = n.address(n.IncomingFrom, inv.Asserted)
	scheme, rest := schemeOf(inv.Diversion)
	if user, host, ok := strings.Cut(rest, "@"); ok {
		inv.Diversion = scheme + ":" + n.apply(n.IncomingTo, user) + "@" + host
	}
	return inv
}

// address rewrites the user of an address.
func (n Numbers) address(rules []Rule, a sip.Address) sip.Address {
	if user := n.apply(rules, a.User); user != a.User {
		a.User = user
		scheme, rest := schemeOf(a.URI)
		if _, host, ok := strings.Cut(rest, "@"); ok {
			a.URI = scheme + ":" + user + "@" + host
		} else {
			number, _, _ := strings.Cut(strings.TrimPrefix(a.URI, "tel:"), ";")
			a.URI = strings.Replace(a.URI, number, user, 1)
		}
	}
	return a
}
