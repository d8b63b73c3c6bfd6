package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
