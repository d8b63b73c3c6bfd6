package robots

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/wav"
	"mediaserver/dtmf"
	"mediaserver/internal/phone"
)

const (
	// apart is the time between two arrivals.
	apart = 1500 * time.Millisecond
	// tick is how often the robots say whom they hear, over the last window.
	tick   = 500 * time.Millisecond
	window = 1200 * time.Millisecond
	// talkFor is how long the talker talks before it mutes itself, and muteFor
	// how long it stays so.
	talkFor = 8 * time.Second
	muteFor = 5 * time.Second
	// saveAfter is when the recording of the listener is saved.
	saveAfter = 20 * time.Second
	// hangUpTimeout bounds the end of a call.
	hangUpTimeout = 2 * time.Second
	// muteKey is the key that mutes and unmutes.
	muteKey = "1"
)

// listenerName is the robot that says nothing.
const listenerName = "listener"

// Config of the robots.
type Config struct {
	Target string    // SIP address that they call
	Out    io.Writer // where they tell what they hear
	WAV    string    // file for what the listener hears; "" = none

	Say    Say             // nil = the robots sound tones
	Guests func() []string // who is in the room beside them, by the server; nil = not told
}

// robot is one caller.
type robot struct {
	name  string
	phone *phone.Phone
	call  *phone.Call
	told  heard // what was printed last
	last  heard // what was heard at the tick before
}

// troupe is all robots of a Run.
type troupe struct {
	cfg    Config
	start  time.Time
	robots []*robot
	voices []voice
	guests []string // told last
}

// Run lets the robots call, one after the other, and talk until ctx ends, then
// hangs up. The error says which robot could not call or lost its call.
func Run(ctx context.Context, cfg Config) error {
	t := &troupe{cfg: cfg, start: time.Now()}
	err := t.perform(ctx)
	if ctx.Err() != nil {
		err = nil // what fails at the end of everything is no failure
	}
	t.save()
	return errors.Join(err, t.close())
}

// perform calls, then follows the clock until ctx ends.
func (t *troupe) perform(ctx context.Context) error {
	t.voices = t.choose(ctx)
	for _, v := range t.voices {
		if err := t.join(ctx, v.name, v.source()); err != nil {
			return err
		}
		if err := pause(ctx, apart); err != nil {
			return err
		}
	}
	if err := t.join(ctx, listenerName, nil); err != nil {
		return err
	}
	return t.talk(ctx)
}

// choose is what the robots sound like.
func (t *troupe) choose(ctx context.Context) []voice {
	if t.cfg.Say == nil {
		return voices()
	}
	list, err := speaking(ctx, t.cfg.Say)
	if err != nil {
		t.say("the robots cannot speak and sound tones: %v", err)
		return voices()
	}
	t.say("%s", explanation(list))
	return list
}

// join makes one robot call.
func (t *troupe) join(ctx context.Context, name string, source audio.Source) error {
	p, err := phone.New(phone.Config{
		User:   name,
		Listen: listenFor(t.cfg.Target),
		Source: func(int) audio.Source { return source },
	})
	if err != nil {
		return fmt.Errorf("robot %s: %w", name, err)
	}
	r := &robot{name: name, phone: p}
	t.robots = append(t.robots, r)
	if err := p.Open(); err != nil {
		return fmt.Errorf("robot %s: %w", name, err)
	}
	t.say("%s calls %s", name, t.cfg.Target)
	if r.call, err = p.Dial(ctx, t.cfg.Target); err != nil {
		return fmt.Errorf("robot %s calls %s: %w", name, t.cfg.Target, err)
	}
	return nil
}

// listenFor is where the phone of a robot listens that calls target: nil, as all do,
// or at the loopback address of IPv6 for a target of that.
func listenFor(target string) []string {
	if strings.Contains(target, "@[") {
		return []string{"udp://[::1]:0"}
	}
	return nil
}

// talk tells who hears whom as it changes, and works the talker's keys.
func (t *troupe) talk(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	mute := time.NewTimer(talkFor)
	defer mute.Stop()
	save := time.NewTimer(saveAfter)
	defer save.Stop()
	muted := false
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if err := t.tell(); err != nil {
				return err
			}
		case <-mute.C:
			muted = !muted
			if err := t.pressMute(ctx, muted); err != nil {
				return err
			}
			mute.Reset(map[bool]time.Duration{true: muteFor, false: talkFor}[muted])
		case <-save.C:
			t.save()
		}
	}
}

// pressMute presses the talker's mute key.
func (t *troupe) pressMute(ctx context.Context, mute bool) error {
	what := "unmutes itself"
	if mute {
		what = "mutes itself"
	}
	t.say("talker presses %s and %s", muteKey, what)
	r := t.find("talker")
	if err := r.call.Press(ctx, muteKey, dtmf.RFC4733); err != nil {
		return fmt.Errorf("robot %s presses %s: %w", r.name, muteKey, err)
	}
	return nil
}

// find is a robot that has called, nil if it has not.
func (t *troupe) find(name string) *robot {
	for _, r := range t.robots {
		if r.name == name && r.call != nil {
			return r
		}
	}
	return nil
}

// tell prints who hears whom if that is not as it was told, and the same for
// two ticks.
func (t *troupe) tell() error {
	t.tellGuests()
	changed, settled := false, true
	for _, r := range t.robots {
		if err := r.call.Err(); err != nil {
			return fmt.Errorf("robot %s: the call has ended: %w", r.name, err)
		}
		now := listen(r.call.HeardLast(window), t.voices)
		settled = settled && now.like(r.last)
		changed = changed || r.told == nil || !now.like(r.told)
		r.last = now
	}
	if !changed || !settled {
		return nil
	}
	var lines []string
	for _, r := range t.robots {
		r.told = r.last
		lines = append(lines, r.name+" hears "+r.told.String())
	}
	t.say("%s  [dBov]", strings.Join(lines, " | "))
	return nil
}

// tellGuests prints who else is in the room if that has changed. It is not
// measured: beside voices that speak, others are not told apart by sound.
func (t *troupe) tellGuests() {
	if t.cfg.Guests == nil {
		return
	}
	now := slices.DeleteFunc(t.cfg.Guests(), func(from string) bool {
		user, _, _ := strings.Cut(strings.TrimPrefix(from, "sip:"), "@")
		return slices.ContainsFunc(t.robots, func(r *robot) bool { return r.name == user })
	})
	if slices.Equal(now, t.guests) {
		return
	}
	t.guests = now
	if len(now) == 0 {
		t.say("only robots are in the room (says the server)")
		return
	}
	t.say("also in the room: %s (says the server)", strings.Join(now, ", "))
}

// say prints a line with the time since the start.
func (t *troupe) say(format string, args ...any) {
	if t.cfg.Out != nil {
		fmt.Fprintf(t.cfg.Out, "%6.1f s  %s\n", time.Since(t.start).Seconds(), fmt.Sprintf(format, args...)) //nolint:errcheck // nobody reads it
	}
}

// save writes what the listener has heard so far and tells where. A file that
// cannot be written is told too: the demo goes on.
func (t *troupe) save() {
	r := t.find(listenerName)
	if r == nil || t.cfg.WAV == "" {
		return
	}
	clip := r.call.HeardAll()
	if err := write(t.cfg.WAV, clip); err != nil {
		t.say("what the listener heard could not be saved: %v", err)
		return
	}
	t.say("what the listener heard is in %s (%.1f s)", t.cfg.WAV, clip.Duration().Seconds())
}

// write writes a WAV file.
func write(name string, clip audio.Clip) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(wav.Encode(f, wav.PCM16, clip), f.Close())
}

// close hangs up and closes the phones.
func (t *troupe) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), hangUpTimeout)
	defer cancel()
	var errs []error
	for _, r := range t.robots {
		if r.call != nil {
			errs = append(errs, r.call.HangUp(ctx))
		}
		errs = append(errs, r.phone.Close())
	}
	return errors.Join(errs...)
}

// pause waits, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
