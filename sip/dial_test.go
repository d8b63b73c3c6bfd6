package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// silentServer accepts connections and says nothing; each is told.
func silentServer(t *testing.T) (netip.AddrPort, <-chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for len(conns) > 0 {
			_ = (<-conns).Close()
		}
	})
	return l.Addr().(*net.TCPAddr).AddrPort(), conns
}

// Calls that begin together share a connection to where they all go.
func TestConnectionsAreOpenedOnce(t *testing.T) {
	const calls = 50
	at, conns := silentServer(t)
	u := startUA(t, Config{}, nil)
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			if _, err := u.open(t.Context(), hop{transport: viaTCP, to: at}, nil, patience); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	_ = (<-conns).Close()
	if n := len(u.streams.dialled()) + len(conns); n > 1 {
		t.Errorf("%d connections for %d calls to one place", n, calls)
	}
}

// Who gives up does not take the connection from those who still wait for it, and
// who fails tells all.
func TestOpeningsAreSharedWithPatience(t *testing.T) {
	at, conns := silentServer(t) // no HTTP answer: the opening handshake of the WebSocket waits
	u := startUA(t, Config{}, nil)
	h := hop{transport: viaWS, to: at, host: "127.0.0.1"}
	short, giveUp := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := u.dial(short, h, patience); !errors.Is(err, ErrTransport) {
			t.Error(err)
		}
	})
	first := <-conns
	defer first.Close()
	for range 10 {
		all.Go(func() {
			if _, err := u.dial(t.Context(), h, patience); !errors.Is(err, ErrTransport) {
				t.Error(err)
			}
		})
	}
	if _, err := u.dial(t.Context(), h, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	giveUp()
	done := make(chan struct{})
	go func() { defer close(done); all.Wait() }()
	for opened := 0; ; opened++ {
		select {
		case c := <-conns: // of the next in line
			time.AfterFunc(50*time.Millisecond, func() { _ = c.Close() })
		case <-done:
			if opened == 0 {
				t.Error("nobody went on")
			}
			return
		}
	}
}

// A far end that does not read loses its connection, however much there is to say.
func TestWritesDoNotGiveEachOtherTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		at := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060}
		c, err := newStreamConn(viaTCP, here, at, at)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if c.write([]byte(ping)) == nil {
					t.Error("written to nobody")
				}
			})
			time.Sleep(writeTimeout / 2)
		}
		began := time.Now()
		all.Wait()
		if waited := time.Since(began); waited > 0 || !c.closed() {
			t.Errorf("writers waited for another %v", waited)
		}
	})
}

// Whoever opens connections to us, there is room for those to our trunks.
func TestThereIsRoomForConnectionsOfOurs(t *testing.T) {
	table := newStreamTable(NewMetrics(nil))
	n := 0
	for table.reserve(&streamConn{listener: &streamListener{}}) == nil {
		n++
	}
	for table.reserve(&streamConn{}) == nil {
		n--
	}
	if n != maxAccepted-(maxConns-maxAccepted) {
		t.Errorf("%d accepted less those opened", n)
	}
}

// A connection by which nothing comes any more, as when a firewall on the way has
// forgotten it, is not used for the next request.
func TestSilentConnectionIsNotUsedAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	u := startUA(t, Config{Timers: shortTimers}, nil)
	to := "sip:" + l.Addr().String() + ";transport=tcp"
	for range 2 {
		asked := make(chan error, 1)
		go func() {
			_, _, err := u.Options(context.Background(), OptionsRequest{To: to})
			asked <- err
		}()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := <-asked; !errors.Is(err, ErrTimeout) {
			t.Fatalf("got %v", err)
		}
		if n := len(u.streams.dialled()); n == 0 {
			t.Fatal("the connection is closed, though calls may still use it")
		}
	}
}
