// Package calls measures how many calls a server can set up per second, and
// what one costs.
//
// Calls are placed on a fixed schedule, whether the server keeps up or not.
// Each sends and receives RTP (package generator), joins a room together with
// the calls before and after it, stays for some seconds and hangs up. Set-up
// time is from the INVITE to the 200. The caller is a user agent made for this:
// one task, one socket that is looked at once a millisecond, so that the server
// wakes nobody up; it repeats what is not answered as RFC 3261 §17 asks.
//
// The signalling cost of a call is the CPU time of the whole run, without what
// its media would have cost by themselves: before the run as many calls as are
// up at once are placed and left alone, which gives the cost of a
// participant-second.
package calls
