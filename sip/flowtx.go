package sip

import (
	"net"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// txConn lends a flow to one transaction of sipgo: whatever that sends goes to
// the same place, and what it sends again is counted as such. It keeps the last
// request or response and the ACK of a refused INVITE.
type txConn struct {
	*flow
	kind string // resentRequest or resentResponse

	mu   sync.Mutex
	last sipgo.Message
	ack  *sipgo.Request
	shut bool
}

// LocalAddr is part of sipgo's Connection.
func (c *txConn) LocalAddr() net.Addr {
	if c.conn != nil {
		return net.TCPAddrFromAddrPort(c.conn.local)
	}
	return net.UDPAddrFromAddrPort(c.sock.local)
}

// WriteMsg is part of sipgo's Connection.
func (c *txConn) WriteMsg(m sipgo.Message) error {
	c.mu.Lock()
	if c.shut {
		c.mu.Unlock()
		return net.ErrClosed
	}
	again := c.last == m
	if req, ok := m.(*sipgo.Request); ok && req.IsAck() {
		c.ack = req
	} else {
		c.last = m
	}
	c.mu.Unlock()
	if again {
		return c.resend(m, c.kind)
	}
	return c.send(m)
}

// shutDown makes every further write fail, which ends a transaction of sipgo
// whose timer is running while it is terminated: it would set the timer anew.
func (c *txConn) shutDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
}

// sentACK is the ACK that the transaction has sent, nil if none.
func (c *txConn) sentACK() *sipgo.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ack
}

// Ref, TryClose and Close are part of sipgo's Connection. Sockets are not
// counted here: the UA closes them.
func (c *txConn) Ref(int) int            { return 1 }
func (c *txConn) TryClose() (int, error) { return 1, nil }
func (c *txConn) Close() error           { return nil }
