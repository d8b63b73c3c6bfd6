package dtmf

import "fmt"

// Digit is a key as a character: '0'–'9', 'A'–'D', '*' or '#'. The zero value
// is no digit.
type Digit byte

// NumDigits is the number of digits there are, and of their event codes.
const NumDigits = 16

// digits are the keys in the order of their event codes. RFC 4733 §3.2.
const digits = "0123456789*#ABCD"

// ParseDigit is the digit of a character; lower-case a–d are taken too.
func ParseDigit(b byte) (Digit, bool) {
	switch {
	case b >= '0' && b <= '9', b >= 'A' && b <= 'D', b == '*', b == '#':
		return Digit(b), true
	case b >= 'a' && b <= 'd':
		return Digit(b - 'a' + 'A'), true
	}
	return 0, false
}

// FromEvent is the digit of an event code, false for codes that are no digit
// (16 and up: hook flash, fax and line tones). RFC 4733 §3.2.
func FromEvent(code uint8) (Digit, bool) {
	if code >= NumDigits {
		return 0, false
	}
	return Digit(digits[code]), true
}

// Event is the digit's event code, 0–15. RFC 4733 §3.2. A value that is no
// digit gives NumDigits, which is no digit's code.
func (d Digit) Event() uint8 {
	switch {
	case d >= '0' && d <= '9':
		return uint8(d - '0')
	case d == '*':
		return 10
	case d == '#':
		return 11
	case d >= 'A' && d <= 'D':
		return uint8(d-'A') + 12
	}
	return NumDigits
}

// Valid says whether d is one of the sixteen digits.
func (d Digit) Valid() bool { return d.Event() < NumDigits }

// String is the character, "" for no digit.
func (d Digit) String() string {
	if d == 0 {
		return ""
	}
	if !d.Valid() {
		return fmt.Sprintf("Digit(%d)", byte(d))
	}
	return digits[d.Event() : d.Event()+1]
}
