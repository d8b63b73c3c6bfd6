// Package baseline holds the servers that the media server is compared with:
// what it costs only to echo packets, for each class of I/O, and what a server
// in the usual style costs.
//
//	sockets   a socket for each participant, looked at once per 20 ms, connected to whom it hears,
//	          packets read by recv and sent back by send
//	shared    a few sockets for all, recvmmsg and sendmmsg every 5 ms
//	naive     a goroutine that waits at each socket, a ticker and goroutine for each room,
//	          a new buffer for each packet, decoding, mixing, encoding, package net
//
// The echoes touch no audio, ask for no receive times and set the options of
// sockets that the media server sets, if these make packets cheaper: they are
// the least that any server with that class of I/O must use. A worker on a
// thread of its own serves a quarter of its sockets every 5 ms, as the media
// server does.
//
// A baseline runs as a process of its own until its standard input ends, and
// says by one line of JSON, Ready, where its participants send to.
package baseline
