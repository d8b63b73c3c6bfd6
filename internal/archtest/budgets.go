package archtest

import (
	"fmt"
	"go/ast"
)

// Budgets. What a function may have at most is for parsers and tables, which
// need an exception to go beyond FuncLines.
const (
	FileLines        = 500
	FuncLines        = 80
	TableLines       = 120
	StructFields     = 20
	InterfaceMethods = 5
)

// LongFiles finds files that are no tests and have more than FileLines.
func LongFiles(t *Tree) []Finding {
	var found []Finding
	t.files(false, func(_ *Package, f *File) {
		if f.Lines > FileLines {
			found = append(found, Finding{
				Pos: f.Name + ":1", Subject: f.Name,
				Text: fmt.Sprintf("file of %d lines, %d are allowed", f.Lines, FileLines),
			})
		}
	})
	return found
}

// LongFunctions finds functions of more than FuncLines lines, tests left out.
func LongFunctions(t *Tree) []Finding { return functionsAbove(t, FuncLines) }

// TooLongFunctions finds functions that not even an exception may have.
func TooLongFunctions(t *Tree) []Finding { return functionsAbove(t, TableLines) }

// functionsAbove finds functions of more than limit lines.
func functionsAbove(t *Tree, limit int) []Finding {
	var found []Finding
	t.files(false, func(p *Package, f *File) {
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := t.lines(fn); n > limit {
				found = append(found, Finding{
					Pos: t.at(fn), Subject: p.Path + "." + funcName(fn),
					Text: fmt.Sprintf("function of %d lines, %d are allowed", n, limit),
				})
			}
		}
	})
	return found
}

// WideStructs finds structs of more than StructFields fields.
func WideStructs(t *Tree) []Finding {
	return typesAbove(t, StructFields, "struct of %d fields, %d are allowed", func(x ast.Expr) int {
		s, ok := x.(*ast.StructType)
		if !ok {
			return 0
		}
		return fieldCount(s.Fields)
	})
}

// WideInterfaces finds interfaces of more than InterfaceMethods methods; an
// embedded interface counts as one.
func WideInterfaces(t *Tree) []Finding {
	return typesAbove(t, InterfaceMethods, "interface of %d methods, %d are allowed", func(x ast.Expr) int {
		i, ok := x.(*ast.InterfaceType)
		if !ok {
			return 0
		}
		return fieldCount(i.Methods)
	})
}

// fieldCount counts names, and one for what has none.
func fieldCount(list *ast.FieldList) int {
	n := 0
	for _, f := range list.List {
		n += max(len(f.Names), 1)
	}
	return n
}

// typesAbove finds types that count more than limit, tests left out. A type
// without a name is found under that of the declaration around it.
func typesAbove(t *Tree, limit int, format string, count func(ast.Expr) int) []Finding {
	var found []Finding
	t.files(false, func(p *Package, f *File) {
		for _, d := range f.AST.Decls {
			name := declName(d)
			ast.Inspect(d, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					name = spec.Name.Name
				}
				x, ok := n.(ast.Expr)
				if !ok {
					return true
				}
				if c := count(x); c > limit {
					found = append(found, Finding{
						Pos: t.at(x), Subject: p.Path + "." + name, Text: fmt.Sprintf(format, c, limit),
					})
				}
				return true
			})
		}
	})
	return found
}

// declName is the name of a function, else of the first thing declared.
func declName(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return funcName(d)
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				return v.Names[0].Name
			}
		}
	}
	return "?"
}
