// Package machine reads what the operating system says of processes and of the
// machine: CPU time to the nanosecond, memory, how busy the machine is, and
// what it is.
//
// CPU time is that of the process's own clock (clock_getcpuclockid(3)): exact,
// all threads, also those that have ended. The times of /proc/PID/stat are
// counted in ticks and lie for work that begins with the tick.
//
// Only Linux tells; elsewhere the functions return ErrPlatform.
package machine
