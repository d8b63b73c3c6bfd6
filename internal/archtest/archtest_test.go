package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// loadTree reads the tree that this test is part of, once.
var loadTree = sync.OnceValues(func() (*Tree, error) { return Load(filepath.Join("..", "..")) })

// check holds the real tree against a rule.
func check(t *testing.T, rule string, find func(*Tree) []Finding) {
	t.Helper()
	tree, err := loadTree()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range Apply(rule, find(tree), exceptions) {
		t.Error(m)
	}
}

func TestImportsFollowTheTable(t *testing.T) { check(t, ruleImports, Imports) }
func TestFilesAreShort(t *testing.T)         { check(t, ruleFile, LongFiles) }
func TestFunctionsAreShort(t *testing.T)     { check(t, ruleFunction, LongFunctions) }
func TestStructsAreNarrow(t *testing.T)      { check(t, ruleStruct, WideStructs) }
func TestInterfacesAreNarrow(t *testing.T)   { check(t, ruleInterface, WideInterfaces) }
func TestPackagesAreDocumented(t *testing.T) { check(t, rulePackageDoc, PackageDocs) }
func TestExportedIsDocumented(t *testing.T)  { check(t, ruleDoc, ExportedDocs) }
func TestNoInit(t *testing.T)                { check(t, ruleInit, InitFunctions) }
func TestNoMutableVariables(t *testing.T)    { check(t, ruleVariable, MutableVariables) }
func TestNoSyncMap(t *testing.T)             { check(t, ruleSyncMap, SyncMaps) }
func TestNoSleepingTests(t *testing.T)       { check(t, ruleSleep, SleepingTests) }
func TestNoContextInStructs(t *testing.T)    { check(t, ruleContext, ContextFields) }
func TestNoForbiddenWords(t *testing.T)      { check(t, ruleWord, Words) }

func TestNoFunctionIsLongerThanATable(t *testing.T) { check(t, "", TooLongFunctions) }

func TestExceptionsNameKnownRules(t *testing.T) {
	known := []string{
		ruleImports, ruleFile, ruleFunction, ruleStruct, ruleInterface, rulePackageDoc,
		ruleDoc, ruleInit, ruleVariable, ruleSyncMap, ruleSleep, ruleContext, ruleWord,
	}
	for _, e := range exceptions {
		if !slices.Contains(known, e.Rule) {
			t.Errorf("exception for %s names the rule %q, which does not exist", e.Subject, e.Rule)
		}
	}
}

// TestRFCTableNamesFilesThatExist keeps docs/RFC.md honest when files move.
func TestRFCTableNamesFilesThatExist(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	text, err := os.ReadFile(filepath.Join(docs, "RFC.md"))
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1)
	if len(links) == 0 {
		t.Error("no links found")
	}
	for _, l := range links {
		if _, err := os.Stat(filepath.Join(docs, filepath.FromSlash(l[1]))); err != nil {
			t.Errorf("docs/RFC.md: %v", err)
		}
	}
}

// quoted are the names between backticks, as the import table writes them.
func quoted(text string) (names []string) {
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		names = append(names, strings.TrimSuffix(strings.ReplaceAll(m[1], "…", "..."), "/"))
	}
	return names
}

// TestArchitectureTellsTheTable holds docs/ARCHITECTURE.md against the import
// table: the same packages may be imported, and every package is named.
func TestArchitectureTellsTheTable(t *testing.T) {
	const doc = "docs/ARCHITECTURE.md"
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(doc)))
	if err != nil {
		t.Fatal(err)
	}
	components, rest, _ := strings.Cut(string(text), "## Who may import whom")
	table, _, _ := strings.Cut(rest, "Interfaces are declared")
	var rows [][]string // cells
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| `") {
			rows = append(rows, cells)
		}
	}
	named := quoted(components)
	may := make([][]string, len(rows))
	for _, r := range importTable {
		who := strings.TrimPrefix(strings.TrimSuffix(r.who, "/..."), "internal/")
		if !slices.ContainsFunc(named, func(n string) bool { return n == who || strings.HasPrefix(n, who+"/") }) {
			t.Errorf("%s: %s is not among the components", doc, r.who)
		}
		i := slices.IndexFunc(rows, func(cells []string) bool {
			return slices.ContainsFunc(quoted(cells[0]), func(pattern string) bool { return fits(pattern, r.who) })
		})
		if i < 0 {
			t.Errorf("%s: no row says what %s may import", doc, r.who)
			continue
		}
		may[i] = append(may[i], r.may...)
	}
	for i, cells := range rows {
		got, want := sorted(quoted(cells[1])), sorted(may[i])
		if everything := cells[1] == "all" && slices.Equal(want, []string{"..."}); !everything && !slices.Equal(got, want) {
			t.Errorf("%s: %s may import %v, want %v", doc, cells[0], got, want)
		}
	}
}

// sorted is a list in order, each name once.
func sorted(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }
