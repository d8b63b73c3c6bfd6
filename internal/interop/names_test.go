package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheTableNamesTests finds tests in docs/interoperability.md that do not
// exist, and foreign programs of the tests that it does not know.
func TestTheTableNamesTests(t *testing.T) {
	table, err := os.ReadFile("../../docs/interoperability.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, pattern := range []string{"*_test.go", "../../sip/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(text)
		}
	}
	for _, name := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(string(table), -1) {
		if !strings.Contains(code.String(), "func "+name[1]+"(") {
			t.Errorf("the table names %s, which does not exist", name[1])
		}
	}
	for _, p := range regexp.MustCompile(`need\(t, "([a-z]+)"`).FindAllStringSubmatch(code.String(), -1) {
		if known := map[string]string{"sipp": "SIPp", "dumpcap": "tshark", "svmap": "sipvicious"}[p[1]]; known != "" {
			p[1] = known
		}
		if !strings.Contains(string(table), p[1]) {
			t.Errorf("the tests use %s, which the table does not know", p[1])
		}
	}
}
