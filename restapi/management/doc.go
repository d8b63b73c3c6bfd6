// Package management is the API for operators and their programs under
// /api/v1: calls, rooms, records, health, and the stream of events.
//
// The Go types of requests and answers are the only description: huma
// (github.com/danielgtaylor/huma/v2) makes the OpenAPI 3.1 document at
// /api/v1/openapi.json of them, and checks requests against it. Errors are
// problem details (RFC 9457): what is wrong, where in the request, and what is
// allowed.
//
// Looking needs the role read, changing things operate, the audit log admin.
// Every change that was asked for goes to the audit log: who, what, when, and
// what came of it.
//
// An API is safe for concurrent use. Streams end when Close is called.
//
// Sources: RFC 9457, WHATWG HTML §9.2 (server-sent events), RFC 6455
// (WebSocket), OpenAPI 3.1.
package management
