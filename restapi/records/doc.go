// Package records makes call detail records of events: one for each call that
// has ended, with the pages that were asked, the actions that ran, causes,
// durations and the quality of its media.
//
// A record is complete when the call has ended and so has the instance that
// runs it: its last line is the final page. It is kept in the store together
// with the event that completed it, and then appended as a line of JSON to the
// file of its day. The record of a call that ends long before its instance is
// kept meanwhile as it is, so that a killed process leaves no call without one.
//
// A Collector is for the one goroutine of events.Log.
package records
