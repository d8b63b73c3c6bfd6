package generator

import (
	"net/netip"

	"mediaserver/bench/inject"
)

// post is a way of sending the packets of an outbox: mail or batch. Packets have
// places 0, 1, 2 and so on; the last one takes the place of one that is removed.
type post interface {
	add(s *stream)
	remove(place int)
	// wire is the memory of the packet at a place, from the RTP header on.
	wire(place int) []byte
	// send sends all, and returns how many the system took.
	send() int
}

// outbox are the participants of one slot and, if they are sent by mail, socket.
type outbox struct {
	streams []*stream
	turns   []turn // of the streams, in the same order
	post    post
}

// turn is what a packet of a stream needs to be made.
type turn struct {
	frame uint32 // packets sent
	plain bool   // see stream.plain
}

// add puts a participant in.
func (b *outbox) add(s *stream) {
	s.batch, s.place = b, len(b.streams)
	b.streams, b.turns = append(b.streams, s), append(b.turns, turn{plain: s.plain()})
	b.post.add(s)
}

// remove takes the participant at a place out; the last one takes its place.
func (b *outbox) remove(place int) {
	last := len(b.streams) - 1
	b.streams[place], b.turns[place] = b.streams[last], b.turns[last]
	b.streams[place].place = place
	b.streams[last] = nil
	b.streams, b.turns = b.streams[:last], b.turns[:last]
	b.post.remove(place)
}

// prepare makes the next packet of each participant; now is the wall clock [ns].
func (b *outbox) prepare(now int64, l *lane) {
	for i := range b.turns {
		t, wire := &b.turns[i], b.post.wire(i)
		if t.plain {
			stamp(wire, t.frame)
		} else {
			b.streams[i].next(wire, t.frame, now, l)
		}
		t.frame++
	}
}

// batch are the packets of a slot, put into the network stack by an Injector.
type batch struct {
	injector *inject.Injector
	from     func(s *stream) netip.AddrPort
	first    int   // of its records
	sizes    []int // of the packets, all headers included
}

func (b *batch) add(s *stream) {
	size := len(s.packet) + s.tag()
	record := b.injector.Record(b.first + len(b.sizes))
	inject.Header(record, b.from(s), s.To, size)
	copy(record[inject.HeaderSize:], s.packet[:])
	b.sizes = append(b.sizes, inject.HeaderSize+size)
}

func (b *batch) remove(place int) {
	last := len(b.sizes) - 1
	copy(b.injector.Record(b.first+place), b.injector.Record(b.first+last))
	b.sizes[place] = b.sizes[last]
	b.sizes = b.sizes[:last]
}

func (b *batch) wire(place int) []byte {
	return b.injector.Record(b.first + place)[inject.HeaderSize:b.sizes[place]]
}

func (b *batch) send() (sent int) {
	for at := 0; at < len(b.sizes); {
		end := at + 1
		for end < len(b.sizes) && b.sizes[end] == b.sizes[at] {
			end++
		}
		n, _ := b.injector.Send(b.first+at, b.first+end, b.sizes[at]) // what is refused is counted
		sent += n
		at = end
	}
	return sent
}
