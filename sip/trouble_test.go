package sip

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
)

// shortListener fails for a time, then is closed.
type shortListener struct {
	net.Listener
	err  error
	left int
}

func (l *shortListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060} }

func (l *shortListener) Accept() (net.Conn, error) {
	if l.left--; l.left < 0 {
		return nil, net.ErrClosed
	}
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", l.err)}
}

// A process that has no file left for another connection goes on with its calls: the
// end of Serve would be the end of all of them.
func TestListenersBearAShortage(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		n    int
		lost bool
	}{
		{"no file left for an hour", syscall.EMFILE, 72000, false},
		{"no memory left", syscall.ENOBUFS, 1000, false},
		{"a few errors of another kind", syscall.ECONNABORTED, maxTrouble, false},
		{"a listener that is broken", syscall.EINVAL, maxTrouble + 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, err := New(Config{})
				if err != nil {
					t.Fatal(err)
				}
				err = u.serveListener(&streamListener{Listener: &shortListener{err: c.err, left: c.n}, transport: viaTCP})
				if c.lost != errors.Is(err, c.err) || !c.lost && err != nil {
					t.Errorf("given up: %v", err)
				}
			})
		})
	}
}
