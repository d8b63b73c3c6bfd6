package golden

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/restapi"
	"mediaserver/restapi/auth"
	"mediaserver/restapi/webservice"
)

// example is a command of the documentation with its answer.
type example struct{ command, answer string }

// examples are those of docs/web-services.md, by the path they ask.
func examples(t *testing.T) (list []example) {
	t.Helper()
	text, err := os.ReadFile("../../docs/web-services.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh\n(curl [^\n]*)\n```\n(?:```json\n(.*?)```\n)?")
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		list = append(list, example{m[1], m[2]})
	}
	return list
}

// words splits a command as a shell does, with variables in double quotes.
func words(t *testing.T, command string, variables map[string]string) (list []string) {
	t.Helper()
	token := regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`)
	quoted := regexp.MustCompile(`'[^']*'|"[^"]*"|[^'"]+`)
	for _, w := range token.FindAllString(command, -1) {
		var b strings.Builder
		for _, part := range quoted.FindAllString(w, -1) {
			switch part[0] {
			case '\'':
				b.WriteString(strings.Trim(part, "'"))
			default:
				b.WriteString(os.Expand(strings.Trim(part, `"`), func(name string) string {
					v, ok := variables[name]
					if !ok {
						t.Fatalf("%s: nobody sets %s", command, name)
					}
					return v
				}))
			}
		}
		list = append(list, b.String())
	}
	return list
}

// curl makes the request of a command.
func curl(t *testing.T, command string, variables map[string]string, file []byte) *http.Request {
	t.Helper()
	list := words(t, command, variables)
	var user, target string
	var form []string
	raw := false
	for i := 1; i < len(list); i++ {
		switch list[i] {
		case "-u":
			user = list[i+1]
		case "-d":
			form = append(form, list[i+1])
		case "--data-urlencode":
			name, value, _ := strings.Cut(list[i+1], "=")
			form = append(form, name+"="+url.QueryEscape(value))
		case "--data-binary":
			raw = true
		case "-o":
		default:
			target = list[i]
			continue
		}
		i++
	}
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil || raw {
		method, body = http.MethodPost, strings.NewReader(strings.Join(form, "&"))
	}
	if raw {
		body = strings.NewReader(string(file))
	}
	r := httptest.NewRequest(method, target, body)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does, also for files
	}
	name, password, _ := strings.Cut(user, ":")
	r.SetBasicAuth(name, password)
	return r
}

// alike says how an answer differs from the documented one: members and
// kinds must be the same, and all values but ids, times and durations.
func alike(path string, got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s: %v, want %v", path, got, want)
		}
		for name := range w {
			other := name
			if _, has := g[name]; !has && len(g) == 1 && strings.ContainsAny(name, "-.") { // an id
				for other = range g {
				}
			}
			if _, has := g[other]; !has {
				return fmt.Sprintf("%s: no %q in %v", path, name, got)
			}
			if diff := alike(path+"."+name, g[other], w[name]); diff != "" {
				return diff
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s: %v, want %v", path, got, want)
		}
		for i := range w {
			if diff := alike(fmt.Sprintf("%s[%d]", path, i), g[i], w[i]); diff != "" {
				return diff
			}
		}
		return ""
	}
	if varies := regexp.MustCompile(`(_id|_time|datetime|_token|modified|seconds_call_duration|\[0\])$`); varies.MatchString(path) && got != nil && want != nil {
		got, want = fmt.Sprintf("%T", got), fmt.Sprintf("%T", want)
	}
	if got != want {
		return fmt.Sprintf("%s: %v, want %v", path, got, want)
	}
	return ""
}

func TestDocumentedWebServices(t *testing.T) {
	list := examples(t)
	for _, path := range webservice.Paths() {
		found := false
		for _, e := range list {
			found = found || strings.Contains(e.command, path+`"`) || strings.Contains(e.command, path+"?")
		}
		if !found {
			t.Errorf("docs/web-services.md has no example of %s", path)
		}
	}
	rooms := outbound(func(s *restapi.Service) { s.Outbound.Rooms = true })
	run(t, options{more: rooms, files: true}, func(w *world) {
		a, err := auth.New(auth.Config{
			Users: []auth.User{{Name: "admin", Password: "secret"}}, Services: map[string]string{"caller": "dial"}, Refuse: webservice.Refuse,
		})
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		webservice.New(webservice.Config{
			Applications: w.api, Rooms: w.manager, Reservations: w.manager, MediaDirectory: w.media, LogDirectory: w.logs,
		}).Register(mux, a)
		w.on("first@"+p, answer(join("weekly", quiet())))
		w.on("elsewhere@"+p, answer(dict{"sleep": dict{"seconds": 60}}))
		w.on("first@"+q, answer(join("weekly", quiet())))
		w.on("ofirst", answer(dict{"sleep": dict{"seconds": 600}}))
		w.dial(q, phoneOptions{})
		variables := map[string]string{"MEDIASERVER": "http://media.test", "PARTICIPANT": w.instanceOf(q), "START": w.start.Add(time.Hour).Format(time.RFC3339)}
		file := wavOf(t, audio.ToneClip(8000, []float64{700}, -12, second, 0))
		for _, e := range list {
			if strings.Contains(e.command, "$INSTANCE") && variables["INSTANCE"] == "" {
				w.dial(p, phoneOptions{})
				w.after(2 * second)
				variables["INSTANCE"] = w.instanceOf(p)
			}
			rec := httptest.NewRecorder()
			mux.ServeHTTP(rec, curl(t, e.command, variables, file))
			w.after(second)
			if e.answer == "" {
				if rec.Code != http.StatusOK || rec.Body.Len() != len(file) {
					t.Errorf("%s: %d, %d bytes", e.command, rec.Code, rec.Body.Len())
				}
				continue
			}
			var got, documented any
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v: %s", e.command, err, rec.Body)
			}
			if err := json.Unmarshal([]byte(e.answer), &documented); err != nil {
				t.Fatalf("the answer to %s: %v", e.command, err)
			}
			if diff := alike("", got, documented); diff != "" {
				t.Errorf("%s: %s", e.command, diff)
			}
			switch g := got.(type) {
			case []any:
				variables["REFERENCE"] = g[0].(string)
			case map[string]any:
				if token, ok := g["reservation_token"].(string); ok {
					variables["TOKEN"] = token
				}
			}
		}
	})
}
