package call

import (
	"context"
	"fmt"
	"time"

	"mediaserver/audio"
	"mediaserver/mixer"
	"mediaserver/recording"
)

// roomTape records what is heard in a room. To the mixer it is a member that
// hears and says nothing; Codec, Receive and Send belong to the room's worker.
type roomTape struct {
	id    string // in events
	file  *recording.Recording
	focus *Conference

	member  *mixer.Member
	removed chan struct{}   // closed when gone is valid
	gone    <-chan struct{} // closed when no worker uses the tape

	done   chan struct{} // closed when the next two are valid
	result recording.Result
	err    error
}

// Codec is none: linear samples.
func (t *roomTape) Codec() audio.Codec { return nil }

// Receive is silence.
func (t *roomTape) Receive(int64, time.Time, []int16) mixer.Status { return 0 }

// Send records a frame.
func (t *roomTape) Send(frame int64, _ time.Time, out mixer.Output) {
	if out.Silent {
		t.file.Write(frame, nil, nil, 0)
		return
	}
	t.file.Write(frame, nil, out.PCM, 0)
}

// close completes the file once the worker has let go.
func (t *roomTape) close(m *Manager) {
	<-t.gone
	t.result, t.err = t.file.Close(context.Background())
	if t.err != nil {
		t.err = fmt.Errorf("%w: %w", ErrRecording, t.err)
		m.cfg.Logger.Warn("RECORDING_FAILED: the recording of a room is not complete",
			"conference", t.focus.name, "filename", t.result.Filename, "error", t.err)
	}
	e := recordingEnded(t.id, t.result, t.err)
	e.Conference = t.focus.name
	m.emit(e)
	close(t.done)
}
