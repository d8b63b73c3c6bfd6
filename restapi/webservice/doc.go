// Package webservice answers the web services of the protocol, its section
// 10: starting and interrupting applications, rooms and reservations, files.
//
// Each service is a path that takes GET or POST (form-encoded) and answers
// with JSON. Parameters are checked before anything is done: a fault is
// answered with the error object of section 10.1, whose details name the
// parameters. What a service does is done by others: the applications, the
// rooms and the files are interfaces declared here or directories.
//
// Standards: RFC 9110 (HTTP), RFC 8259 (JSON), ISO 8601 (times).
//
// A Services is safe for concurrent use.
package webservice
