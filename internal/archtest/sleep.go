package archtest

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// SleepingTests finds time.Sleep that a test, benchmark or fuzz target can
// reach outside a bubble of testing/synctest. A function is in a bubble if it
// uses synctest or calls one that does; calls are followed within the test
// files of a package. Where nothing is seen to call the sleeper, any use of
// synctest in its package will do.
func SleepingTests(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		g := p.testCalls()
		for _, s := range selectors(&Tree{Fset: t.Fset, Packages: []*Package{p}}, true, "time", "Sleep", "") {
			if file, _, _ := strings.Cut(s.Pos, ":"); !strings.HasSuffix(file, "_test.go") {
				continue
			}
			if root := g.reachedFrom(s.node); root != "" {
				s.Text = "time.Sleep outside a synctest bubble, called from " + root
				found = append(found, s)
			}
		}
	}
	return found
}

// testCalls is who calls whom in the test files of a package.
type testCalls struct {
	funcs   []*ast.FuncDecl
	callers map[*ast.FuncDecl][]*ast.FuncDecl
	bubble  map[*ast.FuncDecl]bool
}

// testCalls reads the test files.
func (p *Package) testCalls() *testCalls {
	g := &testCalls{callers: map[*ast.FuncDecl][]*ast.FuncDecl{}, bubble: map[*ast.FuncDecl]bool{}}
	decls := map[types.Object]*ast.FuncDecl{}
	for _, f := range p.Files {
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.Test {
				g.funcs = append(g.funcs, fn)
				decls[p.Info.Defs[fn.Name]] = fn
			}
		}
	}
	for _, fn := range g.funcs {
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if p.imported(n) == "testing/synctest" {
					g.bubble[fn] = true
				}
			case *ast.Ident:
				if callee := decls[p.Info.Uses[n]]; callee != nil {
					g.callers[callee] = append(g.callers[callee], fn)
				}
			}
			return true
		})
	}
	g.spread()
	return g
}

// spread puts the callers of functions in a bubble into one as well: they
// hand over what is to run there.
func (g *testCalls) spread() {
	queue := make([]*ast.FuncDecl, 0, len(g.funcs))
	for fn := range g.bubble {
		queue = append(queue, fn)
	}
	for len(queue) > 0 {
		for _, caller := range g.callers[queue[0]] {
			if !g.bubble[caller] {
				g.bubble[caller] = true
				queue = append(queue, caller)
			}
		}
		queue = queue[1:]
	}
}

// reachedFrom names a function outside all bubbles that leads to a node, ""
// if there is none.
func (g *testCalls) reachedFrom(n ast.Node) string {
	at := slices.IndexFunc(g.funcs, func(fn *ast.FuncDecl) bool { return fn.Pos() <= n.Pos() && n.End() <= fn.End() })
	if at < 0 {
		return "a package variable"
	}
	seen := map[*ast.FuncDecl]bool{}
	var walk func(fn *ast.FuncDecl) string
	walk = func(fn *ast.FuncDecl) string {
		if seen[fn] || g.bubble[fn] {
			return ""
		}
		seen[fn] = true
		if isTest(fn) || len(g.callers[fn]) == 0 && len(g.bubble) == 0 {
			return funcName(fn)
		}
		for _, caller := range g.callers[fn] {
			if root := walk(caller); root != "" {
				return root
			}
		}
		return ""
	}
	return walk(g.funcs[at])
}

// isTest reports whether go test runs the function by itself.
func isTest(fn *ast.FuncDecl) bool {
	return fn.Recv == nil && slices.ContainsFunc([]string{"Test", "Benchmark", "Fuzz", "Example"}, func(prefix string) bool {
		return strings.HasPrefix(fn.Name.Name, prefix)
	})
}
