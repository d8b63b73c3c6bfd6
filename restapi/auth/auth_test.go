package auth_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/restapi/auth"
)

// users are those of most tests.
func users() []auth.User {
	return []auth.User{
		{Name: "admin", Password: "secret"},
		{Name: "reader", Password: "look", APIKey: "key-of-reader", Role: auth.Read},
		{Name: "robot", APIKey: "key-of-robot", Role: auth.Operate},
	}
}

func newAuth(t *testing.T, c auth.Config) *auth.Auth {
	t.Helper()
	a, err := auth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// request is one from a client with these headers, name and value in turn.
func request(client string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:8080/conference_list", nil)
	r.RemoteAddr = client
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

// login adds Basic credentials.
func login(r *http.Request, name, password string) *http.Request {
	r.SetBasicAuth(name, password)
	return r
}

// ask is the status that a handler answers, and who the handler saw.
func ask(wrap func(auth.Role, http.Handler) http.Handler, role auth.Role, r *http.Request) (int, string) {
	who := ""
	rec := httptest.NewRecorder()
	wrap(role, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		id := auth.IdentityOf(r.Context())
		who = fmt.Sprintf("%s %s %s", auth.UserOf(r.Context()), id.Role, id.Service)
	})).ServeHTTP(rec, r)
	return rec.Code, strings.TrimSpace(who)
}

const outside = "198.51.100.7:4000"

func TestLogins(t *testing.T) {
	a := newAuth(t, auth.Config{Users: users(), Services: map[string]string{"caller": "dial", "open": ""}})
	for _, tt := range []struct {
		name   string
		r      *http.Request
		role   auth.Role
		status int
		who    string
	}{
		{"the bare name", login(request(outside), "admin", "secret"), auth.Admin, 200, "admin admin"},
		{"account and user", login(request(outside), "any/admin", "secret"), auth.Admin, 200, "admin admin"},
		{"a role that is enough", login(request(outside), "x/reader", "look"), auth.Read, 200, "reader read"},
		{"a role that is too low", login(request(outside), "x/reader", "look"), auth.Operate, 403, ""},
		{"a wrong password", login(request(outside), "admin", "Secret"), auth.Read, 401, ""},
		{"a password of another", login(request(outside), "admin", "look"), auth.Read, 401, ""},
		{"an empty password", login(request(outside), "admin", ""), auth.Read, 401, ""},
		{"an unknown user", login(request(outside), "nobody", "secret"), auth.Read, 401, ""},
		{"a user without password", login(request(outside), "robot", ""), auth.Read, 401, ""},
		{"a key as password", login(request(outside), "robot", "key-of-robot"), auth.Read, 401, ""},
		{"a bearer token", request(outside, "Authorization", "Bearer key-of-robot"), auth.Operate, 200, "robot operate"},
		{"a bearer token in other letters", request(outside, "Authorization", "bearer key-of-robot"), auth.Operate, 200, "robot operate"},
		{"a key in its own header", request(outside, "X-Api-Key", "key-of-reader"), auth.Read, 200, "reader read"},
		{"a key that is none", request(outside, "X-Api-Key", "key-of"), auth.Read, 401, ""},
		{"a password as key", request(outside, "X-Api-Key", "secret"), auth.Read, 401, ""},
		{"nothing", request(outside), auth.Read, 401, ""},
		{"nothing from this machine", request("127.0.0.1:1"), auth.Read, 401, ""},
		{"another scheme", request(outside, "Authorization", "Digest x"), auth.Read, 401, ""},
		{"broken Basic", request(outside, "Authorization", "Basic !!!"), auth.Read, 401, ""},
		{"a service elsewhere", login(request(outside), "x/admin/caller", "dial"), auth.Read, 403, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, who := ask(a.Wrap, tt.role, tt.r); status != tt.status || who != tt.who {
				t.Errorf("%d %q, want %d %q", status, who, tt.status, tt.who)
			}
		})
	}
	for _, tt := range []struct {
		name, user, password string
		status               int
		who                  string
	}{
		{"the service's password", "x/reader/caller", "dial", 200, "reader operate caller"},
		{"the user's password", "x/admin/caller", "secret", 401, ""},
		{"an unknown user", "x/nobody/caller", "dial", 401, ""},
		{"an unknown service", "x/admin/nothing", "dial", 401, ""},
		{"a service without password", "x/admin/open", "", 401, ""},
		{"a user", "x/admin", "secret", 200, "admin admin"},
	} {
		t.Run("service_start with "+tt.name, func(t *testing.T) {
			if status, who := ask(a.WrapService, auth.Operate, login(request("203.0.113.9:1"), tt.user, tt.password)); status != tt.status || who != tt.who {
				t.Errorf("%d %q, want %d %q", status, who, tt.status, tt.who)
			}
		})
	}
}

func TestWithoutUsersOnlyThisMachine(t *testing.T) {
	a := newAuth(t, auth.Config{})
	for _, tt := range []struct {
		name   string
		r      *http.Request
		status int
	}{
		{"IPv4", request("127.0.0.1:1"), 200},
		{"another loopback address", request("127.8.9.1:1", "Host", "127.8.9.1"), 200},
		{"IPv6", request("[::1]:1", "Host", "[::1]:8080"), 200},
		{"IPv4 in IPv6", request("[::ffff:127.0.0.1]:1"), 200},
		{"a host of any case", request("127.0.0.1:1", "Host", "LOCALHOST."), 200},
		{"its own page", request("127.0.0.1:1", "Origin", "http://localhost:8080", "Sec-Fetch-Site", "same-origin"), 200},
		{"another machine", request(outside), 401},
		{"another machine with any login", login(request(outside), "admin", ""), 401},
		{"no address", request("@"), 401},
		{"a name that leads here", request("127.0.0.1:1", "Host", "evil.example:8080"), 403},
		{"a name that looks like here", request("127.0.0.1:1", "Host", "localhost.evil.example"), 403},
		{"an address that is not here", request("127.0.0.1:1", "Host", "198.51.100.7"), 403},
		{"no host", request("127.0.0.1:1", "Host", ""), 403},
		{"a proxy", request("127.0.0.1:1", "X-Forwarded-For", outside), 401},
		{"a proxy that says so", request("127.0.0.1:1", "Forwarded", "for=1.2.3.4"), 401},
		{"a page of another site", request("127.0.0.1:1", "Origin", "http://evil.example"), 403},
		{"a page of another port", request("127.0.0.1:1", "Origin", "http://localhost:9999"), 403},
		{"a page without origin", request("127.0.0.1:1", "Origin", "null"), 403},
		{"a cross-site image", request("127.0.0.1:1", "Sec-Fetch-Site", "cross-site"), 403},
		{"a page of the same site", request("127.0.0.1:1", "Sec-Fetch-Site", "same-site"), 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, who := ask(a.Wrap, auth.Admin, tt.r); status != tt.status {
				t.Errorf("%d %q, want %d", status, who, tt.status)
			}
		})
	}
}

func TestForeignPagesCannotUseAStoredLogin(t *testing.T) {
	a := newAuth(t, auth.Config{Users: users()})
	for _, h := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if status, _ := ask(a.Wrap, auth.Read, login(request(outside, h...), "admin", "secret")); status != 403 {
			t.Errorf("%v: %d", h, status)
		}
	}
}

func TestFailuresOfAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuth(t, auth.Config{Users: users()})
		fails := func(client string) int {
			status, _ := ask(a.Wrap, auth.Read, login(request(client), "admin", "guess"))
			return status
		}
		works := func(client string) int {
			status, _ := ask(a.Wrap, auth.Read, login(request(client), "admin", "secret"))
			return status
		}
		for i := range 10 {
			if got := fails(outside); got != 401 {
				t.Fatalf("failure %d: %d", i+1, got)
			}
		}
		if got := works(outside); got != 200 {
			t.Errorf("a right password after ten failures: %d", got)
		}
		if got := fails("198.51.100.7:9"); got != 429 {
			t.Errorf("the eleventh failure, from another port: %d", got)
		}
		if got := works(outside); got != 429 {
			t.Errorf("a right password after eleven failures: %d", got)
		}
		if got := works("198.51.100.8:1"); got != 200 {
			t.Errorf("another address: %d", got)
		}
		for range 20 {
			if status, _ := ask(a.Wrap, auth.Read, request("198.51.100.9:1")); status != 401 {
				t.Fatal("a request without login counts as a failure")
			}
		}
		time.Sleep(61 * time.Second)
		if got := works(outside); got != 200 {
			t.Errorf("a minute later: %d", got)
		}
		for i := range 11 {
			fails(fmt.Sprintf("[2001:db8::%x]:1", i+1))
		}
		if got := works("[2001:db8::ffff]:1"); got != 429 {
			t.Errorf("an address of the same network: %d", got)
		}
		if got := works("[2001:db8:0:1::1]:1"); got != 200 {
			t.Errorf("an address of another network: %d", got)
		}
	})
}

func TestFailuresTakeBoundedMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuth(t, auth.Config{Users: users()})
		for range 11 {
			ask(a.Wrap, auth.Read, login(request(outside), "admin", "guess"))
		}
		for i := range 6000 {
			ask(a.Wrap, auth.Read, login(request(fmt.Sprintf("10.%d.%d.1:1", i/250, i%250)), "admin", "guess"))
		}
		if status, _ := ask(a.Wrap, auth.Read, login(request(outside), "admin", "secret")); status != 429 {
			t.Errorf("many others make an address forgotten: %d", status)
		}
	})
}

func TestRefusals(t *testing.T) {
	var log bytes.Buffer
	a := newAuth(t, auth.Config{
		Users: users(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, text string) {
			w.WriteHeader(status)
			fmt.Fprint(w, "own "+text)
		},
	})
	rec := httptest.NewRecorder()
	r := login(request(outside), "admin", "hunter2")
	r.URL.RawQuery = "rest_calls=hunter3"
	a.Wrap(auth.Read, http.NotFoundHandler()).ServeHTTP(rec, r)
	if rec.Code != 401 || !strings.HasPrefix(rec.Body.String(), "own ") || !strings.HasPrefix(rec.Header().Get("WWW-Authenticate"), "Basic realm=") {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	if strings.Contains(log.String(), "hunter") || !strings.Contains(log.String(), "198.51.100.7") {
		t.Errorf("log: %s", log.String())
	}
}

func TestConfigurations(t *testing.T) {
	for name, list := range map[string][]auth.User{
		"no name":         {{Password: "x"}},
		"a name for path": {{Name: "a/b", Password: "x"}},
		"no secret":       {{Name: "a"}},
		"twice":           {{Name: "a", Password: "x"}, {Name: "a", APIKey: "y"}},
	} {
		if _, err := auth.New(auth.Config{Users: list}); !errors.Is(err, auth.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, role := range []auth.Role{auth.Read, auth.Operate, auth.Admin} {
		if got, ok := auth.ParseRole(role.String()); !ok || got != role {
			t.Errorf("%v: %v", role, got)
		}
	}
	if got, _ := auth.ParseRole(""); got != auth.Admin {
		t.Errorf("no role is %v", got)
	}
	if _, ok := auth.ParseRole("king"); ok {
		t.Error("king is a role")
	}
}

func TestCertificateIsReadAnew(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	if _, err := auth.LoadCertificate(certFile, keyFile); err == nil {
		t.Error("a file that is not there is a certificate")
	}
	write := func(cert, key string) {
		t.Helper()
		for name, text := range map[string]string{certFile: cert, keyFile: key} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, firstKey := selfSigned(t)
	second, secondKey := selfSigned(t)
	write(first, firstKey)
	c, err := auth.LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	served := func() *tls.Certificate {
		t.Helper()
		got, err := c.Config().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	was := served()
	write("nonsense", "nonsense")
	if c.Reload() == nil || served() != was {
		t.Error("a broken file takes the place of the certificate")
	}
	write(second, secondKey)
	if err := c.Reload(); err != nil || served() == was {
		t.Errorf("the new certificate is not served: %v", err)
	}
}

func TestOtherUsersTakeThePlaceOfThoseThereWere(t *testing.T) {
	a := newAuth(t, auth.Config{Users: users()})
	admin := func(password string) int {
		code, _ := ask(a.Wrap, auth.Read, login(request("192.0.2.1:1"), "admin", password))
		return code
	}
	if _, err := a.Prepare([]auth.User{{Name: "nobody"}}, nil); !errors.Is(err, auth.ErrConfig) {
		t.Fatalf("users that cannot be: %v", err)
	}
	apply, err := a.Prepare([]auth.User{{Name: "admin", Password: "another"}}, map[string]string{"dial": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if code := admin("secret"); code != http.StatusOK {
		t.Errorf("before it is applied: %d", code)
	}
	apply()
	if code := admin("another"); code != http.StatusOK {
		t.Errorf("the new password: %d", code)
	}
	if code := admin("secret"); code != http.StatusUnauthorized {
		t.Errorf("the old password: %d", code)
	}
	if code, _ := ask(a.Wrap, auth.Read, request("192.0.2.1:1", "X-Api-Key", "key-of-reader")); code != http.StatusUnauthorized {
		t.Errorf("a user who is gone: %d", code)
	}
}
