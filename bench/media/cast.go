package media

import (
	"mediaserver/bench/generator"
	"mediaserver/bench/tone"
)

const (
	// probesPerRoom is how many participants of a large room send bursts.
	probesPerRoom = 10
	// timers is how many participants of a room time the bursts in it.
	timers = 8
)

// cast says what each participant does: the first of a room talk, the last
// may send bursts, and the first others time them.
type cast struct {
	o      Options
	probes [][]*generator.Probe // of each room
}

func newCast(o Options) *cast {
	c := &cast{o: o, probes: make([][]*generator.Probe, o.rooms())}
	left := o.Probes
	for r := 0; r < len(c.probes) && left > 0; r++ {
		size := c.size(r)
		n := 0
		switch {
		case size < 2: // nobody to hear it
		case size-o.Talkers > 1:
			n = min(probesPerRoom, (size-o.Talkers)/2, left)
		case o.Talkers > 1:
			n = 1 // the last talker talks in bursts
		}
		for i := range n {
			c.probes[r] = append(c.probes[r], generator.NewProbe(tone.Bin(o.Talkers+i)))
		}
		left -= n
	}
	return c
}

// size is how many participants room r has.
func (c *cast) size(r int) int { return min(c.o.RoomSize, c.o.Participants-r*c.o.RoomSize) }

// room is the room of participant n, and its place there.
func (c *cast) room(n int) (r, place int) { return n / c.o.RoomSize, n % c.o.RoomSize }

// talkers is how many of room r talk all the time.
func (c *cast) talkers(r int) int {
	return min(c.o.Talkers, c.size(r)-len(c.probes[r]))
}

// amplitude is that of all tones.
func (c *cast) amplitude() float64 { return tone.Amplitude(c.o.Talkers + probesPerRoom/2) }

// participant is what participant n does; To is left out.
func (c *cast) participant(n int) generator.Participant {
	r, place := c.room(n)
	talkers, probes := c.talkers(r), c.probes[r]
	p := generator.Participant{}
	for i := range talkers {
		if i != place {
			p.Hears = append(p.Hears, tone.Bin(i))
		}
	}
	first := c.size(r) - len(probes) // of the probes
	switch {
	case place < talkers:
		p.Role, p.Bin = generator.Talker, tone.Bin(place)
	case place >= first:
		p.Role, p.Probe = generator.Prober, probes[place-first]
	}
	if place < first && (place < timers || place >= talkers && place < talkers+timers) {
		p.Probes = probes
	}
	return p
}
