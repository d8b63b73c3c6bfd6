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
	frame uint32 // packets sent
	plain bool   // see stream.plain
	wire  [wireSize]byte
}

// outbox are the participants of one slot and socket. The three lists have the
// same order and length.
type outbox struct {
	streams   []*stream
	envelopes []envelope
	messages  []message
}

// add puts a participant in.
func (b *outbox) add(s *stream) {
	e := envelope{plain: s.plain()}
	port := [2]byte{}
	binary.BigEndian.PutUint16(port[:], s.To.Port())
	e.name = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: binary.NativeEndian.Uint16(port[:]), Addr: s.To.Addr().Unmap().As4()}
	e.control.header.Level, e.control.header.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	e.control.header.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	e.control.info.Spec_dst = address(s.number).As4()
	e.vector.SetLen(copy(e.wire[:], s.packet[:]) + s.tag())
	s.batch, s.place = b, len(b.streams)
	b.streams, b.envelopes, b.messages = append(b.streams, s), append(b.envelopes, e), append(b.messages, message{})
	if s.place > 0 && b.messages[0].header.Iov == &b.envelopes[0].vector {
		b.address(s.place)
		return
	}
	for i := range b.envelopes { // they have moved
		b.address(i)
	}
}

// address has the message at a place tell of the envelope there.
func (b *outbox) address(place int) {
	e, m := &b.envelopes[place], &b.messages[place].header
	e.vector.Base = &e.wire[0]
	m.Name, m.Namelen = (*byte)(unsafe.Pointer(&e.name)), unix.SizeofSockaddrInet4
	m.Iov = &e.vector
	m.SetIovlen(1)
	m.Control = (*byte)(unsafe.Pointer(&e.control))
	m.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
}

// remove takes the participant at a place out; the last one takes its place.
func (b *outbox) remove(place int) {
	last := len(b.streams) - 1
	b.streams[place], b.envelopes[place] = b.streams[last], b.envelopes[last]
	b.streams[place].place = place
	b.streams[last] = nil
	b.streams, b.envelopes, b.messages = b.streams[:last], b.envelopes[:last], b.messages[:last]
	if place < last {
		b.address(place)
	}
}

// prepare makes the next packet of each participant; now is the wall clock [ns].
func (b *outbox) prepare(now int64, l *lane) {
	for i := range b.envelopes {
		e := &b.envelopes[i]
		if e.plain {
			stamp(e.wire[:], e.frame)
		} else {
			b.streams[i].next(e.wire[:e.vector.Len], e.frame, now, l)
		}
		e.frame++
	}
}

// send sends the packets of all participants of an outbox and returns how many
// the system took. One that it refuses is left out.
func (s *socket) send(b *outbox) (sent int) {
	for at := 0; at < len(b.messages); {
		r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&b.messages[at])),
			uintptr(len(b.messages)-at), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno != 0 {
			at++
			continue
		}
		sent += int(r)
		at += int(r)
	}
	return sent
}
