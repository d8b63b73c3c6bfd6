package call

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
	"mediaserver/mixer"
	"mediaserver/recording"
)

// RecordingFormat is how the samples of a recording are encoded.
type RecordingFormat uint8

// The formats.
const (
	AutomaticFormat RecordingFormat = iota // the call's codec, A-law for a call without one
	ALawFormat
	ULawFormat
)

// RecordOptions steer Call.Record.
type RecordOptions struct {
	InstanceID        string        // of the application, a part of the file's name
	Beep              bool          // heard before, not recorded
	Stop              dtmf.Set      // digits that end it
	MaxDuration       time.Duration // of the recording; required
	MaxSilence        time.Duration // silence that ends it; 0: never
	MaxInitialSilence time.Duration // the same before the first sound; 0: MaxSilence
	Format            RecordingFormat
	Cipher            *Cipher // nil: not encrypted
}

// Recorded is a complete recording.
type Recorded struct {
	Filename      string // in the media store
	ContainsSound bool
	Duration      time.Duration
}

// ErrRecording: a recording cannot be made or completed.
var ErrRecording = errors.New("call: recording failed")

// Record records the far end, or the room of a secondary call to one, until a
// digit, silence or its longest duration ends it. It returns when the file is
// complete. When the call ends, or ctx, what was recorded is kept: the
// Recorded comes with ErrEnded or the cause of ctx. ErrRecording: there is no
// file, or not all of it.
func (c *Call) Record(ctx context.Context, o RecordOptions) (Recorded, error) {
	if err := c.canPlay(); err != nil {
		return Recorded{}, err
	}
	file, err := c.openRecord(ctx, o)
	if err != nil {
		return Recorded{}, err
	}
	if err := c.takeStarts(ctx, file); err != nil { // nobody was told of it
		file.Discard()
		return Recorded{}, err
	}
	ended := c.recordInto(ctx, file, o)
	result, err := file.Close(context.WithoutCancel(ctx))
	c.take(func() { c.takeEnds(result, err) })
	recorded := Recorded{Filename: result.Filename, ContainsSound: result.ContainsSound, Duration: result.Duration}
	switch {
	case err != nil && ended != nil:
		c.logger().Warn("RECORDING_FAILED: the recording is not complete", "filename", result.Filename, "error", err)
	case err != nil:
		ended = fmt.Errorf("%w: %w", ErrRecording, err)
	}
	return recorded, ended
}

// taking is the recording that Record makes, for its events.
type taking struct {
	id   string
	file *recording.Recording
}

// takeStarts tells of the recording of Record, unless the call has ended.
func (c *Call) takeStarts(ctx context.Context, file *recording.Recording) error {
	return c.ask(ctx, func() error {
		c.taking = taking{id: c.newSound(), file: file}
		c.emit(Event{Type: RecordingStarted, Sound: &SoundEvent{ID: c.taking.id, File: file.Filename()}})
		return nil
	})
}

// takeEnds tells of its end: whoever is first, Record or the end of the call. Of
// the actor.
func (c *Call) takeEnds(r recording.Result, err error) {
	if id := c.taking.id; id != "" {
		c.taking = taking{}
		c.emit(recordingEnded(id, r, err))
	}
}

// takeCut is takeEnds at the end of the call.
func (c *Call) takeCut() {
	if file := c.taking.file; file != nil {
		c.takeEnds(recording.Result{Filename: file.Filename(), Duration: file.Duration()}, nil)
	}
}

// openRecord makes the file. At the end of the call nobody waits for it any more,
// and there is none.
func (c *Call) openRecord(ctx context.Context, o RecordOptions) (*recording.Recording, error) {
	if c.manager.cfg.Recorder == nil {
		return nil, fmt.Errorf("%w: %w", ErrRecording, errNoRecorder)
	}
	options := recording.Options{InstanceID: o.InstanceID, Encoding: o.encoding(c.audio())}
	var err error
	if options.Cipher, err = recordingCipher(o.Cipher); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecording, err)
	}
	ctx, done := c.lasting(ctx)
	defer done(nil)
	file, err := c.manager.cfg.Recorder.Open(ctx, options)
	switch {
	case err == nil:
		return file, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	default:
		return nil, fmt.Errorf("%w: %w", ErrRecording, err)
	}
}

// encoding is that of the file of a call with this media, nil for none.
func (o *RecordOptions) encoding(m *media) recording.Encoding {
	switch {
	case o.Format == ULawFormat:
		return recording.ULaw
	case o.Format == AutomaticFormat && m != nil && m.port.params.Load().codec.Encoding() == audio.PCMU:
		return recording.ULaw
	default:
		return recording.ALaw
	}
}

// recordInto is Record with its file open. nil means that it came to its end.
func (c *Call) recordInto(ctx context.Context, file *recording.Recording, o RecordOptions) error {
	if o.Beep {
		playback := c.start(audio.Sequence([]audio.Clip{c.manager.beep}, false))
		_, err := c.wait(ctx, playback.Done(), PlayOptions{})
		playback.Stop()
		if err != nil {
			return err
		}
	}
	c.discardDigits()
	m := newMeter(o, c.manager.cfg.Engine.Format())
	stop := c.listen(&listener{file: file, meter: m})
	defer stop()
	timer := time.NewTimer(m.left())
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if m.ended.Load() {
				return nil
			}
			timer.Reset(max(m.left(), m.ptime))
		case d := <-c.digits:
			if o.Stop.Has(d) {
				return nil
			}
		case <-c.done:
			return ErrEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// listen has a recording hear the far end of the call from the next frame on,
// until stop is called.
func (c *Call) listen(l *listener) (stop func()) {
	if m := c.audio(); m != nil {
		m.port.taps.put(actionTap, l)
		return func() { m.port.taps.remove(actionTap) }
	}
	if e, ok := c.seat.(ear); ok {
		return e.listen(&ears{listener: l})
	}
	return func() {}
}

// ear is a seat in which a secondary call without a port of its own hears
// something.
type ear interface {
	// listen gives the seat a port until stop is called, which waits for the
	// port to be let go.
	listen(p mixer.Port) (stop func())
}

// listen lends p's place in the room to a port. The room is heard while it is
// started.
func (p *Participant) listen(port mixer.Port) (stop func()) {
	room := p.call.manager.cfg.Engine.NewRoom("recorder of " + p.call.base.ID)
	home := room.Add(mixer.MemberOptions{Port: port})
	<-home.MovePort(p.member)
	return func() {
		<-p.member.MovePort(home)
		<-home.Remove()
		room.Close()
	}
}

// ears is a port that records what it hears and says nothing.
type ears struct{ listener *listener }

// Codec is nil: linear samples.
func (*ears) Codec() audio.Codec { return nil }

// Receive is silence.
func (*ears) Receive(int64, time.Time, []int16) mixer.Status { return 0 }

// Send records a frame.
func (e *ears) Send(frame int64, _ time.Time, out mixer.Output) {
	var heard []int16
	if !out.Silent {
		heard = out.PCM
	}
	e.listener.write(frame, heard, nil)
}
