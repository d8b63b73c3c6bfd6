package sip

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates for tests.
type authority struct {
	t    testing.TB
	dir  string
	file string // its own certificate
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), n: 1}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = filepath.Join(a.dir, "ca.pem")
	a.write(a.file, "CERTIFICATE", der)
	return a
}

func (a *authority) write(file, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// issue writes a certificate for host names, addresses and sip: URIs, and its
// key.
func (a *authority) issue(name string, until time.Time, hosts ...string) TLS {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.n++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.n), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, Subject: pkix.Name{CommonName: name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if u, err := url.Parse(h); err == nil && u.Scheme == "sip" {
			template.URIs = append(template.URIs, u)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	c := TLS{CertFile: filepath.Join(a.dir, name+".pem"), KeyFile: filepath.Join(a.dir, name+".key"), CAFile: a.file}
	a.write(c.CertFile, "CERTIFICATE", der)
	a.write(c.KeyFile, "EC PRIVATE KEY", keyDER)
	return c
}

func tlsUA(t testing.TB, c TLS, listen string, h Handler) *UA {
	t.Helper()
	return startUA(t, Config{Timers: shortTimers, Listen: []string{listen}, Network: Network{TLS: c, Origins: []string{"*"}}}, h)
}

// A call over each secure transport, hung up by the callee: its BYE finds the
// way back.
func TestCallOverTLS(t *testing.T) {
	ca := newAuthority(t)
	soon := time.Now().Add(time.Hour)
	server, client := ca.issue("server", soon, "127.0.0.1", "localhost"), ca.issue("client", soon, "127.0.0.1")
	for _, tt := range []struct{ name, listen, uri, via, contact, transport string }{
		{"tls", "tls://127.0.0.1:0", "sip:bob@127.0.0.1:%d;transport=tls", "SIP/2.0/TLS 127.0.0.1:", "<sip:mediaserver@127.0.0.1:%d;transport=tls>", "tls"},
		{"sips", "tls://127.0.0.1:0", "sips:bob@127.0.0.1:%d", "SIP/2.0/TLS 127.0.0.1:", "<sips:mediaserver@127.0.0.1:%d>", "tls"},
		{"sips by name", "tls://127.0.0.1:0", "sips:bob@localhost:%d", "SIP/2.0/TLS 127.0.0.1:", "<sips:mediaserver@127.0.0.1:%d>", "tls"},
		{"secure WebSocket", "wss://127.0.0.1:0", "sips:bob@127.0.0.1:%d;transport=ws", "SIP/2.0/WSS 127.0.0.1:", "<sips:mediaserver@127.0.0.1:%d;transport=ws>", "wss"},
		{"WebSocket", "ws://127.0.0.1:0", "sip:bob@127.0.0.1:%d;transport=ws", "SIP/2.0/WS 127.0.0.1:", "<sip:mediaserver@127.0.0.1:%d;transport=ws>", "ws"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAnswering()
			bob := tlsUA(t, server, tt.listen, a.handle)
			alice := tlsUA(t, client, tt.listen, nil)
			port := bob.Addrs()[0].(*net.TCPAddr).Port
			d := dial(t, alice, fmt.Sprintf(tt.uri, port))
			in := a.next(t)
			a.session.expect(t, "ack")
			inv := in.invite.in.req
			if got := inv.Via().Value(); !strings.HasPrefix(got, tt.via) {
				t.Errorf("Via %s", got)
			}
			if want := fmt.Sprintf(tt.contact, alice.Addrs()[0].(*net.TCPAddr).Port); strings.ReplaceAll(inv.Contact().Value(), "alice@", "mediaserver@") != want {
				t.Errorf("Contact %s, want %s", inv.Contact().Value(), want)
			}
			if want := fmt.Sprintf(tt.contact, port); "<"+in.peer.contact.String()+">" != want {
				t.Errorf("Contact of the answer %s, want %s", in.peer.contact.String(), want)
			}
			if got := in.Invitation().Transport; got != tt.transport {
				t.Errorf("transport %s", got)
			}
			bye(t, in)
			ended(t, d, ErrRemoteBye)
			// A second call takes the same connection.
			dial(t, alice, fmt.Sprintf(tt.uri, port))
			bye(t, a.next(t))
			bob.streams.mu.Lock()
			n := len(bob.streams.all)
			bob.streams.mu.Unlock()
			if n > 2 { // alice's, and at most one of bob's own
				t.Errorf("%d connections for two calls", n)
			}
		})
	}
}

// RFC 5922 §7: no call to who cannot show that he is the host of the URI.
func TestCertificateOfTheServer(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	tests := []struct {
		name   string
		server TLS
		host   string
		ok     bool
	}{
		{"name", ca.issue("name", soon, "localhost"), "localhost", true},
		{"address", ca.issue("address", soon, "127.0.0.1"), "127.0.0.1", true},
		{"URI", ca.issue("uri", soon, "sip:localhost"), "localhost", true},
		{"URI outweighs name", ca.issue("both", soon, "sip:example.com", "localhost"), "localhost", false},
		{"other name", ca.issue("other", soon, "example.com"), "localhost", false},
		{"name for address", ca.issue("noaddress", soon, "localhost"), "127.0.0.1", false},
		{"expired", ca.issue("expired", past, "localhost"), "localhost", false},
		{"unknown authority", other.issue("alien", soon, "localhost"), "localhost", false},
	}
	alice := tlsUA(t, TLS{CAFile: ca.file}, "udp://127.0.0.1:0", nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bob := tlsUA(t, tt.server, "tls://127.0.0.1:0", func(_ context.Context, d *Dialog) { _ = d.Reject(486, "") })
			uri := fmt.Sprintf("sips:bob@%s:%d", tt.host, bob.Addrs()[0].(*net.TCPAddr).Port)
			_, err := alice.Invite(t.Context(), InviteRequest{To: uri, SDP: testSDP("offer")}, nil)
			if _, refused := errors.AsType[*StatusError](err); refused != tt.ok || !tt.ok && !errors.Is(err, ErrTransport) {
				t.Errorf("%v", err)
			}
		})
	}
}

func handshake(addr net.Addr, c *tls.Config) (*tls.Conn, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: c}
	nc, err := d.Dial("tcp", addr.String())
	if err != nil {
		return nil, err
	}
	return nc.(*tls.Conn), nil
}

func TestListenerOverTLS(t *testing.T) {
	ca := newAuthority(t)
	soon := time.Now().Add(time.Hour)
	server, client := ca.issue("server", soon, "localhost"), ca.issue("client", soon, "phone.example.com")
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	trusting := func() *tls.Config { return &tls.Config{RootCAs: pool, ServerName: "localhost"} }

	t.Run("TLS 1.1 is refused", func(t *testing.T) {
		u := tlsUA(t, server, "tls://127.0.0.1:0", nil)
		c := trusting()
		c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
		if nc, err := handshake(u.Addrs()[0], c); err == nil {
			_ = nc.Close()
			t.Error("accepted")
		}
	})
	t.Run("the certificate of a client is asked for", func(t *testing.T) {
		required := server
		required.ClientCerts = ClientCertsRequired
		u := tlsUA(t, required, "tls://127.0.0.1:0", nil)
		ask := func(c *tls.Config) error {
			nc, err := handshake(u.Addrs()[0], c)
			if err != nil {
				return err
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(patience))
			if _, err := nc.Write([]byte(ping)); err != nil {
				return err
			}
			_, err = nc.Read(make([]byte, 2)) // TLS 1.3 tells only now
			return err
		}
		if err := ask(trusting()); err == nil {
			t.Error("let in without")
		}
		pair, err := tls.LoadX509KeyPair(client.CertFile, client.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		c := trusting()
		c.Certificates = []tls.Certificate{pair}
		if err := ask(c); err != nil {
			t.Error(err)
		}
	})
	t.Run("a new certificate counts without restart, a broken one does not", func(t *testing.T) {
		u := tlsUA(t, server, "tls://127.0.0.1:0", nil)
		serial := func() int64 {
			nc, err := handshake(u.Addrs()[0], trusting())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			return nc.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
		}
		first := serial()
		ca.issue("server", soon, "localhost", "other")
		u.tls.cert.next.Store(0) // time for a look
		if second := serial(); second == first {
			t.Error("the old certificate stays")
		} else if err := os.WriteFile(server.CertFile, []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		} else {
			u.tls.cert.next.Store(0)
			if serial() != second {
				t.Error("changed by nonsense")
			}
		}
	})
	t.Run("no certificate, no listener", func(t *testing.T) {
		for _, c := range []TLS{{}, {CertFile: "/nowhere", KeyFile: "/nowhere"}, {CAFile: server.KeyFile}} {
			u, err := New(Config{Listen: []string{"tls://127.0.0.1:0"}, Network: Network{TLS: c}})
			if err != nil {
				t.Fatal(err)
			}
			if u.Listen() == nil {
				t.Errorf("%+v listens", c)
			}
			_ = u.Close()
		}
	})
}

// sips that did not come over TLS is not what it says.
func TestSIPSNeedsTLS(t *testing.T) {
	u := startUA(t, Config{}, nil)
	p := newRawPeer(t, u)
	p.send(strings.Replace(p.invite("sips", 1, testSDP("offer")), "INVITE sip:", "INVITE sips:", 1))
	if m := p.expect("416 INVITE"); headerOf(m, "Call-ID") != "sips" {
		t.Errorf("%s", m)
	}
}

// openssl takes our certificate for what it is, sends a request and reads the
// answer; and it is not let in with an old version.
func TestOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	ca := newAuthority(t)
	u := tlsUA(t, ca.issue("server", time.Now().Add(time.Hour), "localhost"), "tls://127.0.0.1:0", nil)
	run := func(input string, args ...string) (string, error) {
		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()
		args = append([]string{
			"s_client", "-connect", u.Addrs()[0].String(), "-CAfile", ca.file, "-servername", "localhost",
			"-verify_hostname", "localhost", "-verify_return_error", "-quiet",
		}, args...)
		c := exec.CommandContext(ctx, program, args...)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(in, input)
		head, err := bufio.NewReader(out).ReadString('\n')
		_ = c.Process.Kill()
		_ = c.Wait()
		return head, err
	}
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		if got, err := run(options("openssl"), version); got != "SIP/2.0 200 OK\r\n" {
			t.Errorf("%s: %q, %v", version, got, err)
		}
	}
	if got, err := run(options("openssl"), "-tls1_1"); err == nil {
		t.Errorf("TLS 1.1: %q", got)
	}
}
