package restapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pageBrowser is a browser for a service in front of handler, without a
// network.
func pageBrowser(t *testing.T, service Service, handler http.Handler) *browser {
	t.Helper()
	cfg := Config{Transport: handlerTransport{handler}, UserAgent: "mediaserver/1.2"}.withDefaults()
	service = service.withDefaults()
	return newBrowser(&cfg, &service)
}

// handlerTransport hands requests to a handler.
type handlerTransport struct{ handler http.Handler }

func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	t.handler.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// wantCode wants err to be an ActionError with the code.
func wantCode(t *testing.T, err error, want Code) *ActionError {
	t.Helper()
	fault, ok := errors.AsType[*ActionError](err)
	if !ok {
		t.Fatalf("error %v, want %s", err, want)
	}
	if fault.Code != want || fault.Action != "" {
		t.Errorf("error %v of action %q, want %s of none", fault, fault.Action, want)
	}
	return fault
}

func TestRequestHeadersAndBody(t *testing.T) {
	const info = `{"application_instance_id":"0000000000000001.1","token":"a b&c"}`
	t.Run("POST carries exactly the info", func(t *testing.T) {
		b := pageBrowser(t, Service{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if string(body) != info || r.ContentLength != int64(len(info)) {
				t.Errorf("body %q, length %d", body, r.ContentLength)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/json; charset=utf-8", "Accept": "application/json",
				"Accept-Encoding": "gzip", "User-Agent": "mediaserver/1.2", "Authorization": "",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			io.WriteString(w, "{}")
		}))
		got, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test/p?x=1"), []byte(info))
		if err != nil || string(got.body) != "{}" || got.final.String() != "http://app.test/p?x=1" {
			t.Errorf("reply %+v, %v", got, err)
		}
	})
	t.Run("GET carries it as an argument", func(t *testing.T) {
		b := pageBrowser(t, Service{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := r.URL.Query().Get("instance_info"); got != info {
				t.Errorf("argument %q", got)
			}
			if !strings.HasPrefix(r.URL.RawQuery, "x=1&instance_info=") || strings.Contains(r.URL.RawQuery, "+") || r.ContentLength != 0 {
				t.Errorf("query %q, length %d", r.URL.RawQuery, r.ContentLength)
			}
		}))
		got, err := b.fetch(t.Context(), "GET", mustURL(t, "http://app.test/p?x=1"), []byte(info))
		if err != nil || got.final.RawQuery != "x=1" {
			t.Errorf("reply %+v, %v", got, err)
		}
	})
	t.Run("login from the address", func(t *testing.T) {
		b := pageBrowser(t, Service{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if user, password, ok := r.BasicAuth(); !ok || user != "me" || password != "s:t" || r.URL.User != nil {
				t.Errorf("login %q %q, address %v", user, password, r.URL)
			}
		}))
		if _, err := b.fetch(t.Context(), "POST", mustURL(t, "http://me:s%3At@app.test/p"), nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("one trace, a new parent each time", func(t *testing.T) {
		var parents []string
		b := pageBrowser(t, Service{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			parents = append(parents, r.Header.Get("traceparent"))
		}))
		for range 2 {
			if _, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test/p"), nil); err != nil {
				t.Fatal(err)
			}
		}
		first, second := strings.Split(parents[0], "-"), strings.Split(parents[1], "-")
		if len(first) != 4 || first[0] != "00" || len(first[1]) != 32 || len(first[2]) != 16 || first[3] != "01" {
			t.Errorf("traceparent %q", parents[0])
		}
		if first[1] != second[1] || first[2] == second[2] {
			t.Errorf("traceparents %q", parents)
		}
	})
	t.Run("cookies come back", func(t *testing.T) {
		b := pageBrowser(t, Service{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/b" && r.Header.Get("Cookie") != "id=7" {
				t.Errorf("Cookie: %q", r.Header.Get("Cookie"))
			}
			http.SetCookie(w, &http.Cookie{Name: "id", Value: "7", Path: "/"})
		}))
		for _, path := range []string{"/a", "/b"} {
			if _, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test"+path), nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSignature has the check values of the protocol.
func TestSignature(t *testing.T) {
	const secret = "test-secret"
	now := time.Unix(1767225600, 0)
	for _, tt := range []struct{ signed, want string }{
		{`{"application_instance_id":"0000000000000001.1"}`, "v1=7faead8573b3ff4c38abe53e4cd390a27be97e3c9e507be258686a1b23d4c18f"},
		{`/menu?instance_info=%7B%7D`, "v1=3e2da8ed30b41a68af7395777dd5f7a60f71167e8b9a57f048273477c59b5153"},
	} {
		h := http.Header{}
		sign(h, secret, now, []byte(tt.signed))
		if got := h.Get("X-Mediaserver-Signature"); got != tt.want || h.Get("X-Mediaserver-Timestamp") != "1767225600" {
			t.Errorf("%s: %v, want %s", tt.signed, h, tt.want)
		}
	}
}

func TestSignatureCoversBodyOrTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := Service{SigningSecret: "test-secret"}
		b := pageBrowser(t, service, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			signed, _ := io.ReadAll(r.Body)
			if r.Method == "GET" {
				signed = []byte(r.URL.RequestURI())
			}
			want := http.Header{}
			sign(want, "test-secret", time.Now(), signed)
			if got := r.Header.Get(signatureHeader); got != want.Get(signatureHeader) {
				t.Errorf("%s: signature %q, want %q", r.Method, got, want.Get(signatureHeader))
			}
		}))
		for _, method := range []string{"POST", "GET"} {
			if _, err := b.fetch(t.Context(), method, mustURL(t, "http://app.test/menu?a=1"), []byte("{}")); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestStatusSizeAndPacking(t *testing.T) {
	full := bytes.Repeat([]byte("x"), maxResponse)
	pack := func(b []byte) []byte {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(b)
		z.Close()
		return packed.Bytes()
	}
	for _, tt := range []struct {
		name   string
		status int
		gzip   bool
		body   []byte
		want   Code // "" = success
	}{
		{name: "200", status: 200, body: []byte("{}")},
		{name: "204 is an empty success", status: 204},
		{name: "299", status: 299, body: []byte("{}")},
		{name: "300 is not followed", status: 300, want: CodePageHTTPStatus},
		{name: "304", status: 304, want: CodePageHTTPStatus},
		{name: "404", status: 404, want: CodePageHTTPStatus},
		{name: "500", status: 500, body: []byte("{}"), want: CodePageHTTPStatus},
		{name: "302 without an address", status: 302, want: CodePageHTTPStatus},
		{name: "1 MiB", status: 200, body: full},
		{name: "1 MiB and a byte", status: 200, body: append(bytes.Clone(full), 'x'), want: CodePageTooLarge},
		{name: "1 MiB packed", status: 200, gzip: true, body: pack(full)},
		{name: "1 MiB and a byte packed", status: 200, gzip: true, body: pack(append(bytes.Clone(full), 'x')), want: CodePageTooLarge},
		{name: "not gzip as it says", status: 200, gzip: true, body: []byte("plain text, and some more of it"), want: CodeInvalidJSON},
		{name: "gzip with a wrong sum", status: 200, gzip: true, body: func() []byte { b := pack([]byte("{}")); b[len(b)-5] ^= 1; return b }(), want: CodeInvalidJSON},
		{name: "gzip broken off", status: 200, gzip: true, body: pack(full)[:40], want: CodePageUnreachable},
		{name: "gzip of nothing at all", status: 204, gzip: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := pageBrowser(t, Service{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tt.gzip {
					w.Header().Set("Content-Encoding", "gzip")
				}
				w.WriteHeader(tt.status)
				w.Write(tt.body)
			}))
			_, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test/p"), nil)
			if tt.want != "" {
				wantCode(t, err, tt.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	type seen struct{ method, url, body string }
	ask := func(t *testing.T, method, first string, status int, location string) (got []seen, auth []string, r reply, err error) {
		b := pageBrowser(t, Service{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = append(got, seen{r.Method, r.URL.String(), string(body)})
			auth = append(auth, r.Header.Get("Authorization"))
			if len(got) == 1 {
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			}
		}))
		r, err = b.fetch(t.Context(), method, mustURL(t, first), []byte("{}"))
		return got, auth, r, err
	}
	for _, status := range []int{301, 302, 303} {
		got, _, r, err := ask(t, "POST", "http://app.test/a/b", status, "../c?q=1")
		want := []seen{{"POST", "http://app.test/a/b", "{}"}, {"GET", "http://app.test/c?q=1&instance_info=%7B%7D", ""}}
		if err != nil || !slices.Equal(got, want) || r.final.String() != "http://app.test/c?q=1" {
			t.Errorf("%d: %v, %v, final %v", status, got, err, r.final)
		}
	}
	for _, status := range []int{307, 308} {
		got, _, _, err := ask(t, "POST", "http://app.test/a", status, "http://other.test/b")
		if err != nil || !slices.Equal(got, []seen{{"POST", "http://app.test/a", "{}"}, {"POST", "http://other.test/b", "{}"}}) {
			t.Errorf("%d: %v, %v", status, got, err)
		}
	}
	t.Run("logins stay with their origin", func(t *testing.T) {
		login := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:p"))
		for location, want := range map[string]string{
			"/b": login, "http://app.test:80/b": login, "https://app.test/b": "", "http://app.test:81/b": "",
			"http://b.app.test/": "", "http://v:q@b.test/": "Basic " + base64.StdEncoding.EncodeToString([]byte("v:q")),
		} {
			_, auth, _, err := ask(t, "POST", "http://u:p@app.test/a", 307, location)
			if err != nil || auth[0] != login || auth[1] != want {
				t.Errorf("%s: %q, %v, want %q", location, auth, err, want)
			}
		}
	})
	t.Run("from https to http is refused", func(t *testing.T) {
		got, _, _, err := ask(t, "POST", "https://app.test/a", 307, "http://app.test/b")
		wantCode(t, err, CodePageRedirects)
		if len(got) != 1 {
			t.Errorf("requests %v", got)
		}
	})
	t.Run("to another scheme", func(t *testing.T) {
		_, _, _, err := ask(t, "POST", "http://app.test/a", 307, "ftp://app.test/b")
		wantCode(t, err, CodePageUnreachable)
	})
}

func TestRedirectLimit(t *testing.T) {
	for redirects, want := range map[int]Code{5: "", 6: CodePageRedirects} {
		count := 0
		b := pageBrowser(t, Service{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if count++; count <= redirects {
				http.Redirect(w, r, "/next", http.StatusFound)
			}
		}))
		_, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test/a"), nil)
		if want != "" {
			wantCode(t, err, want)
		} else if err != nil {
			t.Error(err)
		}
		if count != 6 {
			t.Errorf("%d redirects: %d requests, want 6", redirects, count)
		}
	}
}

func TestPageHosts(t *testing.T) {
	for _, tt := range []struct {
		hosts   []string
		url     string
		allowed bool
	}{
		{nil, "http://any.test/", true},
		{[]string{"app.test"}, "http://APP.test:81/", true},
		{[]string{"app.test:81"}, "http://app.test:81/", true},
		{[]string{"app.test:82"}, "http://app.test:81/", false},
		{[]string{"*.app.test"}, "http://a.b.app.test/", true},
		{[]string{"*.app.test"}, "http://app.test/", false},
		{[]string{"*.app.test", "app.test"}, "http://app.test/", true},
		{[]string{"app.test"}, "http://app.test.evil.test/", false},
	} {
		if got := hostAllowed(tt.hosts, mustURL(t, tt.url)); got != tt.allowed {
			t.Errorf("%v %s: %v", tt.hosts, tt.url, got)
		}
	}
	t.Run("a redirect to another host is not followed", func(t *testing.T) {
		b := pageBrowser(t, Service{PageHosts: []string{"app.test"}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Host != "app.test" {
				t.Errorf("asked %s", r.URL)
			}
			http.Redirect(w, r, "http://other.test/", http.StatusFound)
		}))
		_, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test/a"), nil)
		wantCode(t, err, CodePageUnreachable)
	})
}

// slowTransport answers after a time, or gives up with the request.
type slowTransport struct {
	delay, bodyDelay time.Duration
	status           int // 0 = 200
}

func (s slowTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(s.delay):
		return &http.Response{StatusCode: max(s.status, 200), Header: http.Header{}, Body: slowBody{r.Context(), s.bodyDelay}}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

type slowBody struct {
	ctx   context.Context //nolint:containedctx // a body lives as long as its request
	delay time.Duration
}

func (s slowBody) Read([]byte) (int, error) {
	select {
	case <-time.After(s.delay):
		return 0, io.EOF
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

func (slowBody) Close() error { return nil }

func TestTimeoutCoversTheWholeExchange(t *testing.T) {
	for _, tt := range []struct {
		name        string
		delay, body time.Duration
		late        bool
	}{
		{"in time", 5 * time.Second, 4 * time.Second, false},
		{"no answer", 11 * time.Second, 0, true},
		{"a body that does not end", 6 * time.Second, 6 * time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pageBrowser(t, Service{}, nil)
				b.cfg.Transport = slowTransport{delay: tt.delay, bodyDelay: tt.body}
				start := time.Now()
				_, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test/a"), nil)
				if !tt.late {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantCode(t, err, CodePageTimeout)
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
	t.Run("the end of the server is no timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := pageBrowser(t, Service{}, nil)
			b.cfg.Transport = slowTransport{delay: time.Minute}
			ended := errors.New("ended")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(ended) })
			if _, err := b.fetch(ctx, "POST", mustURL(t, "http://app.test/a"), nil); !errors.Is(err, ended) {
				t.Errorf("error %v", err)
			}
		})
	})
}

func TestVerdictOnASlowBodyIsItsStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pageBrowser(t, Service{}, nil)
		b.cfg.Transport = slowTransport{status: 500, bodyDelay: time.Minute}
		start := time.Now()
		_, err := b.fetch(t.Context(), "POST", mustURL(t, "http://app.test/a"), nil)
		wantCode(t, err, CodePageHTTPStatus)
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

func TestErrorsShowNoSecrets(t *testing.T) {
	for _, address := range []string{"http://me:secret@app.test/p?token=secret", "http://me:secret@[::1/", "ftp://me:secret@app.test/"} {
		u, err := resolve(nil, Page{URL: address})
		if err == nil {
			b := pageBrowser(t, Service{}, nil)
			b.cfg.Transport = failingTransport{&url.Error{Op: "Post", URL: address, Err: errors.New("refused")}}
			_, err = b.fetch(t.Context(), "GET", u, []byte("{}"))
		}
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(redact(address), "secret") {
			t.Errorf("%v, %s", err, redact(address))
		}
	}
}

type failingTransport struct{ err error }

func (f failingTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestResolve(t *testing.T) {
	base := mustURL(t, "http://u:p@app.test:81/dir/page?x=1")
	for ref, want := range map[string]string{
		"next":                 "http://u:p@app.test:81/dir/next",
		"/next?y=2#part":       "http://u:p@app.test:81/next?y=2",
		"?y=2":                 "http://u:p@app.test:81/dir/page?y=2",
		"../up":                "http://u:p@app.test:81/up",
		"//other.test/a":       "http://other.test/a",
		"https://other.test/a": "https://other.test/a",
	} {
		got, err := resolve(base, Page{URL: ref})
		if err != nil || got.String() != want {
			t.Errorf("%s: %v %v, want %s", ref, got, err, want)
		}
	}
	if _, err := resolve(nil, Page{URL: "next"}); !errors.Is(err, errRelative) {
		t.Errorf("relative to nothing: %v", err)
	}
}
