// Package process runs the programs that are measured, as processes of their
// own: a media server with a configuration made for the load, and the
// baselines it is compared with. It reads the metrics of a server.
//
// Programs end with Stop; on Linux they end as well when this process dies.
// A Child's methods are called by one goroutine at a time.
package process
