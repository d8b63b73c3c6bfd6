// Package guard watches the sources of a listener: how much each sends and
// how often it does what only intruders do, and bans it for a while when that
// is too much. It knows no protocol, no socket and no clock.
//
// A source is an IPv4 address or an IPv6 network of 64 bits. Whoever sends
// UDP may write any address into its packets, so a ban is a weapon unless it
// is handled with care:
//
//   - one packet never bans anybody, Config.Failures offences do;
//   - who has been vouched for – by something that a forger of addresses
//     cannot do – is only blamed for offences that are proven to be its own;
//   - the caller keeps those that must never be banned out of it.
//
// The memory is bounded: Config.Sources records at most. A new source takes
// the place of one that is idle, else of the least guilty of a few; those
// that are banned or vouched for go last. A forger who sends from ever new
// addresses is bounded by Config.Strangers.
//
// All methods may be called from any goroutine. Admit does not allocate for a
// source that is known.
package guard
