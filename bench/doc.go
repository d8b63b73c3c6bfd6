// Package bench measures the media path as a whole: real endpoints with
// jitter buffer, decoding, concealment and digits in real rooms, on an engine
// whose clock is stepped by hand, without sockets. The benchmarks of the parts
// stand beside the parts; load with sockets, from a process of its own, is
// bench/load.
package bench
