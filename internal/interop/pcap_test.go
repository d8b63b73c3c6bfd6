package interop

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/dtmf"
)

// The headers of a packet in a file of libpcap.
const (
	ethernetHeader = 14
	ipv4Header     = 20
	udpHeader      = 8
	eventType      = 101 // payload type of telephone events
)

// capture is a file of RTP packets for SIPp to play: sound, and keys in place
// of it.
type capture struct {
	file      bytes.Buffer
	at        time.Duration
	seq       uint16
	timestamp uint32
}

// newCapture begins a file.
func newCapture() *capture {
	c := &capture{seq: 1000, timestamp: 160_000}
	for _, v := range []any{
		uint32(0xa1b2c3d4), uint16(2), uint16(4), int32(0), uint32(0), uint32(math.MaxUint16), uint32(1), // Ethernet
	} {
		binary.Write(&c.file, binary.LittleEndian, v) //nolint:errcheck // a buffer takes all
	}
	return c
}

// packet adds one RTP packet. Addresses and ports are SIPp's business.
func (c *capture) packet(payloadType byte, marker bool, timestamp uint32, payload []byte) {
	frame := make([]byte, ethernetHeader+ipv4Header+udpHeader+rtpHeader, ethernetHeader+ipv4Header+udpHeader+rtpHeader+len(payload))
	frame = append(frame, payload...)
	frame[12] = 0x08 // IPv4
	ip := frame[ethernetHeader:]
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[12:], []byte{127, 0, 0, 1, 127, 0, 0, 1})
	udp := ip[ipv4Header:]
	binary.BigEndian.PutUint16(udp, 6000)
	binary.BigEndian.PutUint16(udp[2:], 6000)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	rtp := udp[udpHeader:]
	rtp[0], rtp[1] = 0x80, payloadType
	if marker {
		rtp[1] |= 0x80
	}
	binary.BigEndian.PutUint16(rtp[2:], c.seq)
	binary.BigEndian.PutUint32(rtp[4:], timestamp)
	binary.BigEndian.PutUint32(rtp[8:], 0x5155a)
	for _, v := range []uint32{
		uint32(c.at / time.Second), uint32(c.at % time.Second / time.Microsecond), uint32(len(frame)), uint32(len(frame)),
	} {
		binary.Write(&c.file, binary.LittleEndian, v) //nolint:errcheck // a buffer takes all
	}
	c.file.Write(frame)
	c.seq++
}

// step goes on by one packet.
func (c *capture) step() {
	c.at += packetTime
	c.timestamp += packetFrames
}

// sound adds a clip.
func (c *capture) sound(clip audio.Clip) {
	for at := 0; at+packetFrames <= len(clip.Samples); at += packetFrames {
		payload := make([]byte, packetFrames)
		g711.PCMU().Encode(payload, clip.Samples[at:at+packetFrames])
		c.packet(0, at == 0, c.timestamp, payload)
		c.step()
	}
}

// key adds a key held for 100 ms, in place of sound, its last packet three
// times.
func (c *capture) key(d dtmf.Digit) {
	const packets = 5
	begin := c.timestamp
	for i := range packets {
		payload := make([]byte, 4)
		payload[0], payload[1] = d.Event(), 10
		binary.BigEndian.PutUint16(payload[2:], uint16((i+1)*packetFrames))
		repeats := 1
		if i == packets-1 {
			payload[1] |= 0x80
			repeats = 3
		}
		for range repeats {
			c.packet(eventType, i == 0, begin, payload)
		}
		c.step()
	}
}
