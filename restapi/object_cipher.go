package restapi

import (
	"encoding/hex"
	"slices"

	"mediaserver/call"
)

// The kinds of cipher.
const (
	cipherAESCBC = "aescbc"
	cipherAge    = "age" // recordings only
)

// cipher is how a file is encrypted. Keys never appear in texts or logs.
type cipher struct {
	kind      string
	key       []byte // aescbc: 16, 24 or 32 bytes
	vector    []byte // aescbc: 16 bytes
	recipient string // age: a public key
}

var cipherProperties = properties[cipher]{
	property[cipher]{name: "type", read: func(r *reader, n *node, c *cipher) {
		if s, ok := r.oneOf(n, cipherAESCBC, cipherAge); ok {
			c.kind = s
		}
	}}.must(both),
	hexProperty("key", func(c *cipher) *[]byte { return &c.key }, 16, 24, 32),
	hexProperty("initialisation_vector", func(c *cipher) *[]byte { return &c.vector }, 16),
	property[cipher]{name: "recipient", read: func(r *reader, n *node, c *cipher) {
		s, ok := r.string(n)
		switch {
		case !ok:
		case !call.IsRecipient(s):
			r.fault(n.pos, CodeInvalidValue, "not an age1… public key")
		default:
			c.recipient = s
		}
	}},
}

// hexProperty is bytes in hexadecimal digits, of one of sizes.
func hexProperty(name string, field func(*cipher) *[]byte, sizes ...int) property[cipher] {
	return property[cipher]{name: name, read: func(r *reader, n *node, c *cipher) {
		s, ok := r.string(n)
		if !ok {
			return
		}
		b, err := hex.DecodeString(s)
		if err != nil || !slices.Contains(sizes, len(b)) {
			r.fault(n.pos, CodeInvalidValue, "not the hexadecimal digits of %v bytes", sizes)
			return
		}
		*field(c) = b
	}}
}

// cipher reads a cipher. Only recordings may be encrypted with age.
func (r *reader) cipher(n *node, recording bool) *cipher {
	var c cipher
	if !readObject(r, n, cipherProperties, &c) {
		return nil
	}
	need := func(name string) {
		if m := n.child(name); m == nil || m.value.kind == null {
			r.enter(segment{key: name})
			r.fault(n.pos, CodeMissingProperty, "is required for the type %s", c.kind)
			r.leave()
		}
	}
	switch {
	case c.kind == cipherAESCBC:
		need("key")
		need("initialisation_vector")
	case c.kind == cipherAge && !recording:
		r.fault(n.child("type").value.pos, CodeInvalidValue, "type: %s is for recordings only", cipherAge)
	case c.kind == cipherAge:
		need("recipient")
	}
	return &c
}

// cipherProperty is how something is encrypted.
func cipherProperty[T any](name string, recording bool, field func(*T) **cipher) property[T] {
	return property[T]{name: name, read: func(r *reader, n *node, v *T) {
		*field(v) = r.cipher(n, recording)
	}}
}
