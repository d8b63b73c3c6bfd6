package dtls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "crypto/sha1" //nolint:gosec // what the far end may say of its certificate
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// ErrFingerprint: the far end's certificate is not the one that its session
// description names. Somebody else has answered.
var ErrFingerprint = errors.New("dtls: the certificate is not that of the session description")

// How long a certificate is valid, before and after now: the clocks of far ends
// differ, and a process may run for long.
const (
	validBefore = 24 * time.Hour
	validAfter  = 10 * 365 * 24 * time.Hour
)

// Fingerprint is the hash of a certificate.
type Fingerprint struct {
	Hash   string // "sha-256", as in a=fingerprint, in lower case
	Digest string // the bytes
}

// Identity is our certificate with its key. It is made anew with each process
// and kept nowhere: only its fingerprint means anything to others.
type Identity struct {
	certificate tls.Certificate
}

// NewIdentity makes a self-signed certificate with a key of ECDSA P-256.
func NewIdentity(now time.Time) (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("dtls: key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, fmt.Errorf("dtls: serial number: %w", err)
	}
	form := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "mediaserver"},
		NotBefore:    now.Add(-validBefore),
		NotAfter:     now.Add(validAfter),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("dtls: certificate: %w", err)
	}
	return &Identity{certificate: tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}}, nil
}

// Fingerprint is that of our certificate, by SHA-256.
func (i *Identity) Fingerprint() Fingerprint {
	return fingerprintOf(crypto.SHA256, "sha-256", i.certificate.Certificate[0])
}

func fingerprintOf(h crypto.Hash, name string, certificate []byte) Fingerprint {
	sum := h.New()
	sum.Write(certificate)
	return Fingerprint{Hash: name, Digest: string(sum.Sum(nil))}
}

// hashes are those that a fingerprint may be made by, the strongest first. MD5
// and MD2, which RFC 8122 §5 knows as well, prove nothing any more.
func hashes() []struct {
	name string
	hash crypto.Hash
} {
	return []struct {
		name string
		hash crypto.Hash
	}{
		{"sha-512", crypto.SHA512},
		{"sha-384", crypto.SHA384},
		{"sha-256", crypto.SHA256},
		{"sha-224", crypto.SHA224},
		{"sha-1", crypto.SHA1},
	}
}

// check tells whether a certificate is one that was named: by the strongest hash
// of those that were used, RFC 8122 §5. The error is ErrFingerprint.
func check(certificate []byte, named []Fingerprint) error {
	for _, h := range hashes() {
		used := false
		for _, f := range named {
			if f.Hash != h.name {
				continue
			}
			if used = true; fingerprintOf(h.hash, h.name, certificate) == f {
				return nil
			}
		}
		if used {
			return ErrFingerprint
		}
	}
	return fmt.Errorf("%w: no hash that is known", ErrFingerprint)
}
