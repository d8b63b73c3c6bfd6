// Package inject puts UDP datagrams into this machine's own network stack at the
// place where the driver of a network card would, so that a load generator need
// not pay for the way out of a machine as well.
//
// What is sent by sendmmsg(2) to another process of the same machine goes down
// through the sender's socket, route and queue, out of the loopback device, and up
// again to the receiver. Of the 2.8 µs that takes, one is the receiver's half: a
// sender on another machine would cost this one nothing else. An [Injector] has
// the packets come in by a network device of its own (tun, Linux): what is written
// to that is a packet received. It takes 1.5 µs, headers included.
//
// Packets reach the receiver's socket as separate datagrams, one after the other
// and at once, with the receive time of that moment, and on the processor and
// account of who injects: the same as with sendmmsg. The receiver's own part is
// the same: 1.37 µs for a packet against 1.43 (a socket for each sender, read by
// recv on another processor), 0.42 and 0.44 (four sockets, recvmmsg). Answers go the
// usual way.
//
// Packets from outside with addresses of 127.0.0.0/8 are refused by default; the
// device is told to take them (route_localnet, accept_local). It belongs to the
// Injector and ends with it. All of this needs CAP_NET_ADMIN, /dev/net/tun and a
// /proc/sys that can be written; without them Open says ErrUnavailable, as it does when
// the packet that it tries does not arrive.
//
// An Injector is of one goroutine.
package inject
