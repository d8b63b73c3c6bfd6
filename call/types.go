package call

import (
	"errors"
	"fmt"
	"time"

	"mediaserver/audio"
	"mediaserver/dtmf"
)

// Direction says who placed a call, seen from this server.
type Direction uint8

// The directions of a call.
const (
	In Direction = iota
	Out
)

// String is "in" or "out".
func (d Direction) String() string {
	if d == Out {
		return "out"
	}
	return "in"
}

// State is what a call is for the pages that steer it.
type State uint8

// The states of a call: Idle after its end (and for an outbound call before
// the answer), Inbound while it rings here, Answered while it talks.
const (
	Idle State = iota
	Inbound
	Answered
)

// String is "idle", "inbound" or "answered".
func (s State) String() string {
	switch s {
	case Inbound:
		return "inbound"
	case Answered:
		return "answered"
	default:
		return "idle"
	}
}

// Cause says why a call ended.
type Cause uint8

// The causes; NoCause while the call lives.
const (
	NoCause      Cause = iota
	Completed          // all actions done, or our own hang-up or reject
	HungUp             // the far end hung up
	NoAnswer           // outbound: not answered in time
	Busy               // outbound: busy
	Unobtainable       // outbound: no such destination
	Dropped            // ended by us on behalf of something else: shutdown, maximum duration, primary gone
	Failed             // anything else
)

// String is the word the pages get, "" for NoCause.
func (c Cause) String() string {
	names := [...]string{"", "completed", "hung_up", "no_answer", "busy", "unobtainable", "dropped", "failed"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("Cause(%d)", uint8(c))
}

// Info is a snapshot of a call for the outside.
type Info struct {
	ID          string
	SIPCallID   string // Call-ID of the SIP dialog with the far end there is now; "": none, or not known yet
	Direction   Direction
	From        string // caller's number or SIP address
	To          string // final destination; a room's name for a secondary call
	Target      string // destination as first asked for
	RequestUser string // inbound: user part of the Request-URI, for choosing a service
	RequestURI  string // inbound: the whole Request-URI, without parameters
	Service     string // inbound: name of the service it is for, "" if the Request-URI decides
	Divert      string // original number of a diverted call, else ""
	Attestation string // "A", "B", "C" or ""
	State       State
	Duration    time.Duration // since the answer; 0 before it
	Cause       Cause         // NoCause while the call lives
	RawCause    int           // SIP code of the end, 200 for a normal one; 0 while the call lives
	Recording   string        // file of the whole-call recording in the media store, "" if none was made
}

// MediaItem is one element of a playlist: exactly one of File, URL, Text and
// Digits is set.
type MediaItem struct {
	File    string   // name in the media store
	Cipher  *Cipher  // how File is encrypted; nil: not at all
	URL     string   // address of an audio file, fetched with GET
	Hosts   []string // allowed host patterns for URL and where it redirects; none: all
	Text    string   // to be spoken
	Voice   string   // voice selector for Text, "" for the service's
	Private bool     // keep Text out of logs
	Digits  string   // DTMF digits to send
}

// Cipher is AES in CBC mode with PKCS#7 padding: a key of 16, 24 or 32 bytes
// and an initialisation vector of 16; or, for recordings, the age public key
// of a Recipient. It never appears in texts or logs.
type Cipher struct {
	Key, IV   []byte
	Recipient string
}

// String hides the key.
func (Cipher) String() string { return "cipher" }

// GoString hides the key.
func (Cipher) GoString() string { return "cipher" }

// Playlist is media played in order. nil is no media at all.
type Playlist []MediaItem

// Header is a header field of a SIP message; it holds no line break.
type Header struct{ Name, Value string }

// PlayOptions steer Call.Play.
type PlayOptions struct {
	BargeIn bool // a digit stops the play
}

// ParticipantOptions say how a participant behaves in its room. A zero digit
// is none. Use DefaultParticipant for the protocol's defaults.
type ParticipantOptions struct {
	Talker        bool
	StartOnEntry  bool
	DestroyOnExit bool
	BeepOnEntry   bool
	ExitDigit     dtmf.Digit
	MuteDigit     dtmf.Digit
	UnmuteDigit   dtmf.Digit // 0 or equal to MuteDigit: MuteDigit toggles
	WhileStopped  Playlist   // nil: the ringing tone
	Name          Playlist
	HasJoined     Playlist
	HasLeft       Playlist
}

// RecordingOptions ask for the recording of a whole call, both directions.
type RecordingOptions struct {
	InstanceID string // of the application, a part of the file's name
	Number     int    // the call is the instance's n-th, the primary being 1
	Separate   bool   // a track for each direction in place of one for both
	KeepDigits bool   // digits stay in the recording
	Cipher     *Cipher
}

// DefaultParticipant is a participant for which nothing was said.
func DefaultParticipant() ParticipantOptions {
	return ParticipantOptions{Talker: true, StartOnEntry: true, BeepOnEntry: true}
}

// ConferenceOptions describe the secondary call that joins a primary call to
// a room.
type ConferenceOptions struct {
	Name          string        // the room
	InstanceID    string        // of the application: the participant's name in the web services; "": the secondary call's id
	From          string        // caller, as the participants see it; "" is the far end of the primary
	HoldMedia     Playlist      // looped to the primary until connected; nil: the ringing tone
	AnswerTimeout time.Duration // longest wait for the room's answer; 0: 30 s
	MaxDuration   time.Duration // of the secondary call, from its answer; 0: 240 min
	Participant   ParticipantOptions
	Ringing       audio.RingingPattern // the ringing tone; zero: UK
}

// Connection is the result of a Connect that came about.
type Connection struct {
	Duration time.Duration // from the connection of the two calls to its end
}

// What a verb may return; test with errors.Is.
var (
	// ErrEnded: the call the verb was asked of has ended; Info().Cause says why.
	ErrEnded = errors.New("call: ended")
	// ErrNotInbound: Reject or early media after the answer, or of an outbound call.
	ErrNotInbound = errors.New("call: not an unanswered inbound call")
	// ErrNotAnswered: the verb needs an answered call.
	ErrNotAnswered = errors.New("call: not answered")
	// ErrConferenceFull: the room has its maximum of participants.
	ErrConferenceFull = errors.New("call: conference is full")
	// ErrConferenceBusy: the room is not open, or the remote focus is busy.
	ErrConferenceBusy = errors.New("call: conference is busy")
	// ErrAnswerTimeout: the destination did not answer in time.
	ErrAnswerTimeout = errors.New("call: not answered in time")
	// ErrConnectFailed: any other failure before the connection.
	ErrConnectFailed = errors.New("call: connection failed")
	// ErrMediaNotFound: no such file, or the address has nothing.
	ErrMediaNotFound = errors.New("call: media not found")
	// ErrMediaInvalid: not audio this server can play.
	ErrMediaInvalid = errors.New("call: media invalid")
	// ErrTruncated: a file ends before its header says; what is there is played.
	ErrTruncated = errors.New("call: media truncated")
	// ErrSpeech: text cannot be spoken.
	ErrSpeech = errors.New("call: speech synthesis failed")
)

// MediaError says which element of a playlist could not be played. Err wraps
// ErrMediaNotFound, ErrMediaInvalid or ErrSpeech.
type MediaError struct {
	Index int // position in the playlist
	Err   error
}

// Error names the element by its position.
func (e *MediaError) Error() string { return fmt.Sprintf("play_list[%d]: %v", e.Index, e.Err) }

// Unwrap is the reason.
func (e *MediaError) Unwrap() error { return e.Err }
