package call

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"mediaserver/audio"
	"mediaserver/mixer"
	"mediaserver/sip"
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

// Place finds the destination of a room.
func (d Destinations) Place(name string) (string, bool) {
	for _, to := range d {
		if ok, err := path.Match(to.Match, name); err == nil && ok {
			return strings.ReplaceAll(to.Address, "{name}", name), true
		}
	}
	return "", false
}

// dialFocus makes a secondary call by SIP to the focus of a room elsewhere.
func (c *Call) dialFocus(ctx context.Context, o ConferenceOptions, address string) (*Call, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.AnswerTimeout, ErrAnswerTimeout)
	defer cancel()
	c.tasks.Go(func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	})
	s := newCall(c.manager, c.secondaryInfo(o), nil)
	s.primary = c
	s.SetLogger(c.logger())
	if err := s.dial(ctx, address); err != nil {
		return nil, c.dialError(ctx, err)
	}
	s.seat, s.keys = &focusSeat{call: s, talker: o.Participant.Talker}, o.Participant
	s.life = life{state: Answered, answered: time.Now()}
	s.markAnswer(c.audio())
	s.emitStarted()
	s.emit(Event{Type: CallAnswered})
	c.manager.start(s, o.MaxDuration)
	return s, nil
}

// dial sends the INVITE and opens the media with its answer.
func (c *Call) dial(ctx context.Context, address string) error {
	if c.manager.cfg.Dialer == nil {
		return errNoDialer
	}
	local, err := c.manager.cfg.Dialer.Route(address)
	if err != nil {
		return err
	}
	sockets, s, err := c.openSession(sip.Invitation{LocalAddr: local})
	if err != nil {
		return err
	}
	offer, _ := s.first(nil)
	dialog, err := c.manager.cfg.Dialer.Dial(ctx, sip.InviteRequest{To: address, From: c.base.From, SDP: offer})
	if err != nil {
		return errors.Join(err, sockets.Close())
	}
	c.dialog = dialog
	s.mu.Lock()
	err = s.accept(dialog.RemoteBody())
	s.mu.Unlock()
	if err == nil {
		err = c.openMedia(sockets, s, s.media)
	}
	if err != nil {
		hangUp, cancel := context.WithTimeout(context.Background(), byeTimeout)
		defer cancel()
		return errors.Join(err, dialog.Bye(hangUp), sockets.Close())
	}
	dialog.SetSession(s)
	return nil
}

// errNoDialer: this Manager was not given a way to place calls.
var errNoDialer = errors.New("call: no dialer is configured")

// dialError says what became of a call to a focus in the domain's words.
func (c *Call) dialError(ctx context.Context, err error) error {
	var status *sip.StatusError
	switch {
	case c.hasEnded() || c.isEnding():
		return ErrEnded
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	case errors.As(err, &status) && (status.Code == codeBusy || status.Code == codeBusyEverywhere):
		return fmt.Errorf("%w: %w", ErrConferenceBusy, err)
	default:
		return fmt.Errorf("%w: %w", ErrConnectFailed, err)
	}
}

// focusSeat is the place of a primary's audio in a secondary call by SIP: the
// two share the secondary's own room.
type focusSeat struct {
	call   *Call
	talker bool
	member *mixer.Member
	muted  bool
}

func (s *focusSeat) connect(from *mixer.Member) {
	m := s.call.audio()
	m.home.Set(true, true)
	s.member = m.room.Add(mixer.MemberOptions{Talk: s.talker, Hear: true})
	<-from.MovePort(s.member)
}

func (s *focusSeat) disconnect(to *mixer.Member) {
	<-s.member.MovePort(to)
	<-s.member.Remove()
}

func (s *focusSeat) setMuted(change func(muted bool) bool) {
	s.muted = change(s.muted)
	s.member.Set(s.talker && !s.muted, true)
}

func (s *focusSeat) play(src audio.Source) *mixer.Playback { return s.call.audio().home.Play(src) }

func (s *focusSeat) leave() {}
