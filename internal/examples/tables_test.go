package examples

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mediaserver/sip"
)

// object is a JSON object.
type object = map[string]any

// place puts an object into an answer.
type place func(o object) object

// list is an answer with one action.
func list(action string, properties any) object {
	return object{"actions": []object{{action: properties}}}
}

// joining is an answer with connect_to_conference.
func joining(property string) place {
	return func(o object) object { return list("connect_to_conference", object{"name": "probe", property: o}) }
}

// What properties need beside them, or have in them.
var (
	aPlay    = object{"play": object{"play_list": []object{{"text_to_say": "probe"}}}}
	anOption = object{"digit": "1", "next_page": "probe"}
)

// places say where the properties of a table go, by document and number of
// the table, and what has to be beside them. Documents of actions whose name is
// that of the action need no entry for the former.
var places = map[string]struct {
	put    place
	beside object
}{
	"docs/actions/README.md 0":                 {put: func(o object) object { return o }, beside: object{"actions": []any{}}},
	"docs/actions/answer.md 1":                 {put: func(o object) object { return list("answer", object{"extra_sip_headers": []object{o}}) }, beside: object{"name": "X-A", "value": "1"}},
	"docs/actions/play.md 0":                   {beside: object{"play_list": []object{{"text_to_say": "probe"}}}},
	"docs/actions/sleep.md 0":                  {beside: object{"seconds": 1}},
	"docs/actions/redirect.md 0":               {beside: object{"next_page": "probe"}},
	"docs/actions/record.md 0":                 {beside: object{"next_page": "probe"}},
	"docs/actions/get_number.md 0":             {beside: object{"next_page": "probe", "prompt": aPlay}},
	"docs/actions/run_menu.md 0":               {beside: object{"prompt": aPlay, "menu_options": []object{anOption}}},
	"docs/actions/run_menu.md 1":               {put: func(o object) object { return list("run_menu", object{"prompt": aPlay, "menu_options": []object{o}}) }, beside: anOption},
	"docs/actions/get_input.md 0":              {beside: object{"next_page": "probe", "speech_input_mode": "disabled"}},
	"docs/actions/connect_to_conference.md 0":  {beside: object{"name": "probe"}},
	"docs/actions/connect.md 0":                {beside: object{"destinations": []string{"1"}}},
	"docs/objects/page.md 0":                   {put: func(o object) object { return list("redirect", object{"next_page": o}) }, beside: object{"url": "probe"}},
	"docs/objects/media.md 0":                  {put: func(o object) object { return list("play", object{"play_list": []object{o}}) }},
	"docs/objects/cipher.md 0":                 {put: func(o object) object { return object{"actions": []any{}, "call_recording_cipher": o} }, beside: cipherOf("aescbc")},
	"docs/objects/secondary_call.md 0":         {put: joining("secondary_call")},
	"docs/objects/conference_participant.md 0": {put: joining("conference_participant")},
}

func cipherOf(kind string) object {
	if kind == "age" {
		return object{"type": "age"}
	}
	const key, vector = "000102030405060708090a0b0c0d0e0f", "101112131415161718191a1b1c1d1e1f"
	return object{"type": kind, "key": key, "initialisation_vector": vector}
}

// besides are what single properties need beside them.
var besides = map[string]object{
	"tts_voice": {"text_to_say": "probe"}, "text_is_private": {"text_to_say": "probe"},
	"decryption_cipher": {"file_to_play": "probe.wav"}, "recipient": cipherOf("age"),
}

// probe is one answer with one property, and what has to become of it.
type probe struct {
	what   string
	answer string
	want   string // code; "" = none; "?" = anything but that the property is unknown
}

// probes are those of a row in a version.
func (r row) probes(t *testing.T, where string, action, version string) []probe {
	t.Helper()
	at := places[where]
	put, beside := at.put, at.beside
	if put == nil {
		put = func(o object) object { return list(action, o) }
	}
	if b := besides[r.name]; b != nil {
		beside = b
	}
	answer := func(value any) string {
		o := maps.Clone(beside)
		if o == nil {
			o = object{}
		}
		o[r.name] = value
		doc := put(o)
		if _, set := doc["api_version"]; version != "1" && !set {
			doc["api_version"] = version
		}
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	what := where + " " + r.name + " in version " + version
	if r.only != "" && r.only != "v"+version[:1] {
		want := "UNKNOWN_PROPERTY"
		if action == "get_input" { // there is no such action then
			want = "UNKNOWN_ACTION"
		}
		return []probe{{what + ", which does not have it", answer(nil), want}}
	}
	null := probe{what + " null", answer(nil), "?"}
	switch {
	case strings.HasPrefix(r.cells["required"], "yes"):
		null.want = "MISSING_PROPERTY"
	case r.cells["required"] == "no":
		null.want = ""
	}
	list := []probe{null}
	values, code := r.badValues()
	if code == "" {
		t.Errorf("%s %s: no bad value", where, r.name)
	}
	for _, v := range values {
		var value any
		if err := json.Unmarshal([]byte(v), &value); err != nil {
			t.Errorf("%s %s: the bad value %s is not JSON: %v", where, r.name, v, err)
			continue
		}
		list = append(list, probe{what + " " + v, answer(value), code})
	}
	return list
}

// TestDocumentedProperties has the server judge every row of every table of
// properties: that it knows the property, in the versions that are said, that
// it is required or not, and what the bad values give.
func TestDocumentedProperties(t *testing.T) {
	for _, version := range []string{"1", "2.0"} {
		var all []probe
		for _, d := range documents(t) {
			for i, tab := range d.tables {
				where := fmt.Sprint(d.name, " ", i)
				action := strings.TrimSuffix(filepath.Base(d.name), ".md")
				if _, ok := places[where]; !ok && !strings.HasPrefix(d.name, "docs/actions/") {
					t.Fatalf("%s: nobody knows where its properties go", where)
				}
				for _, r := range tab.rows {
					all = append(all, r.probes(t, where, action, version)...)
				}
			}
		}
		for _, name := range notYet(t) {
			body, err := json.Marshal(object{"api_version": version, "actions": []object{{name: object{}}}})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, probe{name + ", which is not there yet", string(body), "UNKNOWN_ACTION"})
		}
		t.Run("version "+version, func(t *testing.T) { judge(t, version, all) })
	}
}

// notYet are the actions that are documented as missing.
func notYet(t *testing.T) []string {
	t.Helper()
	_, table, ok := strings.Cut(read(t, "docs/actions/not-yet.md"), "\n| action |")
	table, _, ended := strings.Cut(table, "\n\n")
	if !ok || !ended {
		t.Fatal("there is no table of actions")
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z_]+) \|`).FindAllStringSubmatch(table, -1) {
		names = append(names, m[1])
	}
	return names
}

// judge runs an answer for each of many callers.
func judge(t *testing.T, version string, all []probe) {
	number := func(i int) string { return strconv.Itoa(10000 + i) }
	answers := func(caller, page string) string {
		i, err := strconv.Atoi(caller)
		if err != nil || page != "first" {
			return ""
		}
		return all[i-10000].answer
	}
	runWorld(t, version, 0, answers, func(w *world) {
		for i := range all {
			w.dial(number(i)).end(sip.ErrRemoteBye)
		}
		w.at(time.Minute)
		for i, p := range all {
			fault := w.fault(number(i))
			code, _, _ := strings.Cut(fault, ":")
			if p.want == "?" && code != "UNKNOWN_PROPERTY" || code == p.want {
				continue
			}
			t.Errorf("%s: %q, want %q, from %s", p.what, fault, p.want, p.answer)
		}
	})
	t.Logf("%d answers", len(all))
}

// TestEverythingIsDocumented finds actions and properties in the source of
// restapi that no document has.
func TestEverythingIsDocumented(t *testing.T) {
	inTables := map[string]bool{}
	for _, d := range documents(t) {
		for _, tab := range d.tables {
			for _, r := range tab.rows {
				inTables[r.name] = true
			}
		}
	}
	actions, properties := declared(t)
	for name := range properties {
		if !inTables[name] {
			t.Errorf("no document has the property %s", name)
		}
	}
	listed := notYet(t)
	for name, missing := range actions {
		_, err := os.Stat(filepath.Join(root, "docs/actions", name+".md"))
		if later := slices.Contains(listed, name); later != missing || (err == nil) == missing {
			t.Errorf("%s: missing in the server %v, listed in not-yet.md %v, has a page of its own %v", name, missing, later, err == nil)
		}
	}
	if len(actions) < 10 || len(properties) < 40 {
		t.Errorf("found only the actions %v and the properties %v", actions, properties)
	}
}

// declared are the actions in the table of restapi, true for those that the
// server lacks, and the properties in its tables.
func declared(t *testing.T) (actions, properties map[string]bool) {
	t.Helper()
	actions, properties = map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob(filepath.Join(root, "restapi", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if name := baseName(n.Fun); (strings.HasSuffix(name, "Property") || name == "ignoredObject") && len(n.Args) > 0 {
					if s, ok := literal(n.Args[0]); ok {
						properties[s] = true
					}
				}
			case *ast.CompositeLit:
				members := members(n)
				if baseName(n.Type) == "property" && members["name"] != "" {
					properties[members["name"]] = true
				}
				if array, ok := n.Type.(*ast.ArrayType); ok && baseName(array.Elt) == "actionType" {
					for _, e := range n.Elts {
						m := membersOf(e)
						actions[m["name"]] = m["missing"] != ""
					}
				}
			}
			return true
		})
	}
	return actions, properties
}

// baseName is the name of a function or type without its type arguments.
func baseName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return baseName(e.X)
	}
	return ""
}

// members are the members of a composite literal that are texts.
func members(c *ast.CompositeLit) map[string]string {
	m := map[string]string{}
	for _, e := range c.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if s, ok := literal(kv.Value); ok {
			m[baseName(kv.Key)] = s
		}
	}
	return m
}

func membersOf(e ast.Expr) map[string]string {
	if c, ok := e.(*ast.CompositeLit); ok {
		return members(c)
	}
	return nil
}

// literal is the text of a text literal.
func literal(e ast.Expr) (string, bool) {
	b, ok := e.(*ast.BasicLit)
	if !ok || b.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(b.Value)
	return s, err == nil
}

// TestIndexes wants each document to be in the index of its directory, and
// every link from one document to another to lead somewhere.
func TestIndexes(t *testing.T) {
	for _, d := range documents(t) {
		dir, base := filepath.Split(d.name)
		if base != "README.md" && !slices.Contains(links(read(t, dir+"README.md")), base) {
			t.Errorf("%sREADME.md has no link to %s", dir, base)
		}
	}
	for _, name := range append(markdown(t, "docs"), markdown(t, "examples")...) {
		for _, to := range links(read(t, name)) {
			file, fragment, _ := strings.Cut(to, "#")
			if strings.Contains(file, ":") {
				continue
			}
			target := filepath.Join(filepath.Dir(name), file)
			if file == "" {
				target = name
			}
			info, err := os.Stat(filepath.Join(root, target))
			if err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, to)
				continue
			}
			if fragment != "" && !info.IsDir() && !slices.Contains(anchors(read(t, target)), fragment) {
				t.Errorf("%s: %s has no heading for %s", name, target, to)
			}
		}
	}
}

// TestDocumentedConfiguration has the server check the configuration of the
// document about moving, and that of the examples.
func TestDocumentedConfiguration(t *testing.T) {
	server, err := builtServer()
	if err != nil {
		t.Fatal(err)
	}
	const moving = "docs/moving-from-aculab-cloud.md"
	_, block, ok := strings.Cut(read(t, moving), "```yaml\n")
	block, _, ended := strings.Cut(block, "```")
	if !ok || !ended {
		t.Fatalf("%s has no configuration", moving)
	}
	for name, text := range map[string]string{moving: block, "examples": read(t, "examples/mediaserver.yaml")} {
		file := filepath.Join(t.TempDir(), "mediaserver.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(server, "check-config", "--config", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
