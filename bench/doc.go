// Package bench measures the media path as a whole: real endpoints with
// jitter buffer, decoding, concealment and digits in real rooms, on an engine
// whose clock is stepped by hand, without sockets. The benchmarks of the parts
// stand beside the parts; what a whole
// server costs under the load of another process is in the packages below:
// limit, media and calls, which `mediaserver bench` runs.
package bench
