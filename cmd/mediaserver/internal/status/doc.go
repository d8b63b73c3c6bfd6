// Package status is the operator's side of the HTTP server: health, readiness
// and metrics, and the serving of HTTP itself with its time limits.
//
//	GET /healthz   200 while the media clock runs, else 503
//	GET /readyz    200 while calls are accepted, else 503
//	GET /metrics   Prometheus text
//
// A State and a Handler are safe for concurrent use.
package status
