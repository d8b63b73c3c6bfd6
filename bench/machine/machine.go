package machine

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// ErrPlatform means that this operating system does not tell.
var ErrPlatform = errors.New("bench: only Linux tells this of processes")

// Machine describes where something was measured.
type Machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	Memory   int64  `json:"memory_mib"`
	Kernel   string `json:"kernel"`
	Platform string `json:"platform"`
	Go       string `json:"go"`
}

// String is the machine in one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d MiB, Linux %s, %s, %s", m.CPU, m.Cores, m.Memory, m.Kernel, m.Platform, m.Go)
}

// Quiet is the share of the machine [%] that others may use for a measurement
// of lateness to count.
const Quiet = 12.0

// Load is what the machine and a process had used at a moment.
type Load struct {
	at     time.Time
	busy   time.Duration // of all processors, by ticks
	stolen time.Duration // by the machine below
	exact  time.Duration // busy, by the time of processes; 0 = unknown
	own    time.Duration // of this process
	other  time.Duration // of the process that is watched
}

// Usage is what was used between two moments.
type Usage struct {
	Span   time.Duration
	Server time.Duration // CPU time of the process that is watched
	Own    time.Duration // CPU time of this process
	Others float64       // what everything else used, of all processors [%]
}

// Read takes the figures of a moment; pid is the process to watch.
func Read(pid int) (l Load, err error) {
	if l.other, err = CPU(pid); err != nil {
		return l, err
	}
	if l.own, err = CPU(0); err != nil {
		return l, err
	}
	if l.busy, l.stolen, err = busy(); err != nil {
		return l, err
	}
	l.exact = accounted()
	l.at = time.Now()
	return l, nil
}

// Since is what was used from an earlier moment to this one.
func (l Load) Since(begin Load) Usage {
	u := Usage{Span: l.at.Sub(begin.at), Server: l.other - begin.other, Own: l.own - begin.own}
	worked := l.busy - begin.busy
	if begin.exact > 0 && l.exact > 0 {
		worked = l.exact - begin.exact
	}
	others := worked + l.stolen - begin.stolen - u.Server - u.Own
	if u.Span > 0 {
		u.Others = max(0, 100*others.Seconds()/u.Span.Seconds()/float64(runtime.NumCPU()))
	}
	return u
}
