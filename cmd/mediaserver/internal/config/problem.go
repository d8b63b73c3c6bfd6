package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Place is where a value was written: a position in a file, or an environment
// variable.
type Place struct {
	File         string
	Line, Column int    // from 1; 0 is unknown
	Env          string // name of the variable, "" for a file
}

// String is "file:line:column" or the name of the variable.
func (p Place) String() string {
	switch {
	case p.Env != "":
		return p.Env
	case p.File == "":
		return "built-in defaults"
	case p.Line == 0:
		return p.File
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
}

// Problem is one fault of a configuration.
type Problem struct {
	Place   Place
	Path    string // of the key, "" for the file as a whole
	Message string
}

// String is the place, the key and the message.
func (p Problem) String() string {
	if p.Path == "" {
		return p.Place.String() + ": " + p.Message
	}
	return p.Place.String() + ": " + p.Path + ": " + p.Message
}

// Problems is the error of Load: everything that is wrong, file before
// environment, each in its order.
type Problems []Problem

// Error holds one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// sort brings the problems into the order in which they were written; those of
// variables follow by name.
func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.Place.Env, b.Place.Env),
			cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(a.Place.Column, b.Place.Column),
		)
	})
}

// firsts drops what only follows from the problem before it: a second one of
// the same value.
func (p Problems) firsts() Problems {
	return slices.CompactFunc(p, func(next, first Problem) bool {
		return next.Place == first.Place && next.Place.Line > 0 && (next.Path == first.Path || first.Path == "")
	})
}
