package archtest

import (
	"go/ast"
	"strings"
)

// PackageDocs finds packages without a doc.go that begins "// Package name"
// (or "// Command" for a program). Directories of tests only need none.
func PackageDocs(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		if p.Name == "" {
			continue
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		text, pos := "", p.Path+"/doc.go:1"
		for _, f := range p.Files {
			if strings.HasSuffix("/"+f.Name, "/doc.go") {
				text = f.AST.Doc.Text()
				pos = t.at(f.AST)
			}
		}
		if !strings.HasPrefix(text, want) {
			found = append(found, Finding{
				Pos: pos, Subject: p.Path,
				Text: "package without a doc.go whose comment begins \"" + want + "\"",
			})
		}
	}
	return found
}

// ExportedDocs finds exported names without a comment: functions, types,
// methods of exported types, and constants and variables, where a comment on
// the group or at the end of the line will do.
func ExportedDocs(t *Tree) []Finding {
	var found []Finding
	t.files(false, func(p *Package, f *File) {
		missing := func(n ast.Node, name string) {
			found = append(found, Finding{Pos: t.at(n), Subject: p.Path + "." + name, Text: "exported without a comment"})
		}
		for _, d := range f.AST.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				recv := receiver(d)
				if d.Name.IsExported() && (recv == "" || ast.IsExported(recv)) && d.Doc.Text() == "" {
					missing(d, funcName(d))
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if id := undocumented(s); id != nil && d.Doc.Text() == "" {
						missing(id, id.Name)
					}
				}
			}
		}
	})
	return found
}

// undocumented is the exported name of a specification that has no comment of
// its own.
func undocumented(s ast.Spec) *ast.Ident {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc.Text() == "" {
			return s.Name
		}
	case *ast.ValueSpec:
		for _, id := range s.Names {
			if id.IsExported() && s.Doc.Text() == "" && s.Comment.Text() == "" {
				return id
			}
		}
	}
	return nil
}
