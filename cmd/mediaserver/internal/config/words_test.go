package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// documentedFields are all keys, those of the elements of lists included.
func documentedFields(t reflect.Type, path string, tell func(path string, f field)) {
	for _, f := range fieldsOf(t) {
		p, ft := join(path, f.name), t.FieldByIndex(f.index).Type
		switch {
		case isSection(ft):
			documentedFields(ft, p, tell)
			continue
		case ft.Kind() == reflect.Slice && isSection(ft.Elem()):
			documentedFields(ft.Elem(), p+"[]", tell)
		}
		tell(p, f)
	}
}

// TestWhatIsAllowedIsDocumented holds the rows of docs/configuration.md against
// what the keys take: the range of a number, the words of a choice, and that
// a secret is one.
func TestWhatIsAllowedIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | "); len(cells) == 5 {
			rows[strings.Trim(cells[0], "`")] = cells
		}
	}
	checked := 0
	documentedFields(reflect.TypeFor[Config](), "", func(path string, f field) {
		cells := rows[path]
		if cells == nil {
			return // TestEveryKeyIsDocumented tells
		}
		allowed, meaning := cells[2], cells[4]
		if f.hasRange {
			checked++
			if want := fmt.Sprintf("%d to %d", f.low, f.high); !strings.Contains(allowed, want) {
				t.Errorf("%s takes %s, not %q", path, want, allowed)
			}
		}
		for _, v := range f.available() {
			checked++
			if v != "" && !strings.Contains(strings.ReplaceAll(allowed, "`", ""), v) {
				t.Errorf("%s takes %s, which is not in %q", path, v, allowed)
			}
		}
		if f.secret && !strings.Contains(meaning, "secret, never shown") {
			t.Errorf("%s is a secret, which %q does not say", path, meaning)
		}
	})
	if checked == 0 {
		t.Error("nothing was checked")
	}
}
