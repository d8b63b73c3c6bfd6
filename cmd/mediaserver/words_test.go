package main

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/call"
	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/restapi/management"
)

// documents are the texts by which people use the program, by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, at := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", "bench/README.md", "docs", "deploy", "examples"} {
		err := filepath.WalkDir(filepath.Join("../..", at), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			texts[strings.TrimPrefix(path, "../../")] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// rowsOf are the rows of all tables of a text: the first cell, and the others.
func rowsOf(text string) (rows [][2]string) {
	for line := range strings.Lines(text) {
		if first, others, ok := strings.Cut(line, " | "); ok && strings.HasPrefix(line, "| ") {
			rows = append(rows, [2]string{first, others})
		}
	}
	return rows
}

// metric is the names of its labels, and the values that they have.
type metric struct{ labels, values []string }

// metrics are those a registry would show, those without a series included.
func metrics(r *prometheus.Registry) (map[string]metric, error) {
	words := map[string]metric{}
	form := regexp.MustCompile(`fqName: "(mediaserver_[^"]*)".*variableLabels: \{([^}]*)\}`)
	all := make(chan *prometheus.Desc)
	go func() {
		r.Describe(all)
		close(all)
	}()
	for d := range all {
		if m := form.FindStringSubmatch(d.String()); m != nil {
			words[m[1]] = metric{labels: strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' })}
		}
	}
	families, err := r.Gather()
	for _, f := range families {
		word, ok := words[f.GetName()]
		if !ok {
			continue // of the runtime, or constant ones
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if slices.Contains(word.labels, l.GetName()) && !slices.Contains(word.values, l.GetValue()) {
					word.values = append(word.values, l.GetValue())
				}
			}
		}
		words[f.GetName()] = word
	}
	return words, err
}

// TestMetricsAreDocumented holds the tables of operating.md against a server:
// a row for every metric with its labels and their values, and none besides.
// What other documents name is a metric.
func TestMetricsAreDocumented(t *testing.T) {
	texts := documents(t)
	rows := map[string]string{}            // name → cells with labels and meaning
	elsewhere := map[string]bool{"": true} // what has a document of its own
	for _, e := range call.EventTypes() {
		elsewhere[string(e)] = true
	}
	for code := range errorCodes(t) {
		elsewhere[strings.ToLower(code)] = true
	}
	for _, cells := range rowsOf(texts["docs/operating.md"]) {
		for _, m := range regexp.MustCompile("`(mediaserver_[a-z0-9_]+)`").FindAllStringSubmatch(cells[0], -1) {
			rows[m[1]] = cells[1]
		}
	}
	cfg := testConfig(t)
	cfg.TTS.Engine = config.SpeechNone // names of engines are no words of ours
	known := metricsAtRest(t, cfg)
	for name, m := range known {
		row, ok := rows[name]
		if !ok {
			t.Errorf("operating.md has no row for %s", name)
		}
		for _, w := range append(m.labels, m.values...) {
			if !elsewhere[w] && !regexp.MustCompile(`\b`+regexp.QuoteMeta(w)+`\b`).MatchString(row) {
				t.Errorf("operating.md: the row of %s does not name %s", name, w)
			}
		}
	}
	for path, text := range texts {
		for _, name := range regexp.MustCompile(`mediaserver_[a-z0-9_]+[a-z0-9]\b`).FindAllString(text, -1) {
			part := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			_, plain := known[name]
			if _, histogram := known[part]; !plain && !histogram {
				t.Errorf("%s: there is no metric %s", path, name)
			}
		}
	}
}

// metricsAtRest are the metrics of a server that has just begun.
func metricsAtRest(t *testing.T, cfg *config.Config) (known map[string]metric) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	err := Run(ctx, cfg, serverOptions{companion: func(_ context.Context, s *server) (err error) {
		known, err = metrics(s.registry)
		end()
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// TestSeriesAreThereBeforeTheFirstEvent wants a zero of every counter whose labels are
// known beforehand, without which a rate does not see the first event: a series for
// each value that a row of operating.md lists, and one of every metric but those of
// status codes.
func TestSeriesAreThereBeforeTheFirstEvent(t *testing.T) {
	cfg := speaking(t)
	trunk := config.Trunk{Name: "carrier", Address: "sip:127.0.0.1:1", Username: "u", TrunkLine: config.TrunkLine{Register: true, RegisterExpiresSeconds: 60, KeepaliveSeconds: 60}}
	cfg.SIP.Trunks = []config.Trunk{trunk}
	cfg.Events.Webhooks = []config.Webhook{{Name: "hook", URL: "http://127.0.0.1:1/", TimeoutSeconds: 1, GiveUpMinutes: 1, MaxEvents: 100}}
	known := metricsAtRest(t, cfg)
	for name, m := range known {
		if len(m.labels) > 0 && len(m.values) == 0 && !slices.Contains(m.labels, "code") {
			t.Errorf("%s has no series", name)
		}
	}
	checked := 0
	for _, cells := range rowsOf(documents(t)["docs/operating.md"]) {
		labels, _, _ := strings.Cut(cells[1], " |")
		for _, list := range regexp.MustCompile("`([a-z]+)`: ([^`;]+)").FindAllStringSubmatch(labels, -1) {
			for _, name := range regexp.MustCompile("`(mediaserver_[a-z0-9_]+)`").FindAllStringSubmatch(cells[0], -1) {
				m := known[name[1]]
				if !slices.Contains(m.labels, list[1]) || slices.Contains(m.labels, "code") {
					continue
				}
				for value := range strings.SplitSeq(list[2], ",") {
					value = strings.TrimSpace(value)
					if regexp.MustCompile(`^\w+$`).MatchString(value) && !slices.Contains(m.values, value) {
						t.Errorf("%s has no series with %s %s", name[1], list[1], value)
					}
					checked++
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d values were checked", checked)
	}
}

// TestKeysInDocumentsAreKeys wants every key and variable of the configuration,
// and every event, that any document names to be one.
func TestKeysInDocumentsAreKeys(t *testing.T) {
	known, variables, sections := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, k := range config.Keys() {
		words := strings.Split(k.Path, ".")
		sections[strings.TrimSuffix(words[0], "[]")] = true
		for i := range words {
			key := strings.TrimSuffix(strings.Join(words[:i+1], "."), "[]")
			known[key] = true
			if !strings.Contains(key, "[]") {
				variables[config.EnvName(key)] = true
			}
		}
	}
	for _, e := range call.EventTypes() { // written alike
		kind, _, _ := strings.Cut(string(e), ".")
		known[string(e)], sections[kind] = true, true
	}
	key := regexp.MustCompile("`([a-z]+)((?:\\[\\])?(?:\\.[a-z_]+(?:\\[\\])?)+)(?:: [^`]*)?`")
	for path, text := range documents(t) {
		for _, m := range key.FindAllStringSubmatch(text, -1) {
			if sections[m[1]] && !known[m[1]+m[2]] {
				t.Errorf("%s: there is no key or event %s%s", path, m[1], m[2])
			}
		}
		for _, name := range regexp.MustCompile(`MEDIASERVER_[A-Z_]+`).FindAllString(text, -1) {
			if !variables[name] {
				t.Errorf("%s: there is no variable %s", path, name)
			}
		}
	}
}

// TestDocumentedConfigurationsAreGood loads the examples of all documents. One
// that begins within a list is one of trunks.
func TestDocumentedConfigurationsAreGood(t *testing.T) {
	etc := t.TempDir()
	for _, name := range []string{"alice", "robot-1", "carrier.password", "openai.key", "azure.key", "eleven.key"} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte("secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range documents(t) {
		for i, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
			example := strings.ReplaceAll(m[1], "/etc/mediaserver", etc)
			if strings.HasPrefix(example, "    - ") {
				example = "sip:\n  trunks:\n" + example
			}
			file := filepath.Join(t.TempDir(), "example.yaml")
			if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(config.Source{File: file}); err != nil {
				t.Errorf("%s, example %d: %v", path, i+1, err)
			}
		}
	}
}

// TestCommandsAreDocumented holds operating.md against the command line: its
// commands, and the flags of all documents.
func TestCommandsAreDocumented(t *testing.T) {
	parser, err := kong.New(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for _, cells := range rowsOf(documents(t)["docs/operating.md"]) {
		rows.WriteString(cells[0] + "\n")
	}
	flags := map[string]bool{}
	var visit func(n *kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			flags["--"+f.Name] = true
		}
		for _, c := range n.Children {
			visit(c)
		}
	}
	visit(parser.Model.Node)
	for _, c := range parser.Model.Children {
		if !regexp.MustCompile("\\| `mediaserver .*\\b" + c.Name + "\\b").MatchString(rows.String()) {
			t.Errorf("operating.md has no row for the command %s", c.Name)
		}
	}
	invocation := regexp.MustCompile("(?:mediaserver(?: [a-z-]+){1,2}|make (?:run|load) ARGS=\")( [^`\n]*--[^`\n]*)")
	for path, text := range documents(t) {
		for _, m := range invocation.FindAllStringSubmatch(text, -1) {
			for _, name := range regexp.MustCompile(`--[a-z-]+`).FindAllString(m[1], -1) {
				if !flags[name] {
					t.Errorf("%s: no command has the flag %s", path, name)
				}
			}
		}
	}
}

// TestOperationsAreDocumented holds the table of management-api.md against
// the OpenAPI document of a server.
func TestOperationsAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, cells := range rowsOf(documents(t)["docs/management-api.md"]) {
		var methods []string
		for _, m := range regexp.MustCompile("`([A-Z]+)(?: (/[^`]+))?`").FindAllStringSubmatch(cells[0], -1) {
			methods = append(methods, m[1])
			if m[2] == "" { // that of the next one
				continue
			}
			for _, method := range methods {
				documented[method+" "+m[2]] = true
			}
			methods = nil
		}
	}
	i := startServer(t, testConfig(t))
	resp, err := http.Get("http://" + i.addrs.http.String() + management.Prefix + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(body, &api); err != nil {
		t.Fatal(err)
	}
	var list []string
	for path, methods := range api.Paths {
		for method := range methods {
			list = append(list, strings.ToUpper(method)+" "+strings.TrimPrefix(path, management.Prefix))
		}
	}
	if len(list) == 0 {
		t.Fatal("there are no operations")
	}
	for _, op := range list {
		if !documented[op] {
			t.Errorf("management-api.md has no row for %s", op)
		}
		delete(documented, op)
	}
	for op := range documented {
		t.Errorf("management-api.md: there is no %s", op)
	}
}

// errorCodes are those of the source, with their comments.
func errorCodes(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile("../../restapi/codes.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	for _, m := range regexp.MustCompile(`Code = "([A-Z_]+)" +//(.*)`).FindAllStringSubmatch(string(source), -1) {
		codes[m[1]] = m[2]
	}
	return codes
}

// TestErrorCodesAreDocumented holds the table of error_result.md against the
// codes in the source.
func TestErrorCodesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, cells := range rowsOf(documents(t)["docs/objects/error_result.md"]) {
		if m := regexp.MustCompile("^\\| `([A-Z_]+)`$").FindStringSubmatch(cells[0]); m != nil {
			documented[m[1]] = true
		}
	}
	for code, comment := range errorCodes(t) {
		if inLogs := strings.HasSuffix(comment, "only in logs"); documented[code] == inLogs {
			t.Errorf("error_result.md: is %s documented: %v", code, documented[code])
		}
		delete(documented, code)
	}
	for code := range documented {
		t.Errorf("error_result.md: there is no code %s", code)
	}
}

// TestResultsAreDocumented wants action_result.md to name each member of a
// result that the document of an action has.
func TestResultsAreDocumented(t *testing.T) {
	texts := documents(t)
	rows := map[string]string{} // what a row links to → the members in it
	for _, cells := range rowsOf(texts["docs/objects/action_result.md"]) {
		for _, m := range regexp.MustCompile(`\(\.\./(actions/[a-z_]+\.md)#result\)`).FindAllStringSubmatch(cells[0], -1) {
			rows["docs/"+m[1]] = cells[1]
		}
	}
	for path, text := range texts {
		_, result, _ := strings.Cut(text, "\n## Result\n\n| member |")
		result, _, _ = strings.Cut(result, "\n\n")
		for _, m := range regexp.MustCompile(`(?m)^\| ([a-z_]+) [(|]`).FindAllStringSubmatch(result, -1) {
			if !strings.Contains(rows[path], "`"+m[1]+"`") {
				t.Errorf("action_result.md: the row of %s does not name %s", path, m[1])
			}
		}
	}
	if len(rows) == 0 {
		t.Error("action_result.md has no rows")
	}
}
