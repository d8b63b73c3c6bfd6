// Package websocket carries SIP messages over WebSocket connections (RFC 6455)
// as RFC 7118 wants it: subprotocol "sip", one message to a frame. It knows
// HTTP, so that package sip need not; it does not look into the messages.
//
// A Conn may be written to from any goroutine and is read by one. Serve owns
// the goroutines of the opening handshakes and waits for them.
package websocket
