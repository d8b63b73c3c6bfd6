package management

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"mediaserver/call"
	"mediaserver/restapi/records"
)

// blocks are the fenced blocks of a document, as language and text.
func blocks(t *testing.T, name string) [][2]string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][2]string
	for _, m := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		out = append(out, [2]string{m[1], m[2]})
	}
	return out
}

// within says where want is not a part of got.
func within(where string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{where + " is no object"}
		}
		var out []string
		for key, v := range w {
			if _, there := g[key]; !there {
				out = append(out, where+"."+key+" is missing")
				continue
			}
			out = append(out, within(where+"."+key, v, g[key])...)
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) < len(w) {
			return []string{where + " is too short"}
		}
		var out []string
		for i := range w {
			out = append(out, within(fmt.Sprintf("%s[%d]", where, i), w[i], g[i])...)
		}
		return out
	}
	if want != got {
		return []string{fmt.Sprintf("%s is %v, the document says %v", where, got, want)}
	}
	return nil
}

func TestExamplesOfTheDocumentAreTrue(t *testing.T) {
	b := newBench(t, nil)
	list := blocks(t, "management-api.md")
	run := 0
	for i, block := range list {
		if block[0] != "http" {
			continue
		}
		head, body, _ := strings.Cut(block[1], "\n\n")
		method, path, _ := strings.Cut(strings.TrimSpace(head), " ")
		_, raw := b.ask(method, path, strings.TrimSpace(body))
		var want, got any
		if err := json.Unmarshal([]byte(list[i+1][1]), &want); err != nil {
			t.Fatalf("%s: %v", head, err)
		}
		if err := json.Unmarshal([]byte(raw), &got); err != nil {
			t.Fatalf("%s: %v", head, err)
		}
		for _, wrong := range within("", want, got) {
			t.Errorf("%s: %s", head, wrong)
		}
		run++
	}
	if run < 5 {
		t.Errorf("%d examples only", run)
	}
}

func TestEventsOfTheDocumentAreEvents(t *testing.T) {
	strict := func(text string, v any) error {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.DisallowUnknownFields()
		return d.Decode(v)
	}
	var list []string
	for _, block := range blocks(t, "events.md") {
		if block[0] == "json" {
			list = append(list, block[1])
		}
	}
	if len(list) != 3 {
		t.Fatalf("%d examples", len(list))
	}
	var hook struct {
		Webhook string
		Events  []call.Event
	}
	var r records.Record
	for i, v := range []any{&call.Event{}, &hook, &r} {
		if err := strict(list[i], v); err != nil {
			t.Errorf("example %d: %v", i, err)
		}
	}
	raw, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range call.EventTypes() {
		if !strings.Contains(string(raw), "`"+string(kind)+"`") {
			t.Errorf("%s is not documented", kind)
		}
	}
}
