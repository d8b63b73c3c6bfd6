// Package cache keeps synthesised speech by its content: in memory, and on
// disk where it outlives the process. Both are bounded; what was used longest
// ago goes first.
//
// A file holds one clip, with a header and a checksum. It appears under its
// name in one step; one that does not check is removed and counts as missing.
// A directory belongs to one Cache of one process at a time; if two share it
// by mistake each still reads only whole files, but the bound is kept by each
// for itself.
//
// A Cache is safe for concurrent use.
package cache
