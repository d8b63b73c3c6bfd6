package dtls

import (
	"net"
	"os"
	"sync"
	"time"
)

const (
	inboxLength  = 16   // datagrams that wait at most
	datagramSize = 1500 // of a datagram; what is longer is dropped
)

// inbox keeps the datagrams that have come, of bounded number and length.
type inbox struct {
	full chan []byte
	free chan []byte
}

func newInbox() *inbox {
	i := &inbox{full: make(chan []byte, inboxLength), free: make(chan []byte, inboxLength)}
	for range inboxLength {
		i.free <- nil // made when needed
	}
	return i
}

// put keeps a copy, if there is room.
func (i *inbox) put(datagram []byte) {
	if len(datagram) > datagramSize {
		return
	}
	select {
	case b := <-i.free:
		i.full <- append(b[:0], datagram...) // there is room: one for each that is free
	default:
	}
}

// done gives the memory of a datagram back.
func (i *inbox) done(b []byte) { i.free <- b }

// deadline is that of a net.Conn, and its end. The zero value has none.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	expired chan struct{} // closed when the time has come, or the connection is closed
	closed  bool
}

// wait is closed when reading has to end.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current()
}

// current is expired, made if need be. With mu.
func (d *deadline) current() chan struct{} {
	if d.expired == nil {
		d.expired = make(chan struct{})
	}
	return d.expired
}

// reason is why reading had to end.
func (d *deadline) reason() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	return os.ErrDeadlineExceeded
}

// SetReadDeadline says when reading has to end; the zero time is never.
func (d *deadline) SetReadDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	expired := d.current()
	select {
	case <-expired:
		d.expired = nil // the one before is over
		expired = d.current()
	default:
	}
	if t.IsZero() {
		return nil
	}
	left := time.Until(t)
	if left <= 0 {
		close(expired)
		return nil
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.timer == timer {
			d.timer = nil
			close(expired)
		}
	})
	d.timer = timer
	return nil
}

// Close ends reading for good.
func (d *deadline) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	expired := d.current()
	select {
	case <-expired:
	default:
		close(expired)
	}
	return nil
}
