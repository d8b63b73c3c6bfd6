// Package store keeps what is to survive the process: the history of events,
// call records, and small sets of documents such as reservations and queued
// outbound calls.
//
// It is one file of bbolt (go.etcd.io/bbolt), a copy-on-write B+ tree: a
// process that is killed in the midst of a write leaves the state before that
// write. docs/decisions/0017-bbolt-for-state.md says why.
//
//	bucket      key                          value
//	events      sequence, 8 bytes            JSON of the event
//	open        number of the opening event  JSON of its opening event
//	            "record of " + call id       JSON of a record that is not complete
//	records     end in µs, 8 bytes + call id  JSON of the call record
//	record_ids  call id                      key of its record
//	doc.NAME    as given                     JSON
//
// # Durability
//
// A write is on the disk when the method returns, unless Config.NoSync; then
// it is with the operating system, and survives the end of the process but not
// that of the machine. Events come in batches, so that a busy server syncs some
// tens of times a second.
//
// # Concurrency
//
// All methods of Store and Documents are safe for concurrent use. A Store has
// no goroutine of its own.
package store
