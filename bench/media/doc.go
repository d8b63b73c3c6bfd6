// Package media measures a media server under the load of conferences: what it
// costs, and what its participants hear.
//
// A run starts the server as a process of its own, serves the web application
// that puts the callers into rooms, places the calls by SIP, sends and receives
// RTP for each of them (package generator), and counts for some seconds after
// the last of them was answered. With Calibrate the echo of the same class of
// I/O runs right before and right after it, and the naive server after it,
// with as many participants (package limit): ratios are of the medians of all
// runs. Search raises the number of participants by a quarter until
// a run does not pass.
//
// The rule of a pass: nothing lost, at least 99.9 % of the packets, send
// lateness p99 below 5 ms, less than 0.1 % of the frames concealed, none
// skipped, and in at most 0.1 % of the packets a talker missing. Lateness
// counts only on a quiet machine: see Result.Quiet.
package media
