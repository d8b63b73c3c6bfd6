package mixer

import (
	"time"

	"mediaserver/audio"
)

// Port is the media side of a member. The worker of the member's room calls
// it, Receive and Send exactly once per frame number each; frames the engine
// had to skip are left out. No method may wait, lock or allocate.
type Port interface {
	// Codec says which payload Send wants; nil for linear samples only. It is
	// asked every frame. The value must be comparable with ==: members with
	// equal codecs share an encode. A codec of another rate than the engine's
	// gets linear samples only.
	Codec() audio.Codec
	// Receive fills pcm with exactly one frame and says what it is.
	Receive(frame int64, now time.Time, pcm []int16) Status
	// Send takes one frame. The slices of out are shared with other members:
	// they are read only and valid during the call only.
	Send(frame int64, now time.Time, out Output)
}

// Status says what Port.Receive has delivered.
type Status uint8

const (
	// Sound is set when the frame may hold sound. Without it the frame counts
	// as silence whatever pcm holds, and costs next to nothing.
	Sound Status = 1 << iota
	// Notice asks for a call of the port's Notify after the slot's sends.
	Notice
)

// Output is one frame for a member.
type Output struct {
	PCM     []int16 // one frame of linear samples
	Payload []byte  // PCM in the port's codec; nil when it has none
	Silent  bool    // there is nothing to hear: PCM is all zero
	Worker  int     // the worker that sends, for ports of a Transport
}

// plug is a port, and what it is besides.
type plug struct {
	port  Port       // nil: there is none
	ahead Prefetcher // nil: it need not be fetched
}

func newPlug(p Port) plug {
	ahead, _ := p.(Prefetcher)
	return plug{p, ahead}
}

// Transport moves the datagrams of many ports in batches, around the slots:
// what Gather has taken in, the ports' Receive deals out; what the ports' Send
// has collected, Scatter sends. The methods are called for a worker by that
// worker only, also for slots without rooms while the engine has a room
// anywhere. Like a port's, they may not wait, lock or allocate.
type Transport interface {
	// Gather comes after the changes and before the ports of a slot are served.
	Gather(worker int, now time.Time)
	// Scatter comes after the last Send of the slot.
	Scatter(worker int, now time.Time)
}

// Notifier is implemented by ports that want to be told on the worker, after
// the slot's sends, that Receive returned Notice. It must not block.
type Notifier interface{ Notify() }
