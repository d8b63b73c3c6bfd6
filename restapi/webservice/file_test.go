package webservice_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mediaserver/call"
)

// put writes a file by the service.
func (w *world) put(query string, body io.Reader) (int, []byte) {
	w.t.Helper()
	return w.do(httptest.NewRequest("POST", "/file_write?"+query, body))
}

func TestFilesAreWrittenReadListedAndDeleted(t *testing.T) {
	w := newWorld(t)
	data := tone(t)
	status, body := w.put("filetype=media&filename=/greetings/hello.wav", bytes.NewReader(data))
	if want := fmt.Sprintf(`{"filename":"greetings/hello.wav","size":%d}`, len(data)); status != 200 || strings.TrimSpace(string(body)) != want {
		t.Fatalf("write: %d %s, want %s", status, body, want)
	}
	r := httptest.NewRequest("GET", "/file_read?filetype=media&filename=greetings/hello.wav", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1"
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != 200 || !bytes.Equal(rec.Body.Bytes(), data) || rec.Header().Get("Content-Type") != "audio/wav" {
		t.Errorf("read: %d %v", rec.Code, rec.Header())
	}
	r.Header.Set("Range", "bytes=0-3")
	rec = httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != 206 || rec.Body.String() != "RIFF" {
		t.Errorf("a range: %d %q", rec.Code, rec.Body)
	}
	if got := w.list("filetype=media"); got != "greetings/hello.wav" {
		t.Errorf("list: %q", got)
	}
	status, body = w.ask("GET", "/file_delete", url.Values{"filetype": {"media"}, "filename": {"greetings/hello.wav"}})
	if status != 200 || strings.TrimSpace(string(body)) != `{"filename":"greetings/hello.wav","result":"deleted"}` {
		t.Errorf("delete: %d %s", status, body)
	}
	if got := w.list("filetype=media"); got != "" {
		t.Errorf("list after the end: %q", got)
	}
}

// list is the names of a file_list, with "…" behind them if there are more.
func (w *world) list(query string) string {
	w.t.Helper()
	status, body := w.do(httptest.NewRequest("GET", "/file_list?"+query, nil))
	var answer struct {
		Files []struct {
			Filename string
			Size     int64
			Modified int64
		}
		More bool
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != 200 || answer.Files == nil {
		w.t.Fatalf("%d %s", status, body)
	}
	var names []string
	for _, f := range answer.Files {
		if f.Size == 0 || f.Modified == 0 {
			w.t.Errorf("%+v", f)
		}
		names = append(names, f.Filename)
	}
	if answer.More {
		names = append(names, "…")
	}
	return strings.Join(names, " ")
}

func TestFilesAreListedInTheOrderOfTheirNames(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a.wav", "a/b.wav", "a/b/c.wav", "a-b.wav", "b.wav", "x.txt", "a/.hidden", "B.wav", "a.wav.1.upload"} {
		write(t, w.media, name, []byte("x"))
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(w.media, "link.wav")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(w.media, "etc")); err != nil {
		t.Fatal(err)
	}
	const all = "B.wav a-b.wav a.wav a/b.wav a/b/c.wav b.wav"
	for query, want := range map[string]string{
		"":                            all,
		"&limit=2":                    "B.wav a-b.wav …",
		"&limit=6":                    all,
		"&start_after=a.wav":          "a/b.wav a/b/c.wav b.wav",
		"&start_after=/a.wav&limit=1": "a/b.wav …",
		"&start_after=a/b.wav":        "a/b/c.wav b.wav",
		"&start_after=a/zz":           "b.wav",
		"&start_after=zz":             "",
		"&prefix=a/":                  "a/b.wav a/b/c.wav",
		"&prefix=a/b/c":               "a/b/c.wav",
		"&prefix=a":                   "a-b.wav a.wav a/b.wav a/b/c.wav",
		"&prefix=../":                 "",
	} {
		if got := w.list("filetype=media" + query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	write(t, w.logs, "2026/03/02/10_00_00_a.1.log", []byte("x"))
	if got := w.list("filetype=rest"); got != "2026/03/02/10_00_00_a.1.log" {
		t.Errorf("logs: %s", got)
	}
	r := httptest.NewRequest("GET", "/file_read?filetype=rest&filename=2026/03/02/10_00_00_a.1.log", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1"
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != 200 || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("a log: %d %v", rec.Code, rec.Header())
	}
}

func TestNothingOutsideTheDirectoryIsReached(t *testing.T) {
	w := newWorld(t)
	outside := filepath.Join(filepath.Dir(w.media), "secret.wav")
	write(t, filepath.Dir(outside), "secret.wav", tone(t))
	for name, to := range map[string]string{"link.wav": outside, "dir": filepath.Dir(outside), "here.wav": "real.wav"} {
		if err := os.Symlink(to, filepath.Join(w.media, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, w.media, "real.wav", tone(t))
	if err := os.Mkdir(filepath.Join(w.media, "folder.wav"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/file_read", "/file_delete"} {
		for _, name := range []string{"link.wav", "dir/secret.wav", "here.wav", "folder.wav", "real.wav/x.wav"} {
			status, body := w.ask("GET", path, url.Values{"filetype": {"media"}, "filename": {name}})
			if status != 404 {
				t.Errorf("%s %s: %d %s", path, name, status, body)
			}
		}
	}
	for _, name := range []string{"link.wav", "dir/new.wav", "dir/secret.wav", "folder.wav", "real.wav/x.wav"} {
		if status, body := w.put("filetype=media&filename="+name, bytes.NewReader(tone(t))); status != 400 {
			t.Errorf("write %s: %d %s", name, status, body)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(outside), "new.wav")); err == nil {
		t.Error("a file was written outside")
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error("the file outside is gone")
	}
}

// endless is a body without end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestFilesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	broken := io.MultiReader(bytes.NewReader(tone(t)[:60]), &failing{})
	for _, tt := range []struct {
		name, query string
		body        io.Reader
		code        string
	}{
		{"no filetype", "filename=a.wav", bytes.NewReader(tone(t)), "0001"},
		{"no filename", "filetype=media", bytes.NewReader(tone(t)), "0001"},
		{"a filetype twice", "filetype=media&filetype=media&filename=a.wav", bytes.NewReader(tone(t)), "0003"},
		{"a filename twice", "filetype=media&filename=b.wav&filename=a.wav", bytes.NewReader(tone(t)), "0003"},
		{"encrypted twice", "filetype=media&filename=a.wav&encrypted=true&encrypted=true", bytes.NewReader(tone(t)), "0003"},
		{"an unknown filetype", "filetype=x&filename=a.wav", bytes.NewReader(tone(t)), "0002"},
		{"a log", "filetype=rest&filename=a.log", bytes.NewReader(tone(t)), "0002"},
		{"a name that leads out", "filetype=media&filename=../a.wav", bytes.NewReader(tone(t)), "0002"},
		{"a long name", "filetype=media&filename=" + strings.Repeat("a", 300) + ".wav", bytes.NewReader(tone(t)), "0002"},
		{"encrypted that is neither", "filetype=media&filename=a.wav&encrypted=maybe", bytes.NewReader(tone(t)), "0002"},
		{"no body", "filetype=media&filename=a.wav", strings.NewReader(""), "0002"},
		{"no audio", "filetype=media&filename=a.wav", strings.NewReader("hello"), "0002"},
		{"a body that breaks off", "filetype=media&filename=a.wav", broken, "HTTP 400"},
		{"a body without end", "filetype=media&filename=a.wav", endless{}, "0002"},
		{"an encrypted one without end", "filetype=media&filename=a.wav&encrypted=true", endless{}, "0002"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := w.put(tt.query, tt.body)
			if code, _, _ := errorOf(t, body); status != 400 || code != tt.code {
				t.Errorf("%d %s", status, body)
			}
			entries, err := os.ReadDir(w.media)
			if err != nil || len(entries) != 0 {
				t.Errorf("left behind: %v %v", entries, err)
			}
		})
	}
	t.Run("an encrypted file is not checked", func(t *testing.T) {
		if status, body := w.put("filetype=media&filename=a.wav&encrypted=true", strings.NewReader("secret")); status != 200 {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("a refused file leaves the one before", func(t *testing.T) {
		if status, _ := w.put("filetype=media&filename=a.wav", strings.NewReader("nothing")); status != 400 {
			t.Errorf("status %d", status)
		}
		if data, _ := os.ReadFile(filepath.Join(w.media, "a.wav")); string(data) != "secret" {
			t.Errorf("now it is %q", data)
		}
	})
	if call.MaxMediaFile != 20<<20 {
		t.Error("docs/web-services.md says 20 MiB")
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestEveryNameThatIsAllowedCanBeWritten(t *testing.T) {
	w := newWorld(t)
	for what, name := range map[string]string{
		"a long one": strings.Repeat("a", 251) + ".wav",
		"a deep one": strings.Repeat("d/", 125) + "a.wav",
	} {
		if status, body := w.put("filetype=media&filename="+name, bytes.NewReader(tone(t))); status != 200 {
			t.Errorf("%s: %d %s", what, status, body)
		}
		if got := w.list("filetype=media&prefix=" + name); got != name {
			t.Errorf("%s: the list has %q", what, got)
		}
	}
}

func TestAWriteRemovesWhatKilledOnesHaveLeft(t *testing.T) {
	w := newWorld(t)
	for name, age := range map[string]time.Duration{
		"d/old.upload": 2 * time.Hour, "d/new.upload": time.Minute, "d/old.wav": 2 * time.Hour, "other/old.upload": 2 * time.Hour,
	} {
		write(t, w.media, name, []byte("x"))
		at := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(w.media, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	// Before it writes: on a full disk it makes room for itself.
	if status, _ := w.put("filetype=media&filename=d/b.wav", strings.NewReader("no sound")); status == 200 {
		t.Fatal("a file that is no sound was taken")
	}
	if _, err := os.Stat(filepath.Join(w.media, "d/old.upload")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is left is still there after a write that failed: %v", err)
	}
	if status, body := w.put("filetype=media&filename=d/a.wav", bytes.NewReader(tone(t))); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	entries, err := os.ReadDir(filepath.Join(w.media, "d"))
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := "a.wav new.upload old.wav"; strings.Join(got, " ") != want || err != nil {
		t.Errorf("%v %v, want %s", got, err, want)
	}
}
