// Package report is the form in which measurements are printed and kept: a
// Document says what was measured, when, by which version and on which
// machine. It is kept as JSON in bench/results, and printed as text or as a
// row of a Markdown table.
//
// Everything here is pure but Save and Load, which use files.
package report
