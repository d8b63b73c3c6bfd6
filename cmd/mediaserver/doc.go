// Command mediaserver is a SIP and RTP media server whose calls are steered by
// the JSON that a customer's web pages return, with a conference mixer.
//
//	mediaserver [serve] [--config FILE]      run the server
//	mediaserver check-config [--config FILE] print the effective configuration
//	mediaserver demo                         run with three robot callers in a conference
//	mediaserver healthcheck                  ask a running server whether it is well
//	mediaserver bench limit|media|calls      measure the machine, and a server under load
//	mediaserver version
//
// This is the only package that knows all others: it reads the configuration,
// makes the components, and joins them (wire.go). Its own life is in
// server.go: start in order, serve, drain, stop in reverse.
//
// Exit codes: 0 clean, 1 failed to start or run, 2 bad command line or
// configuration.
package main
