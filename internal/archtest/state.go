package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"strings"
)

// InitFunctions finds init.
func InitFunctions(t *Tree) []Finding {
	var found []Finding
	t.files(true, func(p *Package, f *File) {
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, Finding{Pos: t.at(fn), Subject: p.Path, Text: "init; call it from where it is needed"})
			}
		}
	})
	return found
}

// SyncMaps finds uses of sync.Map.
func SyncMaps(t *Tree) []Finding {
	return selectors(t, true, "sync", "Map", "sync.Map; use a map and a mutex behind a small type")
}

// ContextFields finds structs that hold a context.
func ContextFields(t *Tree) []Finding {
	var found []Finding
	t.files(false, func(p *Package, f *File) {
		ast.Inspect(f.AST, func(n ast.Node) bool {
			s, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range s.Fields.List {
				if x, ok := field.Type.(*ast.SelectorExpr); ok && p.imported(x) == "context" && x.Sel.Name == "Context" {
					found = append(found, Finding{Pos: t.at(field), Subject: f.Name, Text: "context in a struct; pass it as the first argument"})
				}
			}
			return true
		})
	})
	return found
}

// selectors finds uses of a name of an imported package. The subject is the
// file.
func selectors(t *Tree, tests bool, pkg, name, text string) []Finding {
	var found []Finding
	t.files(tests, func(p *Package, f *File) {
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && p.imported(s) == pkg && s.Sel.Name == name {
				found = append(found, Finding{Pos: t.at(s), Subject: f.Name, Text: text, node: s})
			}
			return true
		})
	})
	return found
}

// imported is the path of the package that a selector selects from, or "".
func (p *Package) imported(s *ast.SelectorExpr) string {
	id, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	name, ok := p.Info.Uses[id].(*types.PkgName)
	if !ok {
		return ""
	}
	return name.Imported().Path()
}

// MutableVariables finds package variables that are assigned, counted up or
// down, or whose address is taken after their declaration, in whatever
// package, and those of types that exist to change: of sync and sync/atomic,
// and channels.
func MutableVariables(t *Tree) []Finding {
	exported := map[string]bool{} // "path.Name" of all package variables
	for _, p := range t.Packages {
		for v := range p.Vars {
			exported[path.Join(Module, p.Path)+"."+v.Name()] = true
		}
	}
	var found []Finding
	t.files(true, func(p *Package, f *File) {
		if !f.Test {
			for _, s := range varSpecs(f.AST) {
				if kind := p.changing(s); kind != "" {
					found = append(found, Finding{
						Pos: t.at(s), Subject: p.Path + "." + s.Names[0].Name, Text: "package variable of type " + kind,
					})
				}
			}
		}
		change := func(x ast.Expr, how string) {
			if name := p.variable(x, exported); name != "" {
				found = append(found, Finding{Pos: t.at(x), Subject: name, Text: "package variable " + how})
			}
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			inspectChange(n, change)
			return true
		})
	})
	return found
}

// inspectChange calls change for what a node may change.
func inspectChange(n ast.Node, change func(x ast.Expr, how string)) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, x := range n.Lhs {
				change(x, "assigned")
			}
		}
	case *ast.IncDecStmt:
		change(n.X, "counted")
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			change(n.Key, "assigned")
			change(n.Value, "assigned")
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			change(n.X, "has its address taken")
		}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
			change(n.Args[0], "changed by "+id.Name)
		}
	}
}

// variable is "path.Name" of the package variable that an expression is in, or
// "". A pointer or slice on the way is not seen.
func (p *Package) variable(x ast.Expr, exported map[string]bool) string {
	for {
		switch e := x.(type) {
		case *ast.ParenExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.SelectorExpr:
			if name := p.imported(e); name != "" {
				full := name + "." + e.Sel.Name
				if exported[full] {
					return strings.TrimPrefix(full, Module+"/")
				}
				return ""
			}
			x = e.X
		case *ast.Ident:
			if obj := p.Info.Uses[e]; obj != nil && p.Vars[obj] {
				return p.Path + "." + e.Name
			}
			return ""
		default:
			return ""
		}
	}
}

// changing names the type of a variable that can change without being
// assigned, or "".
func (p *Package) changing(s *ast.ValueSpec) string {
	exprs := append([]ast.Expr{s.Type}, s.Values...)
	for _, x := range exprs {
		if u, ok := x.(*ast.UnaryExpr); ok { // &T{}
			x = u.X
		}
		if c, ok := x.(*ast.CompositeLit); ok {
			x = c.Type
		}
		if c, ok := x.(*ast.CallExpr); ok && len(c.Args) > 0 { // make(chan T), new(T)
			if id, ok := c.Fun.(*ast.Ident); ok && (id.Name == "make" || id.Name == "new") {
				x = c.Args[0]
			}
		}
		if i, ok := x.(*ast.IndexExpr); ok { // atomic.Pointer[T]
			x = i.X
		}
		switch x := x.(type) {
		case *ast.ChanType:
			return "chan"
		case *ast.SelectorExpr:
			if from := p.imported(x); from == "sync" || from == "sync/atomic" {
				return from + "." + x.Sel.Name
			}
		}
	}
	return ""
}
