// Package golden holds the tests of whole calls in virtual time: a real
// mixer, real media endpoints, real calls and the real interpreter, with
// phones, pages and a clock in memory. An hour of conference takes seconds
// and every run hears the same.
//
// The tests of the golden cases carry their numbers: TestG04 is case G4.
package golden
