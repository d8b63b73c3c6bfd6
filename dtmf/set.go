package dtmf

import "strings"

// Set is a set of digits. The zero value is empty.
type Set uint16

// NewSet is the set of some digits; values that are no digit are left out.
func NewSet(of ...Digit) Set {
	var s Set
	for _, d := range of {
		if d.Valid() {
			s |= 1 << d.Event()
		}
	}
	return s
}

// ParseSet is the set of the digits in text, letters capital; false if
// anything else is in it. Empty text is the empty set.
func ParseSet(text string) (Set, bool) {
	var s Set
	for _, b := range []byte(text) {
		d := Digit(b)
		if !d.Valid() {
			return 0, false
		}
		s |= NewSet(d)
	}
	return s, true
}

// Has says whether d is in the set.
func (s Set) Has(d Digit) bool { return d.Valid() && s&(1<<d.Event()) != 0 }

// String are the digits in the order of their event codes.
func (s Set) String() string {
	var b strings.Builder
	for _, c := range []byte(digits) {
		if s.Has(Digit(c)) {
			b.WriteByte(c)
		}
	}
	return b.String()
}
