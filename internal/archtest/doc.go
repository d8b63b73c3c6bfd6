// Package archtest holds the tree against its own rules: who may import whom,
// how big a file, function, struct or interface may be, what must be
// documented, and what is not done here (init, mutable package variables,
// sync.Map, sleeping tests, words that name nothing).
//
// A rule is a function from a Tree to findings. A finding names file and line,
// what is there and what is allowed. What must break a rule has a row with a
// written reason in exceptions.go; a row that nothing needs any more fails the
// test as well.
//
// The rules read syntax of all files whatever their build constraints, so
// what is only compiled elsewhere is checked here too. Names are resolved
// within a package by go/types, without loading what it imports.
//
// Nothing here is safe for concurrent use.
package archtest
