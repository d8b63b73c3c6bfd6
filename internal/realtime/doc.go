// Package realtime has the process run before all other programs of the machine,
// so that these do not delay audio: its threads are of the class SCHED_RR at its
// lowest priority (sched(7)), which the system allows to root, with CAP_SYS_NICE,
// or with RLIMIT_RTPRIO. See docs/decisions/0024-real-time.md.
package realtime
