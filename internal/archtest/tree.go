package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Module is the path of the module whose tree is checked.
const Module = "mediaserver"

// File is one parsed Go file.
type File struct {
	Name  string // path from the root, with slashes
	Lines int
	Test  bool // _test.go
	AST   *ast.File
}

// Package is the Go files of one directory. Files of package x_test belong to
// the package they test.
type Package struct {
	Path  string // directory from the root, "." for the root itself
	Name  string // of the package clause
	Files []*File
	Info  *types.Info           // who is who within the package
	Vars  map[types.Object]bool // package variables, test files left out
}

// Tree is all packages below a root, sorted by path.
type Tree struct {
	Fset     *token.FileSet
	Packages []*Package
}

// Finding is one place that breaks a rule.
type Finding struct {
	Pos     string // file:line
	Subject string // what an exception names; without line numbers, to be stable
	Text    string // what is there and what is allowed
	node    ast.Node
}

// String is "file:line: text [subject]".
func (f Finding) String() string { return fmt.Sprintf("%s: %s [%s]", f.Pos, f.Text, f.Subject) }

// Load reads all Go files below root, but for testdata and hidden directories.
func Load(root string) (*Tree, error) {
	sources := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "data") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		sources[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	return Parse(sources)
}

// Parse makes a tree of sources by file name.
func Parse(sources map[string]string) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet()}
	byPath := map[string]*Package{}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		syntax, err := parser.ParseFile(t.Fset, name, sources[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parse: %w", err)
		}
		dir := path.Dir(name)
		p := byPath[dir]
		if p == nil {
			p = &Package{Path: dir}
			byPath[dir] = p
			t.Packages = append(t.Packages, p)
		}
		f := &File{
			Name: name, Test: strings.HasSuffix(name, "_test.go"), AST: syntax,
			Lines: t.Fset.File(syntax.FileStart).LineCount(),
		}
		if !f.Test {
			p.Name = syntax.Name.Name
		}
		p.Files = append(p.Files, f)
	}
	for _, p := range t.Packages {
		p.resolve(t.Fset)
	}
	return t, nil
}

// resolve finds out which identifier means what. Imports are not loaded, so
// the errors that this brings are of no interest.
func (p *Package) resolve(fset *token.FileSet) {
	p.Info = &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	p.Vars = map[types.Object]bool{}
	byName := map[string][]*ast.File{}
	for _, f := range p.Files {
		byName[f.AST.Name.Name] = append(byName[f.AST.Name.Name], f.AST)
	}
	conf := types.Config{Error: func(error) {}, Importer: noImporter{}}
	for name, files := range byName {
		// The error is the first of those that Error has seen.
		_, _ = conf.Check(path.Join(Module, p.Path)+"."+name, fset, files, p.Info)
	}
	for _, f := range p.Files {
		if f.Test {
			continue
		}
		for _, spec := range varSpecs(f.AST) {
			for _, id := range spec.Names {
				if obj := p.Info.Defs[id]; obj != nil && id.Name != "_" {
					p.Vars[obj] = true
				}
			}
		}
	}
}

// noImporter refuses every import; go/types goes on with an empty package.
type noImporter struct{}

// Import always fails.
func (noImporter) Import(path string) (*types.Package, error) {
	return nil, fmt.Errorf("%s is not loaded", path)
}

// varSpecs are the declarations of package variables in a file.
func varSpecs(f *ast.File) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				specs = append(specs, s.(*ast.ValueSpec))
			}
		}
	}
	return specs
}

// at is the place of a node as file:line.
func (t *Tree) at(n ast.Node) string {
	p := t.Fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// lines is how many lines a node covers.
func (t *Tree) lines(n ast.Node) int {
	return t.Fset.Position(n.End()).Line - t.Fset.Position(n.Pos()).Line + 1
}

// files calls do with every file, or with those that are no tests.
func (t *Tree) files(tests bool, do func(*Package, *File)) {
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if tests || !f.Test {
				do(p, f)
			}
		}
	}
}

// importPath is the path of an import declaration.
func importPath(s *ast.ImportSpec) string { return strings.Trim(s.Path.Value, `"`) }

// funcName is "F", "T.M" or "(*T).M".
func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	recv := receiver(d)
	if _, pointer := d.Recv.List[0].Type.(*ast.StarExpr); pointer {
		recv = "(*" + recv + ")"
	}
	return recv + "." + d.Name.Name
}

// receiver is the name of a method's type, "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr: // type parameters
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.Name
		default:
			return "?"
		}
	}
}
