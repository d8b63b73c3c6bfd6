package sip

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what SIP asks for, RFC 3261 §22.4
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// maxRealms is how many protection spaces a Digest remembers: more than a
// proxy, its next and the far end ask for nothing sensible.
const maxRealms = 4

// Digest holds the credentials for one neighbour and the nonces it has given
// us, so that the next request can be authorised at once. It may be used by
// several requests at a time. RFC 7616, RFC 8760.
type Digest struct {
	username, password string

	mu     sync.Mutex
	spaces []*space // the one challenged last comes last
	realms []string // that have challenged requests to the neighbour's own address, the last maxRealms
}

// space is a protection space: a realm of a far end or of a proxy.
type space struct {
	proxy     bool
	challenge digest.Challenge
	cnonce    string // the same for all uses of a nonce, for -sess too
	count     int    // uses of the nonce
}

// NewDigest makes a Digest; nil without a username.
func NewDigest(username, password string) *Digest {
	if username == "" {
		return nil
	}
	return &Digest{username: username, password: password}
}

// String hides the password.
func (g *Digest) String() string { return "digest of a user" }

// GoString hides the password.
func (g *Digest) GoString() string { return g.String() }

// strengths of the algorithms; 0 is unknown. RFC 8760 §2.4 leaves the order to
// the far end, but who has put MD5 first cannot be trusted to prefer more.
func strength(algorithm string) int {
	name, _ := strings.CutSuffix(strings.ToUpper(algorithm), "-SESS")
	return map[string]int{"": 1, "MD5": 1, "SHA-256": 2, "SHA-512-256": 3}[name]
}

// hasher makes the hash of an algorithm whose strength is above 0.
func hasher(algorithm string) func() hash.Hash {
	switch strength(algorithm) {
	case 3:
		return sha512.New512_256
	case 2:
		return sha256.New
	default:
		return md5.New
	}
}

// learn takes the challenges of a 401 or 407: for each realm the strongest
// that we can answer. fresh are realms that were not answered before in
// this exchange (or whose nonce was only stale); false without any.
func (g *Digest) learn(res *sipgo.Response, asked map[string]int) (fresh bool) {
	return g.answer(res, asked, func(realm string) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		if !slices.Contains(g.realms, realm) {
			if len(g.realms) >= maxRealms {
				g.realms = slices.Delete(g.realms, 0, 1)
			}
			g.realms = append(g.realms, realm)
		}
		return true
	})
}

// learnWithin is learn for a request within a dialog, whose far end may be anybody
// that the neighbour has connected: only realms that the neighbour itself has used
// are answered.
func (g *Digest) learnWithin(res *sipgo.Response, asked map[string]int) (fresh bool) {
	return g.answer(res, asked, func(realm string) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return slices.Contains(g.realms, realm)
	})
}

// answer is learn for the realms that may ask.
func (g *Digest) answer(res *sipgo.Response, asked map[string]int, may func(realm string) bool) (fresh bool) {
	proxy := res.StatusCode == codeProxyAuth
	if g == nil || !proxy && res.StatusCode != codeUnauthorized {
		return false
	}
	best := map[string]digest.Challenge{}
	var order []string
	for _, h := range res.GetHeaders(challengeName(proxy)) {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil || strength(c.Algorithm) == 0 || c.Nonce == "" || !answerableQOP(c) {
			continue
		}
		if !may(c.Realm) {
			continue
		}
		old, have := best[c.Realm]
		if !have {
			order = append(order, c.Realm)
		}
		if !have || strength(c.Algorithm) > strength(old.Algorithm) {
			best[c.Realm] = *c
		}
	}
	for _, realm := range order {
		c := best[realm]
		key := challengeName(proxy) + "\n" + realm
		if n := asked[key]; n == 0 || c.Stale && n < maxStale {
			asked[key]++
			g.remember(proxy, c)
			fresh = true
		}
	}
	if !fresh {
		g.forget(proxy, order)
	}
	return fresh
}

// maxStale is how often one request is repeated for want of a fresh nonce.
const maxStale = 2

// answerableQOP tidies the qop list and says whether we can meet it.
func answerableQOP(c *digest.Challenge) bool {
	for i, q := range c.QOP {
		c.QOP[i] = strings.ToLower(strings.TrimSpace(q))
	}
	c.QOP = slices.DeleteFunc(c.QOP, func(q string) bool { return q == "" })
	if len(c.QOP) == 0 { // RFC 2069, which knows no session keys
		return !strings.HasSuffix(strings.ToUpper(c.Algorithm), "-SESS")
	}
	return c.SupportsQOP("auth") || c.SupportsQOP("auth-int")
}

func challengeName(proxy bool) string {
	if proxy {
		return "Proxy-Authenticate"
	}
	return "WWW-Authenticate"
}

// remember keeps a challenge in the place of the one of its realm.
func (g *Digest) remember(proxy bool, c digest.Challenge) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spaces = slices.DeleteFunc(g.spaces, func(s *space) bool { return s.proxy == proxy && s.challenge.Realm == c.Realm })
	if len(g.spaces) >= maxRealms {
		g.spaces = g.spaces[1:]
	}
	g.spaces = append(g.spaces, &space{proxy: proxy, challenge: c, cnonce: newCnonce()})
}

// forget drops realms whose credentials were refused: they are not to be
// offered again.
func (g *Digest) forget(proxy bool, realms []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spaces = slices.DeleteFunc(g.spaces, func(s *space) bool {
		return s.proxy == proxy && slices.Contains(realms, s.challenge.Realm)
	})
}

// newCnonce is a client nonce of 128 bits.
func newCnonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// headers are the credentials for a request, of all realms that have asked so
// far. Each call counts as one use of their nonces.
func (g *Digest) headers(method, uri string, body []byte) []Header {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var hs []Header
	for _, s := range g.spaces {
		s.count++
		cred, err := g.credentials(s, method, uri, body)
		if err != nil {
			continue // it was checked when it was learned
		}
		name := "Authorization"
		if s.proxy {
			name = "Proxy-Authorization"
		}
		hs = append(hs, Header{name, cred})
	}
	return hs
}

// credentials is the header field value for one realm.
func (g *Digest) credentials(s *space, method, uri string, body []byte) (string, error) {
	c := s.challenge
	o := digest.Options{
		Method: method, URI: uri, Username: g.username, Password: g.password, Count: s.count, Cnonce: s.cnonce,
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}
	algorithm := c.Algorithm
	if base, sess := strings.CutSuffix(strings.ToUpper(algorithm), "-SESS"); sess {
		o.A1 = sessionKey(hasher(algorithm), g.username, c.Realm, g.password, c.Nonce, s.cnonce)
		c.Algorithm = base
	}
	cred, err := digest.Digest(&c, o)
	if err != nil {
		return "", err
	}
	cred.Algorithm = algorithm // as it was written
	return cred.String(), nil
}

// sessionKey is H(A1) of an algorithm with -sess, RFC 7616 §3.4.2.
func sessionKey(newHash func() hash.Hash, username, realm, password, nonce, cnonce string) string {
	sum := func(parts ...string) string {
		h := newHash()
		_, _ = io.WriteString(h, strings.Join(parts, ":")) // never fails
		return hex.EncodeToString(h.Sum(nil))
	}
	return sum(sum(username, realm, password), nonce, cnonce)
}

// renew takes the nextnonce of a response, RFC 7616 §3.5.
func (g *Digest) renew(res *sipgo.Response) {
	if g == nil {
		return
	}
	for _, proxy := range []bool{false, true} {
		name := "Authentication-Info"
		if proxy {
			name = "Proxy-Authentication-Info"
		}
		h := res.GetHeader(name)
		if h == nil {
			continue
		}
		if nonce := quotedParam(h.Value(), "nextnonce"); nonce != "" {
			g.nextNonce(proxy, nonce)
		}
	}
}

// nextNonce replaces the nonce of the realm that was challenged last.
func (g *Digest) nextNonce(proxy bool, nonce string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range slices.Backward(g.spaces) {
		if s.proxy == proxy {
			s.challenge.Nonce, s.count, s.cnonce = nonce, 0, newCnonce()
			return
		}
	}
}

// quotedParam is a parameter of a list such as: a="x", b=y. Its value has no
// comma.
func quotedParam(list, name string) string {
	for part := range strings.SplitSeq(list, ",") {
		k, v, ok := strings.Cut(part, "=")
		if ok && equalFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}
