package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mediaserver/cmd/mediaserver/internal/config"
)

// post asks a web service by TLS.
func (i *instance) post(roots *x509.CertPool, user, path string, form url.Values) (int, string) {
	i.t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"},
	}}
	r, err := http.NewRequest(http.MethodPost, "https://"+i.addrs.http.String()+path, strings.NewReader(form.Encode()))
	if err != nil {
		i.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if name, password, ok := strings.Cut(user, ":"); ok {
		r.SetBasicAuth(name, password)
	}
	resp, err := client.Do(r)
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// certificate writes a self-signed certificate for localhost.
func certificate(t *testing.T) (config.HTTPTLS, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := config.HTTPTLS{CertFile: filepath.Join(t.TempDir(), "cert.pem"), KeyFile: filepath.Join(t.TempDir(), "key.pem")}
	for name, block := range map[string]*pem.Block{
		c.CertFile: {Type: "CERTIFICATE", Bytes: der}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return c, roots
}

func TestServerStartsAnOutboundServiceForAUserByTLS(t *testing.T) {
	app := &application{first: `{"actions":[{"connect_to_conference":{"name":"weekly"}}]}`}
	cfg := withApplication(t, testConfig(t), app)
	var roots *x509.CertPool
	cfg.HTTP.TLS, roots = certificate(t)
	cfg.HTTP.Users = []config.User{{Name: "admin", Password: "secret", Role: "admin"}, {Name: "reader", APIKey: "key", Role: "read"}}
	caller := cfg.Services[0]
	caller.Name, caller.Direction, caller.Match, caller.Password = "caller", "outbound", nil, "dial"
	caller.CallType, caller.MaxCalls, caller.MaxQueued = "telephone", 1, 10
	cfg.Services = append(cfg.Services, caller)
	i := startServer(t, cfg)

	for name, tt := range map[string]struct {
		user, path string
		status     int
	}{
		"no login":                            {"", "/conference_list", 401},
		"a wrong password":                    {"x/admin:Secret", "/conference_list", 401},
		"a user":                              {"x/admin:secret", "/conference_list", 200},
		"a service login where it may not be": {"x/admin/caller:dial", "/conference_list", 403},
		"health without login":                {"", "/nothing", 404},
	} {
		if status, body := i.post(roots, tt.user, tt.path, nil); status != tt.status {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}

	// The service calls the server's own application: a call by SIP to itself.
	call := `{"to":"` + i.uri("app") + `","from":"100"}`
	status, body := i.post(roots, "x/admin/caller:dial", "/service_start", url.Values{"rest_calls": {call}})
	var refs []string
	if err := json.Unmarshal([]byte(body), &refs); status != 200 || err != nil || len(refs) != 1 {
		t.Fatalf("%d %s", status, body)
	}
	participants := func() (ids []string) {
		_, body := i.post(roots, "admin:secret", "/conference_participant_list", url.Values{"conference_name": {"weekly"}})
		var list struct {
			Participants []struct {
				ID string `json:"participant_id"`
			}
		}
		if json.Unmarshal([]byte(body), &list) == nil {
			for _, p := range list.Participants {
				ids = append(ids, p.ID)
			}
		}
		return ids
	}
	eventually(t, "both ends of the call are in the room", func() bool { return len(participants()) == 2 })
	_, body = i.post(roots, "x/admin/caller:dial", "/service_status", url.Values{"service_invocation_reference_ids": refs})
	if !strings.Contains(body, `"status":"RUNNING"`) {
		t.Errorf("status: %s", body)
	}
	status, body = i.post(roots, "admin:secret", "/rest_interrupt", url.Values{"application_instance_ids": {strings.Join(participants(), "/")}})
	if status != 200 || strings.Count(body, `"interrupted"`) != 2 {
		t.Errorf("interrupt: %d %s", status, body)
	}
	eventually(t, "the call has ended", func() bool { return len(participants()) == 0 })
	eventually(t, "the service has completed", func() bool {
		_, body := i.post(roots, "x/admin/caller:dial", "/service_status", url.Values{"service_invocation_reference_ids": refs})
		return strings.Contains(body, `"status":"COMPLETED"`)
	})
	i.drain()
	if err := i.wait(); err != nil {
		t.Error(err)
	}
}

func TestServerWithoutItsCertificateDoesNotStart(t *testing.T) {
	cfg := testConfig(t)
	cfg.HTTP.TLS = config.HTTPTLS{CertFile: "gone.pem", KeyFile: "gone.key"}
	err := Run(t.Context(), cfg, serverOptions{})
	if err == nil || !strings.Contains(err.Error(), "http.tls.cert_file") {
		t.Errorf("error %v", err)
	}
}
