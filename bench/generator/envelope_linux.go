package generator

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// envelope is a packet of one participant and what the kernel needs to send
// it, in one piece: a slot goes through its envelopes from the first to the
// last, so that each is near by the time it is needed.
type envelope struct {
	vector  unix.Iovec
	name    unix.RawSockaddrInet4
	control struct {
		header unix.Cmsghdr
		info   unix.Inet4Pktinfo
		_      [4]byte
	}
	wire [wireSize]byte
}

// newEnvelope makes that of a participant.
func newEnvelope(s *stream) (e envelope) {
	port := [2]byte{}
	binary.BigEndian.PutUint16(port[:], s.To.Port())
	e.name = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: binary.NativeEndian.Uint16(port[:]), Addr: s.To.Addr().Unmap().As4()}
	e.control.header.Level, e.control.header.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	e.control.header.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	e.control.info.Spec_dst = address(s.number).As4()
	e.vector.SetLen(copy(e.wire[:], s.packet[:]) + s.tag())
	return e
}

// mail are the packets of a slot and socket, sent by sendmmsg. The lists have the
// same order and length.
type mail struct {
	socket    *socket
	envelopes []envelope
	messages  []message
}

func newMail(s *socket) *mail { return &mail{socket: s} }

func (m *mail) add(s *stream) {
	m.envelopes, m.messages = append(m.envelopes, newEnvelope(s)), append(m.messages, message{})
	last := len(m.messages) - 1
	if last > 0 && m.messages[0].header.Iov == &m.envelopes[0].vector {
		m.address(last)
		return
	}
	for i := range m.envelopes { // they have moved
		m.address(i)
	}
}

// address has the message at a place tell of the envelope there.
func (m *mail) address(place int) {
	e, h := &m.envelopes[place], &m.messages[place].header
	e.vector.Base = &e.wire[0]
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(&e.name)), unix.SizeofSockaddrInet4
	h.Iov = &e.vector
	h.SetIovlen(1)
	h.Control = (*byte)(unsafe.Pointer(&e.control))
	h.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
}

func (m *mail) remove(place int) {
	last := len(m.envelopes) - 1
	m.envelopes[place] = m.envelopes[last]
	m.envelopes, m.messages = m.envelopes[:last], m.messages[:last]
	if place < last {
		m.address(place)
	}
}

func (m *mail) wire(place int) []byte {
	e := &m.envelopes[place]
	return e.wire[:e.vector.Len]
}

// send has the system send all; one that it refuses is left out.
func (m *mail) send() (sent int) {
	for at := 0; at < len(m.messages); {
		r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(m.socket.fd), uintptr(unsafe.Pointer(&m.messages[at])),
			uintptr(len(m.messages)-at), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno != 0 {
			at++
			continue
		}
		sent += int(r)
		at += int(r)
	}
	return sent
}
