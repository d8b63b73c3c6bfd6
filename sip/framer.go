package sip

import (
	"bytes"
	"errors"
	"strconv"
)

// errNoLength: nothing says where a message of a stream ends, RFC 3261 §18.3.
var errNoLength = errors.New("sip: no Content-Length that can be read")

// framer cuts a stream into messages by their Content-Length (RFC 3261 §18.3),
// so that one that cannot be understood spoils none that come after it.
type framer struct {
	buf    []byte // what has come and was not taken
	looked int    // bytes of buf in which no header ends
	size   int    // of the message in front [bytes]; 0: its header is not whole
	pinged bool   // a keep-alive that wants an answer has come, RFC 5626 §3.5.1
}

// add takes what has come.
func (f *framer) add(data []byte) { f.buf = append(f.buf, data...) }

// begun says whether a message has begun.
func (f *framer) begun() bool { return len(f.buf) > 0 }

// next gives the next message, nil if it has not come to its end. It is valid until
// add. After an error nobody knows where the next one begins.
func (f *framer) next() ([]byte, error) {
	f.skip()
	if f.size == 0 {
		if err := f.measure(); err != nil {
			return nil, err
		}
	}
	if f.size == 0 || len(f.buf) < f.size {
		return nil, nil
	}
	message := f.buf[:f.size]
	f.buf, f.looked, f.size = f.buf[f.size:], 0, 0
	return message, nil
}

// measure finds the end of the header, and with it that of the message.
func (f *framer) measure() error {
	from := max(0, f.looked-len(headEnd)+1)
	i := bytes.Index(f.buf[from:], headEnd)
	if i < 0 {
		f.looked = len(f.buf)
		if f.looked > maxStreamed {
			return errTooLarge
		}
		return nil
	}
	head := from + i + len(headEnd)
	body, err := lengthOf(f.buf[:head])
	if err != nil {
		return err
	}
	if body > maxStreamed-head {
		return errTooLarge
	}
	f.size = head + body
	return nil
}

// headEnd ends the header of a message.
var headEnd = []byte("\r\n\r\n")

// skip passes over the line ends in front of a message (RFC 3261 §7.5), and notes
// those that are a keep-alive.
func (f *framer) skip() {
	if f.looked > 0 || f.size > 0 {
		return // in the middle of a message
	}
	rest := bytes.TrimLeft(f.buf, "\r\n\x00")
	f.pinged = f.pinged || bytes.HasPrefix(f.buf[:len(f.buf)-len(rest)], []byte(ping))
	f.buf = rest
	if len(rest) == 0 {
		f.buf = nil // quiet connections keep nothing
	}
}

// lengthOf is the Content-Length of a header. One that is given twice must be the
// same.
func lengthOf(head []byte) (int, error) {
	for _, fold := range []string{"\r\n ", "\r\n\t"} {
		if bytes.Contains(head, []byte(fold)) {
			head = bytes.ReplaceAll(head, []byte(fold), []byte(" "))
		}
	}
	length := -1
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if text := string(bytes.TrimSpace(name)); !equalFold(text, "Content-Length") && !equalFold(text, "l") {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
		if err != nil || length >= 0 && int(n) != length {
			return 0, errNoLength
		}
		length = int(n)
	}
	if length < 0 {
		return 0, errNoLength
	}
	return length, nil
}
