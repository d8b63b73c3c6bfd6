// Package lone has counters that one goroutine at a time writes and any may read.
//
// An atomic addition or store has the processor wait until all that was written
// before it is in the cache, a packet just made for example, whose memory has to
// be fetched first. Where nobody else writes, an addition is a look and a plain
// store of a whole word: readers see the old value or the new one, and values
// later that were written later.
//
// Writers must follow one another: what hands the writing over orders it. On
// processors other than amd64 and arm64, and for the race detector, which has to
// see what orders what, the operations are those of sync/atomic.
package lone
