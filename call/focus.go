package call

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
)

// Placement says where the focus of a room lives: here, or at a SIP address.
type Placement interface {
	Place(name string) (address string, elsewhere bool)
}

// RoomDestination sends the rooms whose name matches to a focus elsewhere.
type RoomDestination struct {
	Match   string // room name; * is a wildcard
	Address string // SIP URI; {name} stands for the room's name
}

// Destinations is the Placement of a list; the first match counts, without
// one the room is here.
type Destinations []RoomDestination

// Place finds the destination of a room. A name cannot choose the host: an @
// within it is escaped.
func (d Destinations) Place(name string) (string, bool) {
	for _, to := range d {
		if ok, err := path.Match(to.Match, name); err == nil && ok {
			return strings.ReplaceAll(to.Address, "{name}", strings.ReplaceAll(name, "@", "%40")), true
		}
	}
	return "", false
}

// dialFocus makes a secondary call by SIP to the focus of a room elsewhere.
func (c *Call) dialFocus(ctx context.Context, o ConferenceOptions, address string) (*Call, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.AnswerTimeout, ErrAnswerTimeout)
	defer cancel()
	ctx, done := c.lasting(ctx)
	defer done(nil)
	a := c.manager.newAttempt(Destination{Kind: ToSIP, Text: o.Name, Value: address}, o.From, c)
	s := a.call
	s.base.To, s.base.Target = o.Name, o.Name
	s.seat, s.keys = &farSeat{call: s, talker: o.Participant.Talker, ringing: o.Ringing}, &o.Participant
	if err := a.run(ctx, o.MaxDuration); err != nil {
		return nil, c.focusError(ctx, err)
	}
	return s, nil
}

// errNoDialer: this Manager was not given a way to place calls.
var errNoDialer = errors.New("call: no dialer is configured")

// focusError says what became of a call to a focus in the words of rooms.
func (c *Call) focusError(ctx context.Context, err error) error {
	fault, ok := errors.AsType[*DialError](err)
	switch {
	case c.hasEnded() || c.isEnding():
		return ErrEnded
	case ctx.Err() != nil && !errors.Is(err, ErrAnswerTimeout):
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	case ok && fault.Cause == Busy:
		return fmt.Errorf("%w: %w", ErrConferenceBusy, fault.Err)
	default:
		return err
	}
}
