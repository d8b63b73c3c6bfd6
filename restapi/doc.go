// Package restapi runs the applications of the server: it asks the pages of a
// customer's web application what to do with a call and does it.
//
//	         ask page            decode + validate the whole answer
//	instance ───────► browser ──► body ──────► reader ──► list of actions
//	   ▲                                                      │
//	   └── result, next page ◄── verbs of a call ◄── run ─────┘
//
// Vocabulary: a service is a configured entry that names the pages; an
// instance is one run of a service for one call; a page is an HTTP resource
// that receives the instance info and answers with actions; a primary call is
// the call an instance runs for, a secondary call is made on its behalf.
//
// A Fetcher, the loader of media from addresses, is apart from all this: it
// asks for audio files, tells nothing of the instance, and keeps the answers in
// memory as HTTP allows.
//
// Standards: RFC 8259 (JSON), RFC 3986 (addresses), RFC 7617 (Basic), RFC 6265
// (cookies), RFC 9111 and 5861 (keeping media), W3C Trace Context
// (traceparent).
//
// Concurrency: a Server and a Fetcher are safe for concurrent use. One instance is one
// goroutine of straight-line code, the one that called ServeCall; it owns
// everything of the instance. At most one page request of an instance is under
// way at any time.
//
// To add an action: one file with its value, its property table and its run
// method, and one line in actionTypes.
package restapi
