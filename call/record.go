package call

import (
	"context"
	"errors"

	"mediaserver/audio"
	"mediaserver/recording"
)

// Recorder makes recordings: *recording.Store.
type Recorder interface {
	Open(ctx context.Context, o recording.Options) (*recording.Recording, error)
}

// errNoRecorder: this Manager was not given a place for recordings.
var errNoRecorder = errors.New("call: recording is not configured")

// record is the whole-call recording of a call. Of its actor.
type record struct {
	wanted *RecordingOptions // nil: not to be recorded
	file   *recording.Recording
	port   *port
	at     tap
	id     string // in events
}

// SetRecording asks for the recording of the whole call: of an inbound call
// from its answer, of a secondary call from its connection. A recording that
// fails is a warning, and the call goes on.
func (c *Call) SetRecording(ctx context.Context, o RecordingOptions) error {
	return c.ask(ctx, func() error {
		c.record.wanted = &o
		if c.seat == nil && c.Info().State == Answered {
			c.openRecording(c.audio().port, ownTap)
			c.startTap()
		}
		return nil
	})
}

// openRecording makes the file of the recording that was asked for, if one
// was.
func (c *Call) openRecording(p *port, at tap) {
	if c.record.wanted == nil || c.record.file != nil {
		return
	}
	file, err := c.recordingFor(*c.record.wanted, p)
	if err != nil {
		c.logger().Warn("RECORDING_FAILED: the call is not recorded", "error", err)
		return
	}
	c.record.file, c.record.port, c.record.at = file, p, at
	c.record.id = c.newSound()
	c.emit(Event{Type: RecordingStarted, Sound: &SoundEvent{ID: c.record.id, File: file.Filename()}})
}

func (c *Call) recordingFor(o RecordingOptions, p *port) (*recording.Recording, error) {
	if c.manager.cfg.Recorder == nil {
		return nil, errNoRecorder
	}
	options := recording.Options{InstanceID: o.InstanceID, Call: o.Number, KeepDigits: o.KeepDigits, Encoding: recording.ALaw}
	if p.params.Load().codec.Encoding() == audio.PCMU {
		options.Encoding = recording.ULaw
	}
	if o.Separate {
		options.Mode = recording.Separate
	}
	var err error
	if options.Cipher, err = recordingCipher(o.Cipher); err != nil {
		return nil, err
	}
	return c.manager.cfg.Recorder.Open(context.Background(), options)
}

// recordingCipher is a cipher as recordings know it; nil is none.
func recordingCipher(c *Cipher) (recording.Cipher, error) {
	switch {
	case c == nil:
		return recording.Cipher{}, nil
	case c.Recipient != "":
		return recording.Age(c.Recipient)
	default:
		return recording.AESCBC(c.Key, c.IV)
	}
}

// IsRecipient reports whether a recording can be encrypted for this age
// recipient.
func IsRecipient(recipient string) bool {
	_, err := recording.Age(recipient)
	return err == nil
}

// startTap has the recording listen from the next frame on.
func (c *Call) startTap() {
	if c.record.file != nil {
		l := &listener{file: c.record.file, keepDigits: c.record.wanted.KeepDigits}
		c.record.port.taps.put(c.record.at, l)
	}
}

// stopTap takes the recording off the media path; frames of the slot under
// way may still come.
func (c *Call) stopTap() {
	if c.record.file != nil {
		c.record.port.taps.remove(c.record.at)
	}
}

// closeRecording completes the file; the port must have passed a frame
// boundary since stopTap.
func (c *Call) closeRecording() {
	if c.record.file == nil {
		return
	}
	result, err := c.record.file.Close(context.Background())
	if err != nil {
		c.logger().Warn("RECORDING_FAILED: the recording is not complete", "filename", result.Filename, "error", err)
	}
	c.record.file = nil
	c.emit(recordingEnded(c.record.id, result, err))
	if result.Unnamed { // there is no file of that name to tell of
		return
	}
	c.mu.Lock()
	c.life.recording = result.Filename
	c.mu.Unlock()
}
