package baseline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kind is one of the servers.
type Kind string

// The servers.
const (
	Sockets        Kind = "sockets"
	Shared         Kind = "shared"
	UnmixedSockets Kind = "unmixed-sockets"
	UnmixedShared  Kind = "unmixed-shared"
	Naive          Kind = "naive"
)

// Unmixed reports whether the kind is the media server without mixing.
func (k Kind) Unmixed() bool { return k == UnmixedSockets || k == UnmixedShared }

// ErrPlatform means that a baseline needs Linux.
var ErrPlatform = errors.New("bench: the echoes need Linux (recvmmsg, sendmmsg)")

const (
	slotTime      = 5 * time.Millisecond
	slotsPerFrame = 4
	frameTime     = slotsPerFrame * slotTime
	datagramSize  = 256
	headerSize    = 12
	samples       = 160
)

// Config of a baseline.
type Config struct {
	Kind         Kind
	Participants int
	RoomSize     int // of Naive and the unmixed; 0 = all in one room
	Workers      int // of all but Naive
	Ports        int // of the shared
	FirstPort    int // of the unmixed; 0 = 20000
}

// Ready says where participant i sends to: port i, modulo their number, of
// 127.0.0.1.
type Ready struct {
	Ports []int `json:"ports"`
}

// Run serves until stdin ends. ctx ends it as well. An unmixed server reads a
// JSON array from stdin first: the FarEnd of each participant.
func Run(ctx context.Context, c Config, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	serve, ports, err := open(&c, stdin)
	if err != nil {
		return err
	}
	line, err := json.Marshal(Ready{ports})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "%s\n", line); err != nil {
		return err
	}
	go func() { // ends with the input, and the process with it
		io.Copy(io.Discard, stdin) //nolint:errcheck // whatever ends it
		cancel()
	}()
	serve(ctx)
	return nil
}

// open opens the sockets of a kind.
func open(c *Config, stdin io.Reader) (serve func(context.Context), ports []int, err error) {
	switch c.Kind {
	case Naive:
		return openNaive(c)
	case Sockets, Shared:
		return openEcho(c)
	case UnmixedSockets, UnmixedShared:
		return openUnmixed(c, stdin)
	}
	return nil, nil, fmt.Errorf("bench: no baseline %q", c.Kind)
}
