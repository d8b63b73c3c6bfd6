package sip

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what most phones speak, RFC 8760 §2.1
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Phone is a user who logs in by digest (RFC 3261 §22): a softphone, a desk
// phone, a robot.
type Phone struct {
	Name     string // user part of its address, and the username of its credentials
	Password string
}

// DefaultRealm is the realm of our challenges.
const DefaultRealm = "mediaserver"

const (
	// nonceLife is how long a nonce is taken. One that is older is answered
	// with stale=true, which costs a phone one more exchange.
	nonceLife = 5 * time.Minute
	// maxNonces bounds the memory of nonces that somebody has logged in with.
	maxNonces = 16384
	// maxCredentials is how many Authorization header fields are looked at.
	maxCredentials = 4
	// nonceTag is the length of a nonce's proof that we made it [bytes].
	nonceTag = 12
)

// digestHash is one of the algorithms of a challenge, in the order in which
// they are offered: the first that a phone knows is to be used, RFC 8760 §2.4.
type digestHash struct {
	name string
	make func() hash.Hash
}

// digestHashes are the algorithms there are.
func digestHashes() [2]digestHash {
	return [...]digestHash{{"SHA-256", sha256.New}, {"MD5", md5.New}}
}

func (d digestHash) sum(parts ...string) string {
	h := d.make()
	for i, p := range parts {
		if i > 0 {
			_, _ = h.Write([]byte{':'}) // never fails
		}
		_, _ = h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ha1 is what is kept of a password: H(name:realm:password) for each of
// digestHashes, RFC 7616 §3.4.2.
type ha1 [2]string

func ha1Of(name, realm, password string) ha1 {
	var out ha1
	for i, d := range digestHashes() {
		out[i] = d.sum(name, realm, password)
	}
	return out
}

// offered are the places in digestHashes of the algorithms with these names,
// of all without names. nil: a name is not known.
func offered(names []string) []int {
	var list []int
	for i, d := range digestHashes() {
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return equalFold(n, d.name) }) {
			list = append(list, i)
		}
	}
	if len(names) > len(list) {
		return nil
	}
	return list
}

// challenger asks who somebody is. It keeps nothing of those who do not know.
type challenger struct {
	realm  string
	hashes []int    // offered, of digestHashes
	secret [32]byte // of the nonces
	now    func() time.Time
	logins atomic.Pointer[map[string]ha1] // by name
	nobody ha1                            // what unknown names are measured against
	used   *nonceBook
}

func newChallenger(cfg RegistrarConfig, now func() time.Time) *challenger {
	realm := cfg.Realm
	c := &challenger{realm: realm, hashes: offered(cfg.Algorithms), now: now, used: newNonceBook(maxNonces, nonceLife)}
	_, _ = rand.Read(c.secret[:]) // never fails
	c.nobody = ha1Of("", realm, newTag()+newTag())
	c.logins.Store(&map[string]ha1{})
	return c
}

// setPhones replaces all logins. Passwords are not kept. same says of which names the
// password is what it was.
func (c *challenger) setPhones(phones []Phone) (same func(name string) bool) {
	logins := make(map[string]ha1, len(phones))
	for _, p := range phones {
		logins[p.Name] = ha1Of(p.Name, c.realm, p.Password)
	}
	before := c.logins.Swap(&logins)
	return func(name string) bool {
		old, was := (*before)[name]
		now, is := logins[name]
		return was && is && old == now
	}
}

// known says whether there is a phone of that name.
func (c *challenger) known(name string) bool {
	_, ok := (*c.logins.Load())[name]
	return ok
}

// any says whether anybody can log in.
func (c *challenger) any() bool { return len(*c.logins.Load()) > 0 }

// verdict is what a request's credentials are worth.
type verdict uint8

const (
	noCredentials verdict = iota // none for our realm
	staleNonce                   // the nonce is none that we have given this source, or too old, or used up
	wrongPassword                // or unknown name: the same to all outside
	loggedIn
)

// String is the label of the metric.
func (v verdict) String() string {
	return [...]string{"none", "stale", "wrong", "ok"}[v]
}

// authenticate says who has sent a request, RFC 3261 §22.2, or how it is to be
// refused: 403 where nobody can log in, else 401 with a challenge.
func (u *UA) authenticate(in *incoming) (login string, r *refusal) {
	c := u.phones.challenger
	if !c.any() {
		return "", refuse(codeForbidden)
	}
	login, v := c.verify(in)
	u.m.login(v)
	switch v {
	case loggedIn:
		return login, nil
	case wrongPassword:
		u.guard.blame(in.src, offenceDigest, true) // nobody else has the nonce
	}
	return "", c.challenge(in.src.addr.Addr(), v == staleNonce)
}

// challenge is a 401 with one challenge for each algorithm.
func (c *challenger) challenge(from netip.Addr, stale bool) *refusal {
	nonce := c.nonce(from)
	r := refuse(codeUnauthorized)
	for _, i := range c.hashes {
		d := digestHashes()[i]
		v := `Digest realm="` + c.realm + `", nonce="` + nonce + `", algorithm=` + d.name + `, qop="auth"`
		if stale {
			v += ", stale=true"
		}
		r.headers = append(r.headers, Header{"WWW-Authenticate", v})
	}
	return r
}

// verify looks at the credentials of a request. A name that does not exist
// costs and gives what a wrong password does. Nothing is said of a password that
// comes without a nonce of ours: anybody can send one in anybody's name.
func (c *challenger) verify(in *incoming) (login string, v verdict) {
	cred, ok := c.credentialsOf(in.req)
	if !ok {
		return "", noCredentials
	}
	which := -1
	for _, i := range c.hashes {
		d := digestHashes()[i]
		if equalFold(cred.algorithm, d.name) || cred.algorithm == "" && d.name == "MD5" {
			which = i
		}
	}
	if which < 0 || cred.qop != "" && !equalFold(cred.qop, "auth") {
		return "", noCredentials
	}
	now := c.now()
	issued, ok := c.issued(cred.nonce, in.src.addr.Addr())
	if !ok {
		return "", staleNonce
	}
	secrets, known := (*c.logins.Load())[cred.username]
	if !known {
		secrets = c.nobody
	}
	d := digestHashes()[which]
	ha2 := d.sum(in.method(), cred.uri)
	var want string
	if cred.qop == "" {
		want = d.sum(secrets[which], cred.nonce, ha2)
	} else {
		want = d.sum(secrets[which], cred.nonce, cred.nc, cred.cnonce, cred.qop, ha2)
	}
	same := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(cred.response))) == 1
	if !same || !known || !aimedAt(cred.uri, in) {
		return "", wrongPassword
	}
	if now.Sub(issued) > nonceLife || issued.After(now) {
		return "", staleNonce
	}
	if !c.used.take(use{nonce: cred.nonce, issued: issued, count: cred.count(), request: in.key}, now) {
		return "", staleNonce
	}
	return cred.username, loggedIn
}

// credentialed: the request bears credentials for us, which are then to be right even
// where none are needed. Those for others, such as a proxy on the way, are none of
// our business (RFC 3261 §22.3).
func (c *challenger) credentialed(req *sipgo.Request) bool {
	_, ok := c.credentialsOf(req)
	return ok
}

// credentialsOf are those that are for us.
func (c *challenger) credentialsOf(req *sipgo.Request) (credentials, bool) {
	for i, h := range req.GetHeaders("Authorization") {
		if i == maxCredentials {
			break
		}
		if cred, ok := parseCredentials(h.Value()); ok && cred.realm == c.realm {
			return cred, true
		}
	}
	return credentials{}, false
}

// aimedAt: the URI that the credentials were made for is that of the request.
//
// Deviation: RFC 7616 §3.4.6 would have the same resource; host and port are
// not compared, for clients behind an outbound proxy differ there, and a user
// part that is left out is let pass.
func aimedAt(uri string, in *incoming) bool {
	_, rest, ok := strings.Cut(uri, ":")
	user, _, has := strings.Cut(rest, "@")
	return !ok || !has || unescape(user) == unescape(in.req.Recipient.User)
}

// nonce makes a nonce for one source: when, something random, and the proof
// that it is ours and for that source.
func (c *challenger) nonce(from netip.Addr) string {
	var b [12 + nonceTag]byte
	milli := uint64(c.now().UnixMilli()) //nolint:gosec // after 1970
	for i := range 6 {
		b[i] = byte(milli >> (8 * (5 - i)))
	}
	_, _ = rand.Read(b[6:12]) // never fails
	copy(b[12:], c.proof(b[:12], from))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// issued is when we made a nonce; false if we did not make it, or for another.
func (c *challenger) issued(nonce string, from netip.Addr) (time.Time, bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 12+nonceTag || !hmac.Equal(b[12:], c.proof(b[:12], from)) {
		return time.Time{}, false
	}
	var milli int64
	for _, v := range b[:6] {
		milli = milli<<8 | int64(v)
	}
	return time.UnixMilli(milli), true
}

func (c *challenger) proof(made []byte, from netip.Addr) []byte {
	h := hmac.New(sha256.New, c.secret[:])
	_, _ = h.Write(made) // never fails
	addr := from.Unmap().WithZone("").As16()
	_, _ = h.Write(addr[:])
	return h.Sum(nil)[:nonceTag]
}

// credentials are those of an Authorization header field, RFC 7616 §3.4.
type credentials struct {
	username, realm, nonce, uri, response, algorithm, cnonce, qop, nc string
}

// count is the number of the request under its nonce. Without qop there is
// none: such a nonce is good for one request.
func (c credentials) count() uint32 {
	if c.qop == "" {
		return 1
	}
	n, _ := strconv.ParseUint(c.nc, 16, 32) // checked by parseCredentials
	return uint32(n)
}

// parseCredentials reads the value of an Authorization header field. false:
// another scheme, or not well formed.
func parseCredentials(s string) (credentials, bool) {
	var c credentials
	const scheme = "digest"
	s = strings.TrimSpace(s)
	if len(s) <= len(scheme) || !equalFold(s[:len(scheme)], scheme) || s[len(scheme)] != ' ' && s[len(scheme)] != '\t' {
		return c, false
	}
	fields := map[string]*string{
		"username": &c.username, "realm": &c.realm, "nonce": &c.nonce, "uri": &c.uri, "response": &c.response,
		"algorithm": &c.algorithm, "cnonce": &c.cnonce, "qop": &c.qop, "nc": &c.nc,
	}
	for _, part := range splitList(s[len(scheme):]) {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return c, false
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = unquote(value[1 : len(value)-1])
		}
		field, wanted := fields[name]
		if !wanted {
			continue
		}
		if field == nil {
			return c, false // given twice
		}
		*field, fields[name] = value, nil
	}
	if c.qop != "" {
		if n, err := strconv.ParseUint(c.nc, 16, 32); err != nil || n == 0 || len(c.nc) != 8 || c.cnonce == "" {
			return c, false
		}
	}
	return c, c.username != "" && c.nonce != "" && c.uri != "" && c.response != ""
}
