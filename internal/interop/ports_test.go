package interop

import (
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// Ports of the tests: below those the system hands out by itself.
const (
	lowestPort  = 22000
	highestPort = 31999
	portStep    = 20  // taken at once for a client
	serverPorts = 500 // RTP ports of a server
)

// nextPort is where the search for free ports goes on. Processes that test at
// the same time begin at different places.
var nextPort = func() *atomic.Int64 {
	var p atomic.Int64
	p.Store(int64(os.Getpid()*portStep) % (highestPort - lowestPort))
	return &p
}()

// takePorts gives the first of n consecutive ports that nobody else in this
// process gets.
func takePorts(n int) int {
	for {
		first := int(nextPort.Add(int64(n))-int64(n))%(highestPort-lowestPort) + lowestPort
		first += first % 2
		if first+n <= highestPort {
			return first
		}
	}
}

// freePorts is takePorts for ports that are free for UDP and TCP on a
// loopback address.
func freePorts(t *testing.T, host string) int {
	t.Helper()
	for range 50 {
		first := takePorts(portStep)
		if allFree(host, first, portStep) {
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
