package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a certificate for 127.0.0.1 that is its own authority:
// files with the certificate, its key, and both.
func certificate(t *testing.T) (cert, key, both string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	dir := t.TempDir()
	cert, key, both = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "both.pem")
	for name, data := range map[string][]byte{cert: certPEM, key: keyPEM, both: append(keyPEM, certPEM...)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, both
}

// TestPhonesOverTLS has one phone call over TLS with its sound protected, and
// the server connect it to another over TLS, each side checking the other's
// certificate. openssl sees what the listener offers.
func TestPhonesOverTLS(t *testing.T) {
	t.Parallel()
	cert, key, both := certificate(t)
	bert := phoneSetup{name: "bert", freq: 620, codec: "PCMU", srtp: "srtp-mand", certificate: both, authority: cert}.start(t)
	app := connecting(t, fmt.Sprintf("sip:bert@127.0.0.1:%d;transport=tls", bert.port+1))
	port := freePorts(t, "127.0.0.1")
	m := setup{
		app: app, services: []service{{match: "meeting", first: "/first", final: "/final", error: "/error", srtp: "required"}},
		listen: fmt.Sprintf("tls://127.0.0.1:%d", port),
		sip: fmt.Sprintf(", tls: {cert_file: %q, key_file: %q, ca_file: %q}", cert, key, cert) +
			fmt.Sprintf(", trunks: [{name: bert, address: \"sip:127.0.0.1:%d;transport=tls\", srtp: required}]", bert.port+1),
	}.run(t)
	anna := phoneSetup{name: "anna", freq: 880, codec: "PCMA", srtp: "srtp-mand", certificate: both, authority: cert}.start(t)
	anna.command(t, "dial", fmt.Sprintf("sip:meeting@127.0.0.1:%d;transport=tls", port))
	for _, p := range []*phone{anna, bert} {
		eventually(t, p.name+" is in a call", patience, func() bool { return p.has("CALL_ESTABLISHED") })
	}
	rest(t, 4*time.Second)
	bert.hangUp(t)
	anna.awaitEnd(t)
	expectHeard(t, anna, bert.freq, time.Second)
	expectHeard(t, bert, anna.freq, time.Second)
	expectOffered(t, port, cert)
	m.expectIdle(t)
}

// expectOffered asks openssl: TLS 1.3 and 1.2 with a certificate that can be
// checked, nothing older.
func expectOffered(t *testing.T, port int, authority string) {
	t.Helper()
	openssl := need(t, "openssl", "openssl")
	for version, offered := range map[string]bool{"-tls1_3": true, "-tls1_2": true, "-tls1_1": false} {
		client := exec.Command(openssl, "s_client", "-connect", fmt.Sprintf("127.0.0.1:%d", port), version,
			"-CAfile", authority, "-verify_ip", "127.0.0.1", "-verify_return_error", "-brief")
		client.Stdin = strings.NewReader("")
		out, err := client.CombinedOutput()
		if good := err == nil && strings.Contains(string(out), "Verification: OK"); good != offered {
			t.Errorf("openssl %s: %v\n%s", version, err, out)
		}
	}
}
