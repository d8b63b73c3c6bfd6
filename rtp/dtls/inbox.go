package dtls

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
