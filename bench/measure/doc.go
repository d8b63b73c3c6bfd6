// Package measure holds what is counted: histograms of durations that cost a
// few nanoseconds per value and allocate nothing, medians of runs, and
// quantiles of the histograms that a server exports.
//
// A Histogram is of one goroutine; the rest is pure.
package measure
