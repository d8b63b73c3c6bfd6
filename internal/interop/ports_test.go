package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// Ports of the tests: below those the system hands out by itself.
const (
	lowestPort  = 22000
	highestPort = 31999
	portStep    = 20  // taken at once for a client
	serverPorts = 500 // RTP ports of a server

	portSteps = (highestPort + 1 - lowestPort) / portStep
)

// portBook knows which ports the tests have, by steps of portStep. Processes
// that test at the same time see each other's by locks on the bytes of a file,
// one for each step; the system takes them away when a process dies.
type portBook struct {
	mu    sync.Mutex
	file  *os.File
	taken [portSteps]bool // by this process
	next  int             // step where the search goes on
}

// book is the one of this process.
var book = sync.OnceValues(func() (*portBook, error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprint("mediaserver-interop-ports-", os.Getuid())), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return &portBook{file: f, next: os.Getpid() % portSteps}, nil
})

// take takes so many steps in a row, and returns the first.
func (b *portBook) take(n int) (first int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range portSteps {
		first = b.next
		b.next = (first + 1) % portSteps
		if first+n > portSteps || slices.Contains(b.taken[first:first+n], true) || !b.lock(first, n, syscall.F_WRLCK) {
			continue
		}
		b.set(first, n, true)
		b.next = (first + n) % portSteps
		return first, true
	}
	return 0, false
}

func (b *portBook) give(first, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(first, n, false)
	b.lock(first, n, syscall.F_UNLCK)
}

func (b *portBook) set(first, n int, taken bool) {
	for i := range n {
		b.taken[first+i] = taken
	}
}

// lock sets or takes away the locks of this process; false: another one has one.
func (b *portBook) lock(first, n int, kind int16) bool {
	return syscall.FcntlFlock(b.file.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: kind, Start: int64(first), Len: int64(n)}) == nil
}

// takePorts gives the first of n consecutive ports that no other test gets, in
// this process or another, until this one has ended.
func takePorts(t *testing.T, n int) int {
	t.Helper()
	b, err := book()
	if err != nil {
		t.Fatal(err)
	}
	steps := (n + portStep - 1) / portStep
	var first int
	eventually(t, "other tests leave ports", patience, func() (ok bool) {
		first, ok = b.take(steps)
		return ok
	})
	t.Cleanup(func() { b.give(first, steps) })
	return lowestPort + first*portStep
}

// freePorts is takePorts for ports that are free for UDP and TCP on a
// loopback address.
func freePorts(t *testing.T, host string) int {
	t.Helper()
	for range portSteps {
		if first := takePorts(t, portStep); allFree(host, first, portStep) {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func allFree(host string, first, n int) bool {
	for port := first; port < first+n; port++ {
		address := net.JoinHostPort(host, strconv.Itoa(port))
		u, err := net.ListenPacket("udp", address)
		if err != nil {
			return false
		}
		u.Close()
		l, err := net.Listen("tcp", address)
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// needIPv6 skips the test on machines without ::1.
func needIPv6(t *testing.T) {
	t.Helper()
	u, err := net.ListenPacket("udp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 loopback address: ", err)
	}
	u.Close()
}
