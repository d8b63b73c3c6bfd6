// Package baseline holds the servers that the media server is compared with:
// what it costs only to echo packets, for each class of I/O, what the media
// server itself costs without mixing, and what a server in the usual style costs.
//
//	sockets   a socket for each participant, looked at once per 20 ms, connected to whom it hears,
//	          packets read by recv and sent back by send
//	shared    a few sockets for all, recvmmsg and sendmmsg every 5 ms
//	unmixed-sockets, unmixed-shared
//	          the media server's engine, rooms and endpoints, where everybody hears himself
//	naive     a goroutine that waits at each socket, a ticker and goroutine for each room,
//	          a new buffer for each packet, decoding, mixing, encoding, package net
//
// The echoes touch no audio, ask for no receive times and set the options of
// sockets that the media server sets, if these make packets cheaper: they are
// the least that any server with that class of I/O must use. A worker on a
// thread of its own serves a quarter of its sockets every 5 ms, as the media
// server does.
//
// The unmixed servers are made of the packages of the media server: the clock
// and the slots of its workers, its rooms, jitter buffers, RTCP, SRTP and packets of
// its own. Only the ports in the rooms are others: what comes out of the jitter
// buffer they send back undecoded, and the mixer hears nothing. So nothing is
// decoded, measured, summed, limited or encoded. There is no SIP, and no call around
// the endpoint.
//
// A baseline runs as a process of its own until its standard input ends, and
// says by one line of JSON, Ready, where its participants send to.
package baseline
