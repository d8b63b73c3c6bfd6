package restapi

import (
	"bytes"
	"context"
	"crypto/aes"
	cbc "crypto/cipher"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/call"
)

// wavBytes is a WAV file of n samples.
func wavBytes(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := wav.Encode(&b, wav.PCM16, audio.Clip{Rate: 8000, Samples: make([]int16, n)}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mediaWeb is a web in memory and in virtual time. It notes what is asked.
type mediaWeb struct {
	serve func(r *http.Request, n int) *http.Response // n counts from 1; nil response: unreachable
	delay time.Duration

	mu    sync.Mutex
	asked []*http.Request
}

func (w *mediaWeb) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, r)
	n := len(w.asked)
	w.mu.Unlock()
	select {
	case <-time.After(w.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if resp := w.serve(r, n); resp != nil {
		return resp, nil
	}
	return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New("connection refused")}
}

func (w *mediaWeb) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

// response answers with a status, a body, and pairs of headers.
func response(status int, body []byte, pairs ...string) *http.Response {
	h := headers(pairs...)
	if h.Get("Content-Type") == "" && status == 200 {
		h.Set("Content-Type", "audio/wav")
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
}

// fetcherOf is a Fetcher in front of a web.
func fetcherOf(t testing.TB, web http.RoundTripper) *Fetcher {
	t.Helper()
	f, err := NewFetcher(FetcherConfig{Transport: web, UserAgent: "mediaserver/1.2"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const mediaURL = "http://me:s%3At@web.test/a.wav?key=hidden"

// load wants a number of samples.
func wantClip(t *testing.T, f *Fetcher, item call.MediaItem, samples int) {
	t.Helper()
	clip, err := f.Load(t.Context(), item)
	if err != nil || len(clip.Samples) != samples {
		t.Errorf("%d samples, %v; want %d", len(clip.Samples), err, samples)
	}
}

// wantNoClip wants an error of a kind that shows no secrets.
func wantNoClip(t *testing.T, f *Fetcher, item call.MediaItem, kind error) {
	t.Helper()
	clip, err := f.Load(t.Context(), item)
	if !errors.Is(err, kind) || clip.Samples != nil {
		t.Errorf("%d samples, %v; want %v", len(clip.Samples), err, kind)
	}
	for _, secret := range []string{"hidden", "s:t", "s%3At", "me@", "me:"} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q is shown in %v", secret, err)
		}
	}
}

func TestMediaRequestHasLoginAndNothingElse(t *testing.T) {
	web := &mediaWeb{}
	web.serve = func(r *http.Request, _ int) *http.Response {
		user, password, ok := r.BasicAuth()
		if r.Method != "GET" || !ok || user != "me" || password != "s:t" || r.URL.String() != "http://web.test/a.wav?key=hidden" || r.Body != nil {
			t.Errorf("%s %s, login %q %q", r.Method, r.URL, user, password)
		}
		for _, name := range []string{"Cookie", "Traceparent", timestampHeader, signatureHeader, "Content-Type"} {
			if got := r.Header.Get(name); got != "" {
				t.Errorf("%s: %q", name, got)
			}
		}
		if a, e, u := r.Header.Get("Accept"), r.Header.Get("Accept-Encoding"), r.Header.Get("User-Agent"); a != "audio/*" || e != "identity" || u != "mediaserver/1.2" {
			t.Errorf("Accept %q, Accept-Encoding %q, User-Agent %q", a, e, u)
		}
		return response(200, wavBytes(t, 80), "Set-Cookie", "id=7; Path=/")
	}
	f := fetcherOf(t, web)
	for range 2 { // the second time would have the cookie
		wantClip(t, f, call.MediaItem{URL: mediaURL + "#part"}, 80)
	}
	if web.count() != 2 {
		t.Errorf("%d requests, want 2: nothing allowed to keep the answer", web.count())
	}
}

func TestMediaAnswers(t *testing.T) {
	good := wavBytes(t, 80)
	key := &call.Cipher{Key: make([]byte, 16), IV: make([]byte, 16)}
	secret := encipher(t, key, good)
	for _, tt := range []struct {
		name string
		resp *http.Response
		item call.MediaItem
		kind error // nil: 80 samples
	}{
		{name: "audio/wav", resp: response(200, good)},
		{name: "audio of any kind, judged by what it holds", resp: response(200, good, "Content-Type", "Audio/X-Wav; rate=8000")},
		{name: "no type at all", resp: &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(good)), ContentLength: -1}},
		{name: "a type that says nothing", resp: response(200, good, "Content-Type", "application/octet-stream")},
		{name: "203", resp: response(203, good, "Content-Type", "audio/wav")},
		{name: "a page", resp: response(200, good, "Content-Type", "text/html"), kind: call.ErrMediaInvalid},
		{name: "actions", resp: response(200, []byte(`{"actions":[]}`), "Content-Type", "application/json"), kind: call.ErrMediaInvalid},
		{name: "audio that is none", resp: response(200, []byte("no sound")), kind: call.ErrMediaInvalid},
		{name: "no audio in it", resp: response(200, wavBytes(t, 0)), kind: call.ErrMediaInvalid},
		{name: "nothing", resp: response(200, nil), kind: call.ErrMediaInvalid},
		{name: "packed although nobody asked for it", resp: response(200, good, "Content-Encoding", "gzip"), kind: call.ErrMediaInvalid},
		{name: "404", resp: response(404, good), kind: call.ErrMediaNotFound},
		{name: "410", resp: response(410, nil), kind: call.ErrMediaNotFound},
		{name: "204", resp: response(204, nil), kind: call.ErrMediaInvalid},
		{name: "206", resp: response(206, good), kind: call.ErrMediaInvalid},
		{name: "302 without an address", resp: response(302, nil), kind: call.ErrMediaInvalid},
		{name: "304 to a request without a condition", resp: response(304, nil), kind: call.ErrMediaInvalid},
		{name: "401", resp: response(401, nil), kind: call.ErrMediaInvalid},
		{name: "403", resp: response(403, nil), kind: call.ErrMediaInvalid},
		{name: "500", resp: response(500, good), kind: call.ErrMediaInvalid},
		{name: "unreachable", resp: nil, kind: call.ErrMediaInvalid},
		{name: "20 MB and a byte, as it says", resp: &http.Response{StatusCode: 200, Body: http.NoBody, ContentLength: call.MaxMediaFile + 1}, kind: call.ErrMediaInvalid},
		{name: "20 MB and a byte, unsaid", resp: &http.Response{StatusCode: 200, Body: io.NopCloser(io.LimitReader(zeros{}, call.MaxMediaFile+1)), ContentLength: -1}, kind: call.ErrMediaInvalid},
		{name: "broken off", resp: &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(bytes.NewReader(good[:100]), broken{})), ContentLength: -1}, kind: call.ErrMediaInvalid},
		{name: "encrypted", resp: response(200, secret, "Content-Type", "text/plain"), item: call.MediaItem{Cipher: key}},
		{name: "encrypted with another key", resp: response(200, secret), item: call.MediaItem{Cipher: &call.Cipher{Key: make([]byte, 32), IV: key.IV}}, kind: call.ErrMediaInvalid},
		{name: "a host that is allowed", resp: response(200, good), item: call.MediaItem{Hosts: []string{"*.test"}}},
		{name: "a host that is not", resp: response(200, good), item: call.MediaItem{Hosts: []string{"other.test"}}, kind: call.ErrMediaNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := fetcherOf(t, &mediaWeb{serve: func(*http.Request, int) *http.Response { return tt.resp }})
			tt.item.URL = mediaURL
			if tt.kind != nil {
				wantNoClip(t, f, tt.item, tt.kind)
				return
			}
			wantClip(t, f, tt.item, 80)
		})
	}
}

// encipher is AES-CBC with PKCS#7 padding.
func encipher(t *testing.T, c *call.Cipher, plain []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	cbc.NewCBCEncrypter(block, c.IV).CryptBlocks(out, out)
	return out
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestMediaAddressesThatAreNone(t *testing.T) {
	f := fetcherOf(t, &mediaWeb{serve: func(r *http.Request, _ int) *http.Response {
		t.Errorf("asked %s", r.URL)
		return nil
	}})
	for _, address := range []string{"", "a.wav", "/a.wav?hidden", "ftp://me:hidden@web.test/a.wav", "http:///hidden?hidden", "http://me:hidden@[::1/", "file:///a.wav"} {
		if _, err := f.Load(t.Context(), call.MediaItem{URL: address}); !errors.Is(err, call.ErrMediaInvalid) || strings.Contains(err.Error(), "me:hidden") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestTruncatedMediaIsPlayedAsFarAsItGoes(t *testing.T) {
	cut := wavBytes(t, 80)[:100]
	f := fetcherOf(t, &mediaWeb{serve: func(*http.Request, int) *http.Response { return response(200, cut, "Cache-Control", "max-age=60") }})
	for range 2 { // fetched, from memory
		clip, err := f.Load(t.Context(), call.MediaItem{URL: mediaURL})
		if !errors.Is(err, call.ErrTruncated) || len(clip.Samples) != 28 || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%d samples, %v", len(clip.Samples), err)
		}
	}
}

// cacheStep is one Load in a course of events: after a time, the web answers
// so, and the clip has so many samples.
type cacheStep struct {
	after   time.Duration
	resp    func(r *http.Request) *http.Response // nil: the web must not be asked
	samples int                                  // 0: an error
}

func TestMediaIsKeptAsHTTPAllows(t *testing.T) {
	whole := func(samples int, pairs ...string) func(*http.Request) *http.Response {
		return func(*http.Request) *http.Response { return response(200, wavBytes(t, samples), pairs...) }
	}
	// unchanged answers a conditional request, and nothing else.
	unchanged := func(name, value string, pairs ...string) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %q, want %q", name, got, value)
			}
			return response(304, nil, pairs...)
		}
	}
	unconditional := func(next func(*http.Request) *http.Response) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response {
			if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
				t.Errorf("a condition: %v", r.Header)
			}
			return next(r)
		}
	}
	status := func(code int) func(*http.Request) *http.Response {
		return func(*http.Request) *http.Response { return response(code, nil) }
	}
	down := func(*http.Request) *http.Response { return nil }
	const modified = "Mon, 02 Mar 2026 10:00:00 GMT"
	for name, steps := range map[string][]cacheStep{
		"fresh by max-age, then fetched anew": {
			{0, whole(10, "Cache-Control", "max-age=60"), 10},
			{59 * time.Second, nil, 10},
			{time.Second, unconditional(whole(20, "Cache-Control", "max-age=60")), 20},
			{0, nil, 20},
		},
		"fresh by Expires": {
			{0, whole(10, "Expires", "Sat, 01 Jan 2000 00:01:00 GMT", "Date", "Sat, 01 Jan 2000 00:00:00 GMT"), 10},
			{59 * time.Second, nil, 10},
			{time.Second, whole(20), 20},
		},
		"Age shortens it": {
			{0, whole(10, "Cache-Control", "max-age=60", "Age", "50"), 10},
			{9 * time.Second, nil, 10},
			{time.Second, whole(20), 20},
		},
		"nothing said: asked each time": {
			{0, whole(10), 10}, {0, unconditional(whole(20)), 20},
		},
		"s-maxage does not count": {
			{0, whole(10, "Cache-Control", "s-maxage=60"), 10}, {0, whole(20), 20},
		},
		"no-store: asked each time, without a condition": {
			{0, whole(10, "Cache-Control", "no-store, max-age=60", "ETag", `"a"`), 10},
			{0, unconditional(whole(20, "Cache-Control", "no-store")), 20},
		},
		"no-store forgets what there was": {
			{0, whole(10, "ETag", `"a"`), 10},
			{0, whole(20, "Cache-Control", "no-store", "ETag", `"b"`), 20},
			{0, unconditional(whole(30)), 30},
		},
		"no-cache: valid only if the server says so": {
			{0, whole(10, "Cache-Control", "no-cache, max-age=60", "ETag", `"a"`), 10},
			{0, unchanged("If-None-Match", `"a"`), 10},
			{0, unchanged("If-None-Match", `"a"`), 10},
		},
		"an entity tag, unchanged, is fresh again": {
			{0, whole(10, "Cache-Control", "max-age=60", "ETag", `W/"a"`), 10},
			{time.Minute, unchanged("If-None-Match", `W/"a"`, "ETag", `"a"`), 10},
			{59 * time.Second, nil, 10},
			{time.Second, unchanged("If-None-Match", `"a"`, "Cache-Control", "max-age=5"), 10},
			{4 * time.Second, nil, 10},
			{time.Second, whole(20), 20},
		},
		"an entity tag, changed": {
			{0, whole(10, "ETag", `"a"`), 10},
			{0, whole(20, "ETag", `"b"`), 20},
			{0, unchanged("If-None-Match", `"b"`), 20},
		},
		"a date of change": {
			{0, whole(10, "Last-Modified", modified), 10},
			{0, unchanged("If-Modified-Since", modified), 10},
		},
		"the unchanged of another version is asked for whole": {
			{0, whole(10, "ETag", `"a"`), 10},
			{0, func(r *http.Request) *http.Response {
				if r.Header.Get("If-None-Match") == "" {
					return response(200, wavBytes(t, 20))
				}
				return response(304, nil, "ETag", `"b"`)
			}, 20},
		},
		"stale is not used when asking fails": {
			{0, whole(10, "Cache-Control", "max-age=60", "ETag", `"a"`), 10},
			{time.Minute, down, 0},
			{0, status(503), 0},
			{0, unchanged("If-None-Match", `"a"`), 10},
		},
		"stale-if-error permits it": {
			{0, whole(10, "Cache-Control", "max-age=60, stale-if-error=30"), 10},
			{time.Minute, down, 10},
			{0, status(500), 10},
			{29 * time.Second, status(504), 10},
			{time.Second, down, 0},
		},
		"stale-if-error is not for other failures": {
			{0, whole(10, "Cache-Control", "max-age=60, stale-if-error=30"), 10},
			{time.Minute, status(403), 0},
		},
		"must-revalidate forbids it": {
			{0, whole(10, "Cache-Control", "max-age=60, stale-if-error=30, must-revalidate"), 10},
			{time.Minute, down, 0},
		},
		"what is gone is forgotten": {
			{0, whole(10, "Cache-Control", "max-age=60, stale-if-error=3600", "ETag", `"a"`), 10},
			{time.Minute, status(404), 0},
			{0, down, 0},
			{0, unconditional(whole(20)), 20},
		},
		"failures are not kept": {
			{0, status(404), 0}, {0, down, 0}, {0, whole(10), 10},
		},
		"varies by everything: never kept": {
			{0, whole(10, "Cache-Control", "max-age=60", "Vary", "*"), 10}, {0, whole(20), 20},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var step *cacheStep
				web := &mediaWeb{serve: func(r *http.Request, _ int) *http.Response {
					if step.resp == nil {
						t.Error("the web was asked")
						return nil
					}
					return step.resp(r)
				}}
				f := fetcherOf(t, web)
				for i := range steps {
					step = &steps[i]
					time.Sleep(step.after)
					before := web.count()
					clip, err := f.Load(t.Context(), call.MediaItem{URL: mediaURL})
					if len(clip.Samples) != step.samples || (err == nil) != (step.samples > 0) {
						t.Errorf("step %d: %d samples, %v; want %d", i, len(clip.Samples), err, step.samples)
					}
					if asked := web.count() > before; asked != (step.resp != nil) {
						t.Errorf("step %d: asked %v", i, asked)
					}
				}
			})
		})
	}
}

func TestMediaRedirects(t *testing.T) {
	good := wavBytes(t, 80)
	to := func(location string, pairs ...string) *http.Response {
		return response(302, nil, append(pairs, "Location", location)...)
	}
	for _, tt := range []struct {
		name  string
		first string
		hosts []string
		serve func(r *http.Request, n int) *http.Response
		kind  error
		asked []string
	}{
		{
			name: "five are followed", first: "http://web.test/0",
			serve: func(_ *http.Request, n int) *http.Response {
				if n == 6 {
					return response(200, good)
				}
				return to("/" + strconv.Itoa(n))
			},
			asked: []string{"http://web.test/0", "http://web.test/1", "http://web.test/2", "http://web.test/3", "http://web.test/4", "http://web.test/5"},
		},
		{
			name: "six are not", first: "http://web.test/0", kind: call.ErrMediaInvalid,
			serve: func(_ *http.Request, n int) *http.Response { return to("/" + strconv.Itoa(n)) },
			asked: []string{"http://web.test/0", "http://web.test/1", "http://web.test/2", "http://web.test/3", "http://web.test/4", "http://web.test/5"},
		},
		{
			name: "from https to http is refused", first: "https://web.test/0", kind: call.ErrMediaInvalid,
			serve: func(*http.Request, int) *http.Response { return to("http://web.test/1") },
			asked: []string{"https://web.test/0"},
		},
		{
			name: "to another scheme is refused", first: "http://web.test/0", kind: call.ErrMediaInvalid,
			serve: func(*http.Request, int) *http.Response { return to("file:///etc/passwd") },
			asked: []string{"http://web.test/0"},
		},
		{
			name: "to a host that is not allowed is not found", first: "http://web.test/0", hosts: []string{"web.test"}, kind: call.ErrMediaNotFound,
			serve: func(*http.Request, int) *http.Response { return to("http://inside.test/1") },
			asked: []string{"http://web.test/0"},
		},
		{
			name: "what is gone behind one", first: "http://web.test/0", kind: call.ErrMediaNotFound,
			serve: func(_ *http.Request, n int) *http.Response {
				if n == 2 {
					return response(404, nil)
				}
				return to("1")
			},
			asked: []string{"http://web.test/0", "http://web.test/1"},
		},
		{
			name: "logins stay with their origin", first: "http://u:p@web.test/0",
			serve: func(r *http.Request, n int) *http.Response {
				if _, _, login := r.BasicAuth(); login != (n < 3) {
					t.Errorf("request %d: login %v", n, login)
				}
				return []*http.Response{to("/1"), to("https://web.test/2"), response(200, good)}[n-1]
			},
			asked: []string{"http://web.test/0", "http://web.test/1", "https://web.test/2"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			web := &mediaWeb{serve: tt.serve}
			f := fetcherOf(t, web)
			item := call.MediaItem{URL: tt.first, Hosts: tt.hosts}
			if tt.kind != nil {
				wantNoClip(t, f, item, tt.kind)
			} else {
				wantClip(t, f, item, 80)
			}
			var asked []string
			for _, r := range web.asked {
				asked = append(asked, r.URL.String())
			}
			if !slices.Equal(asked, tt.asked) {
				t.Errorf("asked %v, want %v", asked, tt.asked)
			}
		})
	}
}

func TestMediaBehindARedirectIsKeptNoLongerThanTheRedirect(t *testing.T) {
	for name, tt := range map[string]struct {
		redirect, answer string
		fresh            time.Duration
	}{
		"a redirect that says nothing": {"", "max-age=60", 0},
		"a shorter redirect":           {"max-age=10", "max-age=60", 10 * time.Second},
		"a longer redirect":            {"max-age=60", "max-age=10", 10 * time.Second},
		"a redirect with no-store":     {"no-store", "max-age=60", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conditional := 0
				web := &mediaWeb{serve: func(r *http.Request, _ int) *http.Response {
					if r.URL.Path == "/a" {
						if r.Header.Get("If-None-Match") != "" {
							t.Error("the redirect was asked with the condition of its target")
						}
						return response(302, nil, "Location", "/b", "Cache-Control", tt.redirect)
					}
					if r.Header.Get("If-None-Match") == `"b"` {
						conditional++
						return response(304, nil)
					}
					return response(200, wavBytes(t, 80), "Cache-Control", tt.answer, "ETag", `"b"`)
				}}
				f := fetcherOf(t, web)
				item := call.MediaItem{URL: "http://web.test/a"}
				wantClip(t, f, item, 80)
				if tt.fresh > 0 {
					time.Sleep(tt.fresh - 1)
					wantClip(t, f, item, 80)
					if web.count() != 2 {
						t.Errorf("%d requests while fresh, want 2", web.count())
					}
					time.Sleep(time.Nanosecond)
				}
				wantClip(t, f, item, 80)
				if kept := tt.redirect != "no-store"; web.count() != 4 || (conditional == 1) != kept {
					t.Errorf("%d requests, %d with a condition", web.count(), conditional)
				}
			})
		})
	}
}

func TestMediaTimes(t *testing.T) {
	slow := func(body time.Duration) func(*http.Request, int) *http.Response {
		return func(r *http.Request, _ int) *http.Response {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(bytes.NewReader(wavBytes(t, 80)), slowBody{r.Context(), body})), ContentLength: -1}
		}
	}
	for _, tt := range []struct {
		name  string
		delay time.Duration
		serve func(*http.Request, int) *http.Response
		want  string // in the error; "" = in time
		took  time.Duration
	}{
		{"just in time", 9999 * time.Millisecond, slow(0), "", 9999 * time.Millisecond},
		{"no first byte", 11 * time.Second, slow(0), "no answer within 10s", 10 * time.Second},
		{"no first byte after redirects", 4 * time.Second, func(*http.Request, int) *http.Response {
			return response(302, nil, "Location", "/again")
		}, "no answer within 10s", 10 * time.Second},
		{"a body that comes slowly", 9 * time.Second, slow(20 * time.Second), "", 29 * time.Second},
		{"a body that does not end", 9 * time.Second, slow(time.Hour), "not whole within 30s", 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := fetcherOf(t, &mediaWeb{delay: tt.delay, serve: tt.serve})
				start := time.Now()
				_, err := f.Load(t.Context(), call.MediaItem{URL: mediaURL})
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, call.ErrMediaInvalid) || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("%v, want %q", err, tt.want)
				}
			})
		})
	}
}

// loadAll loads n times at once and waits for all.
func loadAll(ctx context.Context, f *Fetcher, items ...call.MediaItem) []error {
	errs := make([]error, len(items))
	var all sync.WaitGroup
	for i, item := range items {
		all.Go(func() { _, errs[i] = f.Load(ctx, item) })
	}
	all.Wait()
	return errs
}

func TestMediaWantedAtOnceIsFetchedOnce(t *testing.T) {
	item := call.MediaItem{URL: mediaURL}
	many := slices.Repeat([]call.MediaItem{item}, 50)
	for _, tt := range []struct {
		name     string
		resp     func() *http.Response
		requests int
		fails    bool
	}{
		{"one request", func() *http.Response { return response(200, wavBytes(t, 80)) }, 1, false},
		{"one failure", func() *http.Response { return response(404, nil) }, 1, true},
		{"no-store is for one only", func() *http.Response { return response(200, wavBytes(t, 80), "Cache-Control", "no-store") }, 50, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				web := &mediaWeb{delay: time.Second, serve: func(*http.Request, int) *http.Response { return tt.resp() }}
				start := time.Now()
				for _, err := range loadAll(t.Context(), fetcherOf(t, web), many...) {
					if (err != nil) != tt.fails {
						t.Error(err)
					}
				}
				if web.count() != tt.requests || time.Since(start) > 2*time.Second {
					t.Errorf("%d requests in %v, want %d", web.count(), time.Since(start), tt.requests)
				}
			})
		})
	}
}

func TestMediaIsSharedOnlyAmongEquals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web := &mediaWeb{delay: time.Second, serve: func(*http.Request, int) *http.Response {
			return response(200, wavBytes(t, 80), "Cache-Control", "max-age=60")
		}}
		f := fetcherOf(t, web)
		items := []call.MediaItem{
			{URL: "http://web.test/a"},
			{URL: "http://u:p@web.test/a"},
			{URL: "http://u:q@web.test/a"},
			{URL: "http://web.test/a", Hosts: []string{"web.test"}},
			{URL: "http://web.test/a", Hosts: []string{"other.test"}},
			{URL: "http://web.test/a", Cipher: &call.Cipher{Key: make([]byte, 16), IV: make([]byte, 16)}},
		}
		for range 2 {
			errs := loadAll(t.Context(), f, items...)
			for i, err := range errs {
				if wantError := i >= 4; (err != nil) != wantError {
					t.Errorf("%v: %v", items[i], err)
				}
			}
		}
		if web.count() != 6 { // five hosts that are allowed, and what cannot be deciphered once more
			t.Errorf("%d requests, want 6", web.count())
		}
	})
}

func TestMediaFetchIsTakenOverFromOneWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web := &mediaWeb{delay: 4 * time.Second, serve: func(*http.Request, int) *http.Response { return response(200, wavBytes(t, 80)) }}
		f := fetcherOf(t, web)
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := errors.New("the call has ended")
		time.AfterFunc(time.Second, func() { cancel(ended) })
		var first, second, third error
		var all sync.WaitGroup
		all.Go(func() { _, first = f.Load(ctx, call.MediaItem{URL: mediaURL}) })
		synctest.Wait()
		all.Go(func() { _, second = f.Load(ctx, call.MediaItem{URL: mediaURL}) })
		all.Go(func() { _, third = f.Load(t.Context(), call.MediaItem{URL: mediaURL}) })
		all.Wait()
		for _, err := range []error{first, second} {
			if !errors.Is(err, ended) || !errors.Is(err, call.ErrMediaInvalid) {
				t.Errorf("who gave up: %v", err)
			}
		}
		if third != nil || web.count() != 2 {
			t.Errorf("who waited: %v, %d requests", third, web.count())
		}
	})
}

func TestMediaMemoryIsBounded(t *testing.T) {
	web := &mediaWeb{serve: func(*http.Request, int) *http.Response {
		return response(200, wavBytes(t, 1000), "Cache-Control", "max-age=60")
	}}
	f, err := NewFetcher(FetcherConfig{Transport: web, CacheBytes: 10000})
	if err != nil {
		t.Fatal(err)
	}
	item := func(i int) call.MediaItem { return call.MediaItem{URL: "http://web.test/" + strconv.Itoa(i)} }
	for _, i := range []int{1, 2, 3, 1, 4} { // three fit; 2 was not used for the longest time
		wantClip(t, f, item(i), 1000)
	}
	if f.clips.bytes > 10000 || f.clips.bytes != 3*(2000+1024+len("http://web.test/1")+len("max-age=60")) || web.count() != 4 {
		t.Errorf("%d bytes after %d requests", f.clips.bytes, web.count())
	}
	wantClip(t, f, item(1), 1000)
	if wantClip(t, f, item(2), 1000); web.count() != 5 {
		t.Errorf("%d requests, want 5", web.count())
	}
	none, err := NewFetcher(FetcherConfig{Transport: web, CacheBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	wantClip(t, none, item(1), 1000)
	if none.clips.bytes != 0 || len(none.clips.entries) != 0 {
		t.Errorf("%d bytes are kept", none.clips.bytes)
	}
}

func TestHeadersCountAsMediaMemory(t *testing.T) {
	web := &mediaWeb{serve: func(*http.Request, int) *http.Response {
		return response(200, wavBytes(t, 10), "Cache-Control", "max-age=60", "ETag", `"`+strings.Repeat("x", 200_000)+`"`)
	}}
	f, err := NewFetcher(FetcherConfig{Transport: web, CacheBytes: 500_000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		wantClip(t, f, call.MediaItem{URL: "http://web.test/" + strconv.Itoa(i)}, 10)
	}
	if n := len(f.clips.entries); n != 2 {
		t.Errorf("%d answers with headers of 200 KB are kept in 500 KB", n)
	}
}

func TestMediaMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := NewMetrics(nil)
		var resp *http.Response
		web := &mediaWeb{serve: func(*http.Request, int) *http.Response { return resp }}
		f, err := NewFetcher(FetcherConfig{Transport: web, Metrics: metrics})
		if err != nil {
			t.Fatal(err)
		}
		item := call.MediaItem{URL: mediaURL}
		for _, next := range []*http.Response{
			response(200, wavBytes(t, 80), "Cache-Control", "max-age=60, stale-if-error=1", "ETag", `"a"`), // fetched
			nil,                // hit
			nil,                // stale
			response(304, nil), // revalidated
			response(404, nil), // not_found
			response(403, nil), // invalid
		} {
			resp = next
			f.Load(t.Context(), item)
			if metrics := metricValue(t, metrics.media.WithLabelValues("hit")); metrics > 0 {
				time.Sleep(time.Minute)
			}
		}
		web.delay = time.Minute
		f.Load(t.Context(), item) // timeout
		for _, o := range []outcome{mediaFetched, mediaHit, mediaStale, mediaRevalidated, mediaNotFound, mediaInvalid, mediaTimeout} {
			if n := metricValue(t, metrics.media.WithLabelValues(string(o))); n != 1 {
				t.Errorf("%s: %v, want 1", o, n)
			}
		}
		if n := metricValue(t, metrics.mediaBytes); n != 0 {
			t.Errorf("%v bytes are kept", n)
		}
	})
}

func TestFetcherConfiguration(t *testing.T) {
	for _, cfg := range []FetcherConfig{{FirstByte: -1}, {Timeout: -1}} {
		if _, err := NewFetcher(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// TestMediaOverTheNetwork fetches from a real file server, which answers a
// condition by itself.
func TestMediaOverTheNetwork(t *testing.T) {
	var statuses []int
	files := http.FileServerFS(mapFS(t))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusRecorder{ResponseWriter: w, status: 200}
		files.ServeHTTP(rec, r)
		statuses = append(statuses, rec.status)
	}))
	defer web.Close()
	f, err := NewFetcher(FetcherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.CloseIdleConnections()
	for range 2 {
		wantClip(t, f, call.MediaItem{URL: web.URL + "/a.wav"}, 8000)
	}
	wantNoClip(t, f, call.MediaItem{URL: web.URL + "/b.wav"}, call.ErrMediaNotFound)
	if !slices.Equal(statuses, []int{200, 304, 404}) {
		t.Errorf("statuses %v", statuses)
	}
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// BenchmarkMediaHit loads what is fresh in memory.
func BenchmarkMediaHit(b *testing.B) {
	f := fetcherOf(b, &mediaWeb{serve: func(*http.Request, int) *http.Response {
		return response(200, wavBytes(b, 8000), "Cache-Control", "max-age=3600")
	}})
	item := call.MediaItem{URL: mediaURL, Hosts: []string{"web.test"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Load(b.Context(), item); err != nil {
			b.Fatal(err)
		}
	}
}

func mapFS(t *testing.T) fstest.MapFS {
	return fstest.MapFS{"a.wav": {Data: wavBytes(t, 8000), ModTime: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}}
}
