package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// doc is a doc.go for a package of a sample.
func doc(name string) string { return "// Package " + name + " is a sample.\npackage " + name + "\n" }

// samples show that each rule can fail, and what it lets pass. want are parts
// of the findings, in order; none means that the sample is good.
var samples = []struct {
	name    string
	rule    func(*Tree) []Finding
	sources map[string]string
	want    []string
}{
	{
		"mixer may import audio", Imports,
		map[string]string{"mixer/a.go": `package mixer; import _ "mediaserver/audio"`},
		nil,
	},
	{
		"mixer must not import sip or net", Imports,
		map[string]string{"mixer/a.go": "package mixer\nimport _ \"mediaserver/sip\"\nimport _ \"net\"\nimport _ \"net/netip\""},
		[]string{
			"mixer/a.go:2: mixer may import of ours only [audio internal/prefetch internal/cputime internal/realtime], not sip", "mixer/a.go:3: mixer must not import net",
			"mixer/a.go:4: mixer must not import net/netip",
		},
	},
	{
		"a test may import what it needs", Imports,
		map[string]string{"mixer/a_test.go": `package mixer; import _ "mediaserver/sip"`},
		nil,
	},
	{
		"nobody but cmd may import cmd", Imports,
		map[string]string{"call/a.go": `package call; import _ "mediaserver/cmd/mediaserver"`},
		[]string{"call/a.go:1: call may import of ours only"},
	},
	{
		"cmd may import all", Imports,
		map[string]string{"cmd/mediaserver/a.go": `package main; import _ "mediaserver/call"`},
		nil,
	},
	{
		"a package needs a row", Imports,
		map[string]string{"mess/a.go": "package mess"},
		[]string{"mess/a.go:1: package without a row"},
	},
	{
		"file of 500 lines", LongFiles,
		map[string]string{"a/a.go": "package a" + strings.Repeat("\n", FileLines-1)},
		nil,
	},
	{
		"file of 501 lines", LongFiles,
		map[string]string{"a/a.go": "package a" + strings.Repeat("\n", FileLines+1)},
		[]string{"a/a.go:1: file of 501 lines, 500 are allowed [a/a.go]"},
	},
	{
		"tests may be long", LongFiles,
		map[string]string{"a/a_test.go": "package a" + strings.Repeat("\n", FileLines+1)},
		nil,
	},
	{
		"function of 80 lines", LongFunctions,
		map[string]string{"a/a.go": "package a\nfunc f() {" + strings.Repeat("\n", FuncLines-1) + "}"},
		nil,
	},
	{
		"method of 81 lines", LongFunctions,
		map[string]string{"a/a.go": "package a\ntype t[T any] int\nfunc (*t[T]) f() {" + strings.Repeat("\n", FuncLines) + "}"},
		[]string{"a/a.go:3: function of 81 lines, 80 are allowed [a.(*t).f]"},
	},
	{
		"function of 121 lines", TooLongFunctions,
		map[string]string{"a/a.go": "package a\nfunc f() {" + strings.Repeat("\n", TableLines) + "}"},
		[]string{"a/a.go:2: function of 121 lines, 120 are allowed [a.f]"},
	},
	{
		"struct of 20 fields", WideStructs,
		map[string]string{"a/a.go": "package a\ntype t struct {" + numbered("f%d int;", StructFields) + "}"},
		nil,
	},
	{
		"structs of 21 fields", WideStructs,
		map[string]string{"a/a.go": "package a\ntype t struct { embedded;" + numbered("f%d int;", StructFields) + "}\n" +
			"func f() { var x struct {" + numbered("f%d int;", StructFields+1) + "}; _ = x }"},
		[]string{"a/a.go:2: struct of 21 fields, 20 are allowed [a.t]", "a/a.go:3: struct of 21 fields, 20 are allowed [a.f]"},
	},
	{
		"interface of 5 methods", WideInterfaces,
		map[string]string{"a/a.go": "package a\ntype t interface {" + numbered("F%d();", InterfaceMethods) + "}"},
		nil,
	},
	{
		"interface of 5 methods and an embedded one", WideInterfaces,
		map[string]string{"a/a.go": "package a\ntype t interface { error;" + numbered("F%d();", InterfaceMethods) + "}"},
		[]string{"a/a.go:2: interface of 6 methods, 5 are allowed [a.t]"},
	},
	{
		"documented packages", PackageDocs,
		map[string]string{
			"a/doc.go": doc("a"), "a/a.go": "package a", "b/b_test.go": "package b",
			"cmd/x/doc.go": "// Command x does it.\npackage main",
		},
		nil,
	},
	{
		"undocumented packages", PackageDocs,
		map[string]string{"a/a.go": "// Package a is in the wrong file.\npackage a", "b/doc.go": "// About b.\npackage b"},
		[]string{`a/doc.go:1: package without a doc.go whose comment begins "Package a "`, "b/doc.go:2: package without"},
	},
	{
		"documented names", ExportedDocs,
		map[string]string{"a/a.go": "package a\n// T is.\ntype T int\n// F does.\nfunc (T) F() {}\nfunc (t) G() {}\ntype t int\n" +
			"// All of it.\nconst (\nA = 1\nB = 2\n)\nvar C = 1 // is one\nfunc f() {}", "a/a_test.go": "package a\nfunc TestX() {}"},
		nil,
	},
	{
		"undocumented names", ExportedDocs,
		map[string]string{"a/a.go": "package a\ntype T int\nfunc (*T) F() {}\nfunc G() {}\nvar b, C = 1, 2"},
		[]string{"a/a.go:2: exported without a comment [a.T]", "a/a.go:3: exported without a comment [a.(*T).F]", "[a.G]", "[a.C]"},
	},
	{
		"init", InitFunctions,
		map[string]string{"a/a.go": "package a\nfunc init() {}\ntype t int\nfunc (t) init() {}", "a/a_test.go": "package a\nfunc init() {}"},
		[]string{"a/a.go:2: init;", "a/a_test.go:2: init;"},
	},
	{
		"sync.Map", SyncMaps,
		map[string]string{"a/a.go": "package a\nimport \"sync\"\ntype t struct { m sync.Map; n sync.Mutex }"},
		[]string{"a/a.go:3: sync.Map"},
	},
	{
		"sync.Map under another name", SyncMaps,
		map[string]string{"a/a.go": "package a\nimport s \"sync\"\nvar m s.Map\ntype sync struct { Map int }"},
		[]string{"a/a.go:3: sync.Map"},
	},
	{
		"sleep in tests", SleepingTests,
		map[string]string{
			"a/a_test.go": "package a\nimport \"time\"\nfunc TestX() { s.f() }\nfunc (t) f() { time.Sleep(1) }\ntype t int\nvar s t",
			"b/a_test.go": "package b\nimport \"time\"\nfunc f() { func() { time.Sleep(1) }() }",
		},
		[]string{
			"a/a_test.go:4: time.Sleep outside a synctest bubble, called from TestX",
			"b/a_test.go:3: time.Sleep outside a synctest bubble, called from f",
		},
	},
	{
		"sleep in programs and bubbles", SleepingTests,
		map[string]string{
			"a/a.go":      "package a\nimport \"time\"\nfunc g() { time.Sleep(1) }",
			"a/a_test.go": "package a\nimport \"time\"\nfunc TestX() { bubble(f) }\nfunc f() { time.Sleep(1) }\nfunc byInterface() { f() }",
			"a/b_test.go": "package a\nimport \"testing/synctest\"\nfunc bubble(f func()) { synctest.Test(nil, f) }",
		},
		nil,
	},
	{
		"sleep inside and outside a bubble", SleepingTests,
		map[string]string{"a/a_test.go": "package a\nimport (\"time\"; \"testing/synctest\")\nfunc TestX() { synctest.Test(nil, f) }\n" +
			"func BenchmarkX() { g() }\nfunc g() { f() }\nfunc f() { time.Sleep(1) }"},
		[]string{"a/a_test.go:6: time.Sleep outside a synctest bubble, called from BenchmarkX"},
	},
	{
		"variables that never change", MutableVariables,
		map[string]string{"a/a.go": "package a\nimport \"errors\"\nvar ErrX = errors.New(\"a: x\")\nvar table = [2]int{1, 2}\n" +
			"func f() int { table := 0; table++; v := ErrX; _ = v; return table }\nvar _ = table"},
		nil,
	},
	{
		"variables that change", MutableVariables,
		map[string]string{
			"a/a.go": "package a\nvar a, b, c, d, e, F = 0, [2]int{}, struct{ x int }{}, map[int]int{}, 0, 0\n" +
				"func f() {\na = 1\nb[0]++\n(c).x += 2\ndelete(d, 1)\ng(&e)\n}",
			"a/z_test.go": "package a\nfunc z() { e = 2 }",
			"b/b.go":      "package b\nimport \"mediaserver/a\"\nfunc f() { a.F = 1 }",
		},
		[]string{
			"a/a.go:4: package variable assigned [a.a]", "a/a.go:5: package variable counted [a.b]",
			"a/a.go:6: package variable assigned [a.c]", "a/a.go:7: package variable changed by delete [a.d]",
			"a/a.go:8: package variable has its address taken [a.e]", "a/z_test.go:2: package variable assigned [a.e]",
			"b/b.go:3: package variable assigned [a.F]",
		},
	},
	{
		"variables of types that change", MutableVariables,
		map[string]string{"a/a.go": "package a\nimport (\"sync\"; \"sync/atomic\")\nvar mu sync.Mutex\nvar n = &atomic.Int64{}\n" +
			"var p atomic.Pointer[int]\nvar c = make(chan int)\nvar once = sync.OnceValue(f)\nfunc f() int { return 1 }"},
		[]string{"[a.mu]", "a/a.go:4: package variable of type sync/atomic.Int64 [a.n]", "[a.p]", "package variable of type chan [a.c]"},
	},
	{
		"context in a struct", ContextFields,
		map[string]string{"a/a.go": "package a\nimport \"context\"\ntype t struct {\nc context.Context\nf func(context.Context)\n}"},
		[]string{"a/a.go:4: context in a struct"},
	},
	{
		"words", Words,
		map[string]string{
			"a/legs.go":  "package a\ntype Bridge struct{ rtpLeg int }\nfunc f(stringUtils int) { legacy := 1; _ = legacy; common_x := 2; _ = common_x }",
			"util/a.go":  "package x",
			"b/elegy.go": "package b\nvar abridged, Utility, helpers_test = 1, 2, 3",
		},
		[]string{
			`util/a.go:1: the word "util" in util; say what it is for`, `a/legs.go:1: the word "legs" in legs; say dialog`,
			`a/legs.go:2: the word "bridge" in Bridge`, `a/legs.go:2: the word "leg" in rtpLeg`,
			`a/legs.go:3: the word "utils" in stringUtils`, `a/legs.go:3: the word "common" in common_x`, `b/elegy.go:2: the word "helpers"`,
		},
	},
}

// numbered repeats a format with numbers from 0.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestRulesOnSamples(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			tree, err := Parse(s.sources)
			if err != nil {
				t.Fatal(err)
			}
			found := s.rule(tree)
			for i := range max(len(found), len(s.want)) {
				switch {
				case i >= len(s.want):
					t.Errorf("found as well: %v", found[i])
				case i >= len(found):
					t.Errorf("not found: %s", s.want[i])
				case !strings.Contains(found[i].String(), s.want[i]):
					t.Errorf("got %v, want %s", found[i], s.want[i])
				}
			}
		})
	}
}

func TestApplyUsesReportsAndRequiresExceptions(t *testing.T) {
	found := []Finding{{Pos: "a.go:1", Subject: "a", Text: "bad"}, {Pos: "b.go:2", Subject: "b", Text: "bad"}}
	list := []Exception{
		{"rule", "a", "it is so"}, {"rule", "gone", "it was so"}, {"rule", "b", ""}, {"another", "x", "not looked at"},
	}
	got := Apply("rule", found, list)
	want := []string{"has no reason", "stale exception to \"rule\": nothing in gone"}
	if len(got) != len(want) || !strings.Contains(got[0], want[0]) || !strings.Contains(got[1], want[1]) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Apply("rule", found, list[:1]); !slices.Equal(got, []string{"b.go:2: bad [b]"}) {
		t.Errorf("without an exception: %q", got)
	}
}

func TestWordsOfAName(t *testing.T) {
	for name, want := range map[string][]string{
		"RTPLeg": {"rtp", "leg"}, "legRTP": {"leg", "rtp"}, "snake_case-x.go": {"snake", "case", "x", "go"},
		"HTTPServer2Legs": {"http", "server", "legs"}, "a": {"a"}, "ID": {"id"}, "": nil,
	} {
		if got := words(name); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
