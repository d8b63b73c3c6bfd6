// Package memnet is a datagram network in memory, for tests: sockets with
// addresses, and between them loss, delay, jitter, duplication and
// reordering that are the same in every run.
//
//	a.Flush(packet, to) ─▶ fate (seeded) ─▶ queue of the socket at to ─▶ b.Drain
//	                       lost? twice?     ordered by the time of
//	                       how late?        arrival
//
// A Socket serves both kinds of reader of this server: those that look for a
// datagram without waiting (Drain and Flush, the shape of rtp.IO), and those
// that wait (net.PacketConn). It starts no goroutine. Time comes from
// Config.Now, by default time.Now: within a testing/synctest bubble that is
// the bubble's clock, and a waiting reader is durably blocked.
//
// All methods are safe for concurrent use. Runs are the same only as far as
// datagrams are sent in the same order.
package memnet
