package dtmf

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The content types of digits in SIP INFO.
const (
	RelayType = "application/dtmf-relay" // Signal=5 CRLF Duration=160
	PlainType = "application/dtmf"       // 5
)

// maxInfo bounds a body that is looked at [bytes].
const maxInfo = 1024

// What ParseInfo may return.
var (
	// ErrInfoType: the content type is none that carries digits.
	ErrInfoType = errors.New("dtmf: content type carries no digits")
	// ErrInfo: the body names no digit.
	ErrInfo = errors.New("dtmf: no digit in the body")
)

// ParseInfo reads the digit of a SIP INFO body. contentType may carry
// parameters; white space, line ends and case do not matter, and event codes
// are taken as names of digits (10 is *, 11 is #, 12–15 are A–D).
// The Duration of a relay body is not looked at: a press counts at its start.
//
// Errors are ErrInfoType, and ErrInfo for a body without exactly one digit
// (16, hook flash, is none).
func ParseInfo(contentType string, body []byte) (Digit, error) {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.TrimSpace(kind)
	relay := strings.EqualFold(kind, RelayType)
	if !relay && !strings.EqualFold(kind, PlainType) {
		return 0, fmt.Errorf("%q: %w", kind, ErrInfoType)
	}
	if len(body) > maxInfo {
		return 0, fmt.Errorf("body of %d bytes: %w", len(body), ErrInfo)
	}
	name, ok := signalOf(body)
	if !ok && !relay { // the whole body is the digit
		name, ok = bytes.TrimSpace(body), true
	}
	if ok {
		if d, known := digitOf(name); known {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%s: %w", strings.ToLower(kind), ErrInfo)
}

// AppendInfo appends the body of type RelayType that says a digit was pressed
// for so long.
func AppendInfo(dst []byte, d Digit, duration time.Duration) []byte {
	dst = append(dst, "Signal="...)
	dst = append(dst, byte(d))
	dst = append(dst, "\r\nDuration="...)
	dst = strconv.AppendInt(dst, duration.Milliseconds(), 10)
	return append(dst, "\r\n"...)
}

// signalOf is the value of the first Signal line.
func signalOf(body []byte) ([]byte, bool) {
	for len(body) > 0 {
		end := bytes.IndexAny(body, "\r\n")
		line := body
		if end >= 0 {
			line, body = body[:end], body[end+1:]
		} else {
			body = nil
		}
		key, value, ok := bytes.Cut(line, []byte("="))
		if ok && bytes.EqualFold(bytes.TrimSpace(key), []byte("Signal")) {
			return bytes.TrimSpace(value), true
		}
	}
	return nil, false
}

// digitOf is the digit named by a character or by an event code of two
// characters.
func digitOf(name []byte) (Digit, bool) {
	switch len(name) {
	case 1:
		return ParseDigit(name[0])
	case 2:
		if name[0] != '1' || name[1] < '0' || name[1] > '5' {
			return 0, false
		}
		return FromEvent(10 + name[1] - '0')
	}
	return 0, false
}
