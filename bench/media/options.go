package media

import (
	"errors"
	"fmt"
	"time"

	"mediaserver/bench/generator"
	"mediaserver/bench/tone"
	"mediaserver/rtp/srtp"
)

// Options of a run.
type Options struct {
	Participants int           `json:"participants"`
	RoomSize     int           `json:"room_size"` // 0 = all in one room
	Talkers      int           `json:"talkers"`   // of each room; the others send silence
	Probes       int           `json:"probes"`    // participants in all whose bursts are timed
	Codec        string        `json:"codec"`     // "pcmu", "pcma"
	SRTP         string        `json:"srtp"`      // "off", "gcm", "cm"
	IO           string        `json:"io"`        // "sockets", "shared"
	SharedPorts  int           `json:"shared_ports,omitempty"`
	Rate         int           `json:"rate"` // calls placed per second
	Duration     time.Duration `json:"-"`
	Settle       time.Duration `json:"-"` // between the last answer and the measurement
	Threads      int           `json:"generator_threads"`
	ByMail       bool          `json:"generator_by_mail,omitempty"` // see generator.Config
	Calibrate    bool          `json:"calibrate"`
	Profile      string        `json:"-"` // file for a CPU profile of the server during the measurement
	Env          []string      `json:"env,omitempty"`
}

// AutoTalkers stands for as many talkers as are usual: all in a room of up to
// four, else three.
const AutoTalkers = -1

const (
	smallRoom    = 4
	usualTalkers = 3
)

// Check tells what is wrong with options.
func (o Options) Check() error {
	_, err := o.complete()
	return err
}

// complete fills in what follows from the rest and refuses what cannot be.
func (o Options) complete() (Options, error) {
	if o.Participants < 1 || o.Rate < 1 || o.Duration <= 0 {
		return o, errors.New("bench: participants, rate and seconds must be at least 1")
	}
	if o.Codec != "pcmu" && o.Codec != "pcma" {
		return o, fmt.Errorf("bench: codec %q is not one of pcmu, pcma", o.Codec)
	}
	if _, ok := suites()[o.SRTP]; !ok {
		return o, fmt.Errorf("bench: srtp %q is not one of off, gcm, cm", o.SRTP)
	}
	if o.Participants > generator.MaxParticipants {
		return o, fmt.Errorf("bench: at most %d participants", generator.MaxParticipants)
	}
	if o.RoomSize <= 0 || o.RoomSize > o.Participants {
		o.RoomSize = o.Participants
	}
	if o.Talkers == AutoTalkers {
		o.Talkers = usualTalkers
		if o.RoomSize <= smallRoom {
			o.Talkers = o.RoomSize
		}
	}
	o.Talkers = min(o.Talkers, o.RoomSize)
	if o.Talkers > tone.Bins-probesPerRoom {
		return o, fmt.Errorf("bench: at most %d talkers in a room: each needs a tone of its own", tone.Bins-probesPerRoom)
	}
	return o, nil
}

// suites are the values of Options.SRTP.
func suites() map[string]srtp.Suite {
	return map[string]srtp.Suite{"off": srtp.NoSuite, "gcm": srtp.GCM128, "cm": srtp.CM128Tag80}
}

// rooms is how many rooms there are; the last may be smaller.
func (o Options) rooms() int { return (o.Participants + o.RoomSize - 1) / o.RoomSize }

// law is the G.711 law of the codec.
func (o Options) law() tone.Law {
	if o.Codec == "pcma" {
		return tone.ALaw
	}
	return tone.ULaw
}

// calming is when streams count as calm, which makes them cheaper: package rtp.
const calming = 6 * time.Second

// age is how old the streams of the server are on the average when they are
// measured, no more than matters.
func (o Options) age() time.Duration {
	placing := time.Duration(o.Participants) * time.Second / time.Duration(o.Rate)
	return min(o.Settle+placing/2, calming)
}
