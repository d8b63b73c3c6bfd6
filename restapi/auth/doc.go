// Package auth decides who may ask for what over HTTP.
//
// A user logs in by HTTP Basic (RFC 7617), as "user", "account/user" or, to
// start one outbound service with that service's password,
// "account/user/service"; or with an API key, as a bearer token (RFC 6750) or
// in X-Api-Key. Without users nobody logs in, and only clients on this
// machine are let in.
//
// What a web page in somebody's browser could do is refused: requests that
// come from the page of another site (Origin, Sec-Fetch-Site), and, without
// users, requests to a name that is not this machine's (DNS rebinding) or
// that came through a proxy.
//
// Passwords and keys are compared in a time that does not depend on them, and
// never appear in a text or a log. An address that fails more than ten times
// a minute is refused for the rest of that minute.
//
// An Auth is safe for concurrent use.
package auth
