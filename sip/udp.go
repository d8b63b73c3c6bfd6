package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	receiveBuffer = 8 << 20 // of a UDP socket [bytes]
	maxDatagram   = 65535   // bytes
)

// datagramWriter is the part of net.UDPConn that sending needs.
type datagramWriter interface {
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// udpSocket is one UDP listener. All messages over UDP leave from a listener.
type udpSocket struct {
	pc    *net.UDPConn
	w     datagramWriter
	local netip.AddrPort
	dual  bool // serves both families

	advertise advertised
}

// networkOf narrows "udp" or "tcp" to the family of an IP address, so that a
// listener on [::] and one on 0.0.0.0 do not collide.
func networkOf(network, host string) string {
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return network
	case a.Unmap().Is4():
		return network + "4"
	default:
		return network + "6"
	}
}

func listenUDP(l listenAddr) (*udpSocket, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(context.Background(), networkOf("udp", l.host), net.JoinHostPort(l.host, l.port))
	if err != nil {
		return nil, &ListenError{Addr: l.String(), Err: err}
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, &ListenError{Addr: l.String(), Err: fmt.Errorf("unexpected %T", pc)}
	}
	// Best effort, smallest first: the default buffer loses ACKs at high call
	// rates while the process pauses.
	_ = conn.SetReadBuffer(receiveBuffer)
	_ = conn.SetWriteBuffer(receiveBuffer)
	if raw, err := conn.SyscallConn(); err == nil {
		_ = setReceiveBuffer(raw, receiveBuffer)
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return &udpSocket{
		pc: conn, w: conn, dual: networkOf("udp", l.host) == "udp",
		local: netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), advertise: l.advertise,
	}, nil
}

// serveUDP reads datagrams until the socket is closed.
//
// The reading is done here and not by sipgo's ServeUDP, which keeps each
// source address for the life of the listener, logs whole datagrams that it
// cannot parse, and starts a goroutine per message so that their order is lost.
func (u *UA) serveUDP(s *udpSocket) error {
	buf := make([]byte, maxDatagram)
	trouble := 0
	for {
		n, from, err := s.pc.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if !u.bear(&trouble, err) {
				return fmt.Errorf("read from %s: %w", s.local, err)
			}
			continue
		}
		trouble = 0
		src := source{sock: s, addr: netip.AddrPortFrom(from.Addr().Unmap(), from.Port())}
		if u.guard.admit(src, time.Now()) {
			u.receive(buf[:n], src)
		}
	}
}

// receive handles one datagram. data may be used again afterwards.
func (u *UA) receive(data []byte, src source) {
	if isKeepAlive(data) || !u.pass(data, src) {
		return
	}
	if src.conn == nil && isSTUN(data) {
		u.answerSTUN(data, src)
		return
	}
	u.understand(data, src)
}

// understand handles one message.
func (u *UA) understand(data []byte, src source) {
	src.size = len(data)
	most := maxMessage
	if src.conn != nil {
		most = maxStreamed
	}
	u.try(func() {
		msg, err := u.parse(data, most)
		if err != nil {
			u.unparsed(data, src, err)
			return
		}
		u.handle(msg, src)
	})
}

// pass asks Config.Filter.
func (u *UA) pass(data []byte, src source) bool {
	if u.cfg.Filter == nil || !u.cfg.Filter(src.transport(), src.addr, data) {
		return true
	}
	u.m.drop(dropFilter)
	return false
}

// isKeepAlive: nothing but line ends or zero bytes (RFC 5626 §3.5.1 and what
// NAT devices and clients send in its place).
func isKeepAlive(data []byte) bool {
	return len(bytes.Trim(data, "\r\n\x00")) == 0
}
