// Package trunk keeps the SIP trunks: neighbours that calls go out by and come
// in from.
//
// # Vocabulary
//
// A trunk is one entry of the configuration. Its addresses are places that do
// the same work; the next one is tried when one fails. Its line is what lives
// between us and it: the registration (RFC 3261 §10), the OPTIONS that ask
// whether an address answers, and the nonces of its digest. Its usage is how
// many calls it has, whatever becomes of its configuration.
//
// A trunk is up when it can be expected to take a call: it is registered, if
// it is to be, and one of its addresses answers, if they are asked. A trunk
// that is down comes last among those that take a number.
//
// Table finds trunks for numbers and addresses, rewrites numbers on the way
// out and in, and counts calls. Its trunks can be replaced while calls run:
// what does not change of a trunk goes on as it is.
//
// A Table may be used by several goroutines. Run owns all goroutines of the
// package and waits for them.
package trunk
