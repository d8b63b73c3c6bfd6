package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"unicode"
)

// forbiddenWords name nothing, or have another name here.
var forbiddenWords = map[string]string{
	"leg":    "dialog, endpoint or call",
	"bridge": "room or conference",
	"util":   "what it is for",
	"common": "what it is for",
	"helper": "what it does",
}

// Words finds forbidden words in the names of packages, files and of all that
// is declared, tests included.
func Words(t *Tree) []Finding {
	var found []Finding
	look := func(pos, subject, name string) {
		for _, w := range words(name) {
			if instead, bad := forbiddenWords[strings.TrimSuffix(w, "s")]; bad {
				found = append(found, Finding{
					Pos: pos, Subject: subject, Text: fmt.Sprintf("the word %q in %s; say %s", w, name, instead),
				})
			}
		}
	}
	for _, p := range t.Packages {
		look(p.Files[0].Name+":1", p.Path, path.Base(p.Path))
	}
	t.files(true, func(p *Package, f *File) {
		look(f.Name+":1", f.Name, strings.TrimSuffix(path.Base(f.Name), ".go"))
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && p.Info.Defs[id] != nil {
				look(t.at(id), p.Path+"."+id.Name, id.Name)
			}
			return true
		})
	})
	return found
}

// words splits a name at underscores, hyphens, points and changes of case;
// they come back in lower case. An initialism is one word: "RTPLeg" is "rtp",
// "leg".
func words(name string) []string {
	var all []string
	runes := []rune(name)
	start := 0
	cut := func(end int) {
		if end > start {
			all = append(all, strings.ToLower(string(runes[start:end])))
		}
		start = end
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			cut(i)
			start = i + 1
		case i > start && unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]):
			cut(i)
		case i > start && unicode.IsLower(r) && unicode.IsUpper(runes[i-1]) && i-1 > start:
			cut(i - 1)
		}
	}
	cut(len(runes))
	return slices.Clip(all)
}
