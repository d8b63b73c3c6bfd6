package restapi

import (
	"context"
	"log/slog"
	"time"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// verbs is what can be asked of a call. A secondary call is neither answered
// nor does it make calls: its answer and conference are nil.
type verbs struct {
	life       lifecycle
	media      player
	answer     answerer
	conference conferencer
}

// lifecycle is what every call has.
type lifecycle interface {
	// Info is a snapshot, at any time.
	Info() call.Info
	// Done is closed when the call has ended.
	Done() <-chan struct{}
	// HangUp ends the call; the first end counts.
	HangUp(cause call.Cause)
	// SetLogger says where the call reports to.
	SetLogger(l *slog.Logger)
	// SetMaxDuration bounds the call, counted from its answer.
	SetMaxDuration(d time.Duration)
}

// player is what a call does with media. Its methods block and return
// call.ErrEnded when the call ends.
type player interface {
	// Play returns the digit that stopped it.
	Play(ctx context.Context, p call.Playlist, o call.PlayOptions) (dtmf.Digit, error)
	// Collect plays a prompt and collects digits.
	Collect(ctx context.Context, o call.CollectOptions) (call.Collected, error)
	// Record records the far end; the file is kept also when it fails with a name.
	Record(ctx context.Context, o call.RecordOptions) (call.Recorded, error)
	Sleep(ctx context.Context, d time.Duration) error
	// SetRecording asks for the recording of the whole call.
	SetRecording(ctx context.Context, o call.RecordingOptions) error
}

// answerer decides about an unanswered inbound call.
type answerer interface {
	Answer(ctx context.Context, headers ...call.Header) error
	Reject(ctx context.Context, code int) error
	// EarlyMedia opens the audio of the call without answering it.
	EarlyMedia(ctx context.Context) error
}

// conferencer joins the call to a conference or to somebody else.
type conferencer interface {
	// DialConference places the secondary call and returns when it is answered.
	DialConference(ctx context.Context, o call.ConferenceOptions) (verbs, error)
	// DialOut places the secondary call to the first of several destinations that
	// answers; dropped are the attempts given up for it.
	DialOut(ctx context.Context, o call.DialOutOptions) (v verbs, dropped []call.Info, err error)
	// Connect joins the two calls and returns when the connection has ended.
	Connect(ctx context.Context, secondary verbs) (call.Connection, error)
}
