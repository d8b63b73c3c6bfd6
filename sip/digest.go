package sip

import (
	"bytes"
	"io"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// authorize answers the challenge of a 401 or 407 (RFC 3261 §22, RFC 8760):
// the first that can be met. false: not a challenge, or no credentials.
func authorize(res *sipgo.Response, method, uri, username, password string) (Header, bool) {
	if username == "" {
		return Header{}, false
	}
	challenge, name := "WWW-Authenticate", "Authorization"
	switch res.StatusCode {
	case codeUnauthorized:
	case codeProxyAuth:
		challenge, name = "Proxy-Authenticate", "Proxy-Authorization"
	default:
		return Header{}, false
	}
	for _, h := range res.GetHeaders(challenge) {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil {
			continue
		}
		c.Algorithm = strings.ToUpper(c.Algorithm)
		if !digest.CanDigest(c) {
			continue
		}
		cred, err := digest.Digest(c, digest.Options{
			Method: method, URI: uri, Username: username, Password: password, Count: 1,
			GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(nil)), nil },
		})
		if err != nil {
			continue
		}
		return Header{name, cred.String()}, true
	}
	return Header{}, false
}
