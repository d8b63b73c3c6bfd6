// Package apart runs functions on stacks that are given back. A goroutine that
// has once gone deep, to parse a description, ask a page or write a line of a
// log, keeps the 8 or 16 KiB that this took; those of calls wait for hours
// afterwards, with a few frames.
package apart
