// Command load measures a mediaserver process under conference load. It
// starts the server as a process of its own, serves the web application that
// puts callers into rooms, places the calls by SIP, sends and receives RTP for
// each of them, and reports what the server used: CPU milliseconds per
// participant-second, participants per core, lateness of the media slots,
// packets sent and received.
//
//	go run ./bench/load -server bin/mediaserver -rooms 125 -participants 4
//
// Everything stays on 127.0.0.1. The calls begin staggered, the figures are
// taken over -seconds after the last of them was answered.
package main
