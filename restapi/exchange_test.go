package restapi

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/call"
)

// checkTime is the timestamp of the protocol's check values.
var checkTime = time.Unix(1767225600, 0)

// TestG85Signature has the check values of the protocol, on the wire.
func TestG85Signature(t *testing.T) {
	for _, tt := range []struct{ method, address, info, want string }{
		{
			"POST", "http://app.test/menu", `{"application_instance_id":"0000000000000001.1"}`,
			"v1=7faead8573b3ff4c38abe53e4cd390a27be97e3c9e507be258686a1b23d4c18f",
		},
		{"GET", "http://app.test/menu", `{}`, "v1=3e2da8ed30b41a68af7395777dd5f7a60f71167e8b9a57f048273477c59b5153"},
	} {
		t.Run(tt.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(checkTime))
				asked := 0
				b := pageBrowser(t, Service{SigningSecret: "test-secret"}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					asked++
					if got := r.Header.Get("X-Mediaserver-Signature"); got != tt.want || r.Header.Get("X-Mediaserver-Timestamp") != "1767225600" {
						t.Errorf("%s %s: %v, want %s", r.Method, r.URL, r.Header, tt.want)
					}
				}))
				if _, err := b.fetch(t.Context(), tt.method, mustURL(t, tt.address), []byte(tt.info)); err != nil || asked != 1 {
					t.Errorf("%v, asked %d times", err, asked)
				}
			})
		})
	}
}

// TestG85EveryPageIsSigned, of both calls and after a redirect, over what was
// sent then; without a secret none is.
func TestG85EveryPageIsSigned(t *testing.T) {
	for _, secret := range []string{"test-secret", ""} {
		t.Run("secret "+secret, func(t *testing.T) {
			bothVersions(t, func(t *testing.T, w *world) {
				w.service.SigningSecret = secret
				w.page("/first", w.joining(withSecondary))
				w.page("/sec/first", w.empty())
				w.app.pages["/next"] = []page{
					{status: 307, header: map[string]string{"Location": "/next?again=1"}, delay: 2 * time.Second},
					{status: 303, header: map[string]string{"Location": "/list"}, delay: 2 * time.Second},
				}
				w.page("/list", w.empty())
				w.run()
				want := []string{"/first", "/sec/first", "/sec/final", "/next", "/next", "/list", "/final"}
				if got := w.app.asked(); !slices.Equal(got, want) {
					t.Fatalf("asked %v", got)
				}
				signatures := map[string]bool{}
				for i, r := range w.app.requests {
					signature, timestamp := r.Header.Get(signatureHeader), r.Header.Get(timestampHeader)
					if secret == "" {
						if signature != "" || timestamp != "" {
							t.Errorf("%s is signed", r.URL)
						}
						continue
					}
					signed := w.app.bodies[i]
					if r.Method == "GET" {
						signed = r.URL.RequestURI()
					}
					seconds, ok := parseSeconds(timestamp)
					expected := http.Header{}
					sign(expected, secret, time.Unix(0, 0).Add(seconds), []byte(signed))
					if !ok || signature != expected.Get(signatureHeader) || signatures[signature] {
						t.Errorf("%s %s: signature %s of %s, want %s, a new one", r.Method, r.URL, signature, timestamp, expected.Get(signatureHeader))
					}
					signatures[signature] = true
				}
			})
		})
	}
}

// TestRelativeAddressesBeginWhereRedirectsLed, for next pages, pages of the
// secondary call and its own next pages.
func TestRelativeAddressesBeginWhereRedirectsLed(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		moved := func(to string) page { return page{status: 307, header: map[string]string{"Location": to}} }
		w.app.pages["/first"] = []page{moved("http://other.test/deep/list?x=1")}
		w.page("/deep/list", w.list(`{"connect_to_conference":{"name":"room","next_page":"next",`+
			`"secondary_call":{"first_page":"sec/first","final_page":"/sec/final"}}}`))
		w.app.pages["/deep/sec/first"] = []page{moved("../further/list")}
		w.page("/deep/further/list", w.list(`{"redirect":{"next_page":"there"}}`))
		w.page("/deep/further/there", w.empty())
		w.page("/deep/next", w.empty())
		w.run()
		want := []string{
			"http://app.test/first", "http://other.test/deep/list?x=1", "http://other.test/deep/sec/first",
			"http://other.test/deep/further/list", "http://other.test/deep/further/there", "http://other.test/sec/final",
			"http://other.test/deep/next", "http://app.test/final",
		}
		var got []string
		for _, r := range w.app.requests {
			got = append(got, r.URL.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// TestTraceAndCookiesAreOfTheInstance: all pages of both calls share them,
// another instance of the same server has its own.
func TestTraceAndCookiesAreOfTheInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.page("/first", w.joining(withSecondary))
		w.page("/sec/first", w.empty())
		w.page("/next", w.empty())
		for path, pages := range w.app.pages {
			pages[0].header = map[string]string{"Set-Cookie": "seen" + strings.ReplaceAll(path, "/", "-") + "=1; Path=/"}
		}
		s, err := NewServer(Config{Services: []Service{w.service}, Transport: w.app})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			p := &fakeCall{w: w, done: make(chan struct{}), info: w.primary.info}
			s.serve(t.Context(), verbs{life: p, media: p, answer: p, conference: p})
		}
		perInstance := len(w.app.requests) / 2
		traces, parents := map[string]bool{}, map[string]bool{}
		cookies := []string{"", "seen-first=1", "seen-first=1; seen-sec-first=1", "seen-first=1; seen-sec-first=1", "seen-first=1; seen-sec-first=1; seen-next=1"}
		for i, r := range w.app.requests {
			parts := strings.Split(r.Header.Get("traceparent"), "-")
			traces[parts[1]], parents[parts[2]] = true, true
			if i%perInstance == 0 && len(traces) != i/perInstance+1 {
				t.Errorf("request %d has no new trace", i)
			}
			if got := r.Header.Get("Cookie"); got != cookies[i%perInstance] {
				t.Errorf("%s: cookies %q, want %q", r.URL.Path, got, cookies[i%perInstance])
			}
		}
		if len(traces) != 2 || len(parents) != len(w.app.requests) {
			t.Errorf("%d traces and %d parents in %d requests", len(traces), len(parents), len(w.app.requests))
		}
	})
}

// TestLoginOfPages: from the address of the service, also for relative pages
// of both calls, not for others; never in a log.
func TestLoginOfPages(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		w.service.FirstPage.URL = "http://me:s%3Acret@app.test/first"
		w.service.FinalPage.URL = "http://app.test/final"
		w.logDir = t.TempDir()
		w.page("/first", w.list(`{"connect_to_conference":{"name":"room","next_page":"http://other.test/next",`+
			`"secondary_call":{"first_page":"sec/first","error_page":"sec/error","final_page":"sec/final"}}}`))
		w.app.pages["/sec/first"] = []page{{status: 500}}
		w.page("/sec/error", w.empty())
		w.app.pages["/first"] = append(w.app.pages["/first"], page{})
		w.run()
		for _, r := range w.app.requests {
			user, password, ok := r.BasicAuth()
			if own := r.URL.Path != "/final"; ok != own || ok && (user != "me" || password != "s:cret") || r.URL.User != nil {
				t.Errorf("%s: login %q %q", r.URL, user, password)
			}
		}
		log := w.log.String() + readLogs(t, w.logDir)
		if !strings.Contains(log, "PAGE_HTTP_STATUS") || strings.Contains(log, "cret") {
			t.Errorf("the log shows the login, or not the error:\n%s", log)
		}
	})
}

// TestPackedPagesOfBothCalls answers everything with gzip.
func TestPackedPagesOfBothCalls(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		pack := func(body string) page {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			io.WriteString(z, body)
			z.Close()
			return page{status: 200, header: map[string]string{"Content-Encoding": "gzip"}, body: packed.String()}
		}
		w.app.pages["/first"] = []page{pack(w.joining(withSecondary))}
		w.app.pages["/sec/first"] = []page{pack(w.empty())}
		w.app.pages["/next"] = []page{pack(w.list(`{"play":{"play_list":[{"file_to_play":"packed.wav"}]}}`))}
		wantLine(t, w.run(), "play [packed.wav]", "")
	})
}

// TestPageHostsOfBothCalls: a page elsewhere is PAGE_UNREACHABLE without
// being asked.
func TestPageHostsOfBothCalls(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		w.service.PageHosts = []string{"app.test"}
		w.page("/first", w.list(`{"connect_to_conference":{"name":"room","secondary_call":{"first_page":"http://evil.test/sec","error_page":"sec/error"}}},`+
			`{"redirect":{"next_page":"http://evil.test/next"}}`))
		w.page("/sec/error", w.empty())
		w.page("/error", w.empty())
		w.run()
		if got, want := w.app.asked(), []string{"/first", "/sec/error", "/error", "/final"}; !slices.Equal(got, want) {
			t.Fatalf("asked %v, want %v", got, want)
		}
		for _, path := range []string{"/sec/error", "/error"} {
			fault := w.app.last(t, path)["error_result"].(map[string]any)
			if fault["action"] != "" || !strings.HasPrefix(fault["result"].(string), "PAGE_UNREACHABLE: ") || !strings.Contains(fault["result"].(string), "evil.test") {
				t.Errorf("%s: %v", path, fault)
			}
		}
	})
}

// TestErrorPagesOfBothCalls has a first page fail in every way a page can, and
// wants the error page of that call to be told, and of no other.
func TestErrorPagesOfBothCalls(t *testing.T) {
	for name, bad := range map[string]struct {
		page page
		code Code
	}{
		"too slow":            {page{status: 200, delay: time.Minute}, CodePageTimeout},
		"a status of failure": {page{status: 404}, CodePageHTTPStatus},
		"too many redirects":  {page{status: 302, header: map[string]string{"Location": "?"}}, CodePageRedirects},
		"too large":           {page{status: 200, body: strings.Repeat(" ", maxResponse+1)}, CodePageTooLarge},
		"nothing":             {page{status: 204}, CodeInvalidJSON},
		"no JSON":             {page{status: 200, body: "<html>"}, CodeInvalidJSON},
		"no actions":          {page{status: 200, body: `{}`}, CodeMissingActions},
		"unknown action":      {page{status: 200, body: `{"api_version":"2.0","actions":[{"dance":{}}]}`}, CodeUnknownAction},
	} {
		t.Run(name+", primary", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Version2)
				w.app.pages["/first"] = []page{bad.page}
				w.page("/error", w.empty())
				w.run()
				wantTold(t, w, "/error", bad.code)
				if final := w.app.last(t, "/final")["this_call"].(map[string]any); final["call_cause"] != "failed" {
					t.Errorf("call_cause %v", final["call_cause"])
				}
			})
		})
		t.Run(name+", secondary", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Version2)
				w.page("/first", w.joining(withSecondary))
				w.app.pages["/sec/first"] = []page{bad.page}
				w.page("/sec/error", w.empty())
				trace := w.run()
				wantTold(t, w, "/sec/error", bad.code)
				wantLine(t, trace, "play [after.wav]", "") // the primary goes on
				if slices.Contains(w.app.asked(), "/error") || slices.Contains(w.app.asked(), "/next") {
					t.Errorf("asked %v", w.app.asked())
				}
			})
		})
	}
}

// wantTold wants an error page to be asked once, about a code.
func wantTold(t *testing.T, w *world, path string, code Code) {
	t.Helper()
	count := 0
	for _, p := range w.app.asked() {
		if p == path {
			count++
		}
	}
	fault := w.app.last(t, path)["error_result"].(map[string]any)
	if count != 1 || !strings.HasPrefix(fault["result"].(string), string(code)+": ") {
		t.Errorf("asked %d times, %v, want %s", count, fault, code)
	}
}

// TestFinalPagesMayAnswerAnything and are no error, for both calls.
func TestFinalPagesMayAnswerAnything(t *testing.T) {
	for name, p := range map[string]page{
		"204": {status: 204}, "nothing": {status: 200}, "a page for people": {status: 200, body: "<html>"},
		"no list": {status: 200, body: `{"ok":true}`}, "another version": {status: 200, body: `{"api_version":"3","actions":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			bothVersions(t, func(t *testing.T, w *world) {
				w.page("/first", w.joining(withSecondary))
				w.page("/sec/first", w.empty())
				w.page("/next", w.empty())
				w.app.pages["/sec/final"], w.app.pages["/final"] = []page{p}, []page{p}
				w.run()
				if got, want := w.app.asked(), []string{"/first", "/sec/first", "/sec/final", "/next", "/final"}; !slices.Equal(got, want) {
					t.Errorf("asked %v, want %v", got, want)
				}
				if log := w.log.String(); log != "" {
					t.Errorf("warnings: %s", log)
				}
			})
		})
	}
}

// TestLateCipherIsIgnoredWithAWarning: only first pages give one.
func TestLateCipherIsIgnoredWithAWarning(t *testing.T) {
	for _, path := range []string{"/next", "/error", "/final"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Version1)
				w.page("/first", w.list(`{"redirect":{"next_page":"next"}}`))
				w.page("/next", w.empty())
				if path == "/error" {
					w.app.pages["/next"] = []page{{status: 500}}
				}
				w.app.pages[path] = []page{{status: 200, body: `{"actions":[],"call_recording_cipher":` + aesCipher + `}`}}
				w.run()
				wantWarning(t, w, "call_recording_cipher is ignored here")
				if strings.Contains(strings.ToLower(w.log.String()), "0a0b0c0d") {
					t.Error("the key is in the log")
				}
			})
		})
	}
}

// TestMediaItems: what a play_list becomes for the loader of media.
func TestMediaItems(t *testing.T) {
	service := Service{Voice: "Ann", PageHosts: []string{"app.test"}}
	s := &step{in: &instance{service: &service}, base: mustURL(t, "http://u:p@app.test/dir/page?x=1")}
	for name, tt := range map[string]struct {
		in   media
		want call.MediaItem
	}{
		"a file":                    {media{file: "a.wav"}, call.MediaItem{File: "a.wav"}},
		"digits":                    {media{digits: "1"}, call.MediaItem{Digits: "1"}},
		"text in the default voice": {media{text: "a"}, call.MediaItem{Text: "a", Voice: "Ann"}},
		"text in its own voice":     {media{text: "a", voice: "Ben", private: true}, call.MediaItem{Text: "a", Voice: "Ben", Private: true}},
		"a relative address":        {media{address: Page{URL: "../b.wav"}}, call.MediaItem{URL: "http://u:p@app.test/b.wav", Hosts: service.PageHosts}},
		"an address elsewhere":      {media{address: Page{URL: "http://b.test/b.wav"}}, call.MediaItem{URL: "http://b.test/b.wav", Hosts: service.PageHosts}},
		"an address that is none":   {media{address: Page{URL: "//@/b.wav"}}, call.MediaItem{URL: "//@/b.wav", Hosts: service.PageHosts}},
	} {
		got := s.mediaItem(&tt.in)
		if got.File != tt.want.File || got.URL != tt.want.URL || !slices.Equal(got.Hosts, tt.want.Hosts) || got.Text != tt.want.Text ||
			got.Voice != tt.want.Voice || got.Private != tt.want.Private || got.Digits != tt.want.Digits || got.Cipher != nil {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	key := []byte("0123456789abcdef")
	if got := s.mediaItem(&media{file: "a.wav", cipher: &cipher{kind: cipherAESCBC, key: key, vector: key}}); got.Cipher == nil || !bytes.Equal(got.Cipher.Key, key) || !bytes.Equal(got.Cipher.IV, key) {
		t.Errorf("cipher of %+v", got)
	}
}

// readLogs are all logs of instances below a directory.
func readLogs(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestPrivateTextIsNeverLogged: neither its text nor what an engine says of
// it, at any level.
func TestPrivateTextIsNeverLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.logDir = t.TempDir()
		const text = "Your PIN is 1234."
		w.script.speech = true
		w.script.playErrors = map[string]error{text: fmt.Errorf("%w: cannot say %q", call.ErrSpeech, text)}
		w.page("/first", w.list(`{"play":{"play_list":[{"text_to_say":"`+text+`","text_is_private":true}]}}`))
		w.page("/error", w.empty())
		w.run()
		if log := w.log.String() + readLogs(t, w.logDir); !strings.Contains(log, "TTS_FAILED") || strings.Contains(log, "1234") {
			t.Errorf("log:\n%s", log)
		}
		if result := w.app.last(t, "/error")["error_result"].(map[string]any)["result"].(string); strings.Contains(result, "1234") {
			t.Errorf("error_result %s", result)
		}
	})
}
