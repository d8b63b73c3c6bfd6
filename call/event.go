package call

import "time"

// EventType says what happened, as thing.happening.
type EventType string

// The types. Each closing one (see EventType.Opened) comes exactly once for
// each opening one, whatever happened in between.
const (
	CallStarted        EventType = "call.started"
	CallRinging        EventType = "call.ringing"
	CallAnswered       EventType = "call.answered"
	CallEnded          EventType = "call.ended" // closes call.started
	CallDigit          EventType = "call.digit"
	CallTransferred    EventType = "call.transferred" // its far end is another now, or has been sent to another
	ParticipantEntered EventType = "participant.entered"
	ParticipantLeft    EventType = "participant.left" // closes participant.entered
	ParticipantMuted   EventType = "participant.muted"
	ParticipantUnmuted EventType = "participant.unmuted"
	ConferenceCreated  EventType = "conference.created" // the first participant is about to enter
	ConferenceStarted  EventType = "conference.started" // they hear each other
	ConferenceStopped  EventType = "conference.stopped" // they do no longer
	ConferenceLocked   EventType = "conference.locked"
	ConferenceUnlocked EventType = "conference.unlocked"
	ConferenceEnded    EventType = "conference.ended" // closes conference.created
	RecordingStarted   EventType = "recording.started"
	RecordingEnded     EventType = "recording.ended" // closes recording.started
	PlayStarted        EventType = "play.started"
	PlayEnded          EventType = "play.ended" // closes play.started
	InstanceStarted    EventType = "instance.started"
	InstanceEnded      EventType = "instance.ended" // closes instance.started
	PageRequested      EventType = "page.requested"
	PageAnswered       EventType = "page.answered"
	PageFailed         EventType = "page.failed"
	ActionEnded        EventType = "action.ended"
	TrunkUp            EventType = "trunk.up"
	TrunkDown          EventType = "trunk.down"
	// EventsDropped says that events before it were lost for want of room;
	// closing events never are.
	EventsDropped EventType = "events.dropped"
)

// EventTypes are all there are.
func EventTypes() []EventType {
	return []EventType{
		CallStarted, CallRinging, CallAnswered, CallEnded, CallDigit, CallTransferred,
		ParticipantEntered, ParticipantLeft, ParticipantMuted, ParticipantUnmuted,
		ConferenceCreated, ConferenceStarted, ConferenceStopped, ConferenceLocked, ConferenceUnlocked, ConferenceEnded,
		RecordingStarted, RecordingEnded, PlayStarted, PlayEnded,
		InstanceStarted, InstanceEnded, PageRequested, PageAnswered, PageFailed, ActionEnded,
		TrunkUp, TrunkDown, EventsDropped,
	}
}

// Opened is the type of the event that one of type t closes, "" when t closes
// nothing.
func (t EventType) Opened() EventType {
	switch t {
	case CallEnded:
		return CallStarted
	case ParticipantLeft:
		return ParticipantEntered
	case ConferenceEnded:
		return ConferenceCreated
	case RecordingEnded:
		return RecordingStarted
	case PlayEnded:
		return PlayStarted
	case InstanceEnded:
		return InstanceStarted
	default:
		return ""
	}
}

// Closes reports whether t is the end of something: such events are never
// dropped.
func (t EventType) Closes() bool { return t.Opened() != "" }

// Closed is the type of the event that closes what t opens, "" when t opens
// nothing.
func (t EventType) Closed() EventType {
	switch t {
	case CallStarted:
		return CallEnded
	case ParticipantEntered:
		return ParticipantLeft
	case ConferenceCreated:
		return ConferenceEnded
	case RecordingStarted:
		return RecordingEnded
	case PlayStarted:
		return PlayEnded
	case InstanceStarted:
		return InstanceEnded
	default:
		return ""
	}
}

// Event is one thing that happened. The JSON form is what event streams,
// webhooks and the history hold; fields that do not apply are left out.
type Event struct {
	Sequence uint64     `json:"sequence" doc:"position in the stream, without holes" example:"4711"`
	Time     time.Time  `json:"time" doc:"wall clock"`
	Type     EventType  `json:"type" doc:"what happened" example:"call.answered"`
	Media    *MediaTime `json:"media,omitempty" doc:"time in the media of the call, from its answer on"`
	Call     string     `json:"call_id,omitempty" doc:"the call it happened to"`
	FarEndEvent
	Primary     string        `json:"primary_call_id,omitempty" doc:"of a secondary call: its primary"`
	Instance    string        `json:"application_instance_id,omitempty" doc:"the application that runs the call"`
	Conference  string        `json:"conference,omitempty" doc:"name of the room"`
	Participant string        `json:"participant_id,omitempty" doc:"call_id of the participant's secondary call"`
	Cause       Cause         `json:"cause,omitzero" doc:"why it ended"`
	RawCause    int           `json:"raw_cause,omitempty" doc:"SIP code of the end"`
	Started     *CallStart    `json:"call,omitempty" doc:"call.started, call.transferred, and the end of a call that nobody noticed: who calls whom"`
	Ended       *CallEnd      `json:"end,omitempty" doc:"call.ended: how it went"`
	Sound       *SoundEvent   `json:"sound,omitempty" doc:"play and recording events"`
	Page        *PageExchange `json:"page,omitempty" doc:"page events"`
	Action      *ActionRun    `json:"action,omitempty" doc:"action.ended"`
	Service     string        `json:"service,omitempty" doc:"instance.started: name of the service"`
	Population  int           `json:"participants,omitempty" doc:"participant and conference events: how many are in the room now"`
	ServerEvent
}

// FarEndEvent is what an Event bears that comes from the far end of a call.
type FarEndEvent struct {
	SIPCallID string      `json:"sip_call_id,omitempty" doc:"call.started, ringing, answered, transferred and ended, as soon as it is known: Call-ID of the SIP dialog with the far end there is now"`
	Digit     *DigitPress `json:"digit,omitempty" doc:"call.digit"`
}

// ServerEvent is what an Event bears that is about no call and no room.
type ServerEvent struct {
	Trunk   *TrunkState `json:"trunk,omitempty" doc:"trunk events"`
	Dropped uint64      `json:"dropped,omitempty" doc:"events.dropped: how many"`
}

// TrunkState is how a trunk does from now on.
type TrunkState struct {
	Name       string `json:"name" doc:"as it is configured" example:"carrier"`
	Reason     string `json:"reason,omitempty" doc:"trunk.down: why" example:"not registered: sip: status 403 Forbidden"`
	Registered *bool  `json:"registered,omitempty" doc:"whether this server is registered there; left out if it is not to be"`
}

// MediaTime is a time in the media of a call: both count from its answer and
// advance with the frames that were sent, not with the wall clock.
type MediaTime struct {
	Frame int64 `json:"frame" doc:"frames of 20 ms"`
	MS    int64 `json:"ms" doc:"milliseconds"`
}

// CallStart is what is known of a call from its beginning.
type CallStart struct {
	Direction string `json:"direction" enum:"in,out"`
	From      string `json:"from" doc:"caller's number or SIP address"`
	To        string `json:"to" doc:"destination; for a secondary call to a room, the room's name"`
	By        string `json:"transferred_by,omitempty" enum:"far_end,replaces,api" doc:"call.transferred: far_end sent us to another (REFER), another took its place (INVITE with Replaces), or by the API we sent it to another, and the call ends"`
}

// CallEnd is how a call went.
type CallEnd struct {
	DurationMS int64    `json:"duration_ms" doc:"since the answer, 0 without one"`
	Recording  string   `json:"recording,omitempty" doc:"file of the whole-call recording in the media store"`
	Unnoticed  bool     `json:"unnoticed,omitempty" doc:"the server was stopped in the midst of it; this was found out at the next start"`
	Quality    *Quality `json:"quality,omitempty" doc:"media of a call by SIP"`
}

// Quality is what became of a call's media.
type Quality struct {
	Codec          string  `json:"codec"`
	Received       uint64  `json:"packets_received"`
	Sent           uint64  `json:"packets_sent"`
	Lost           uint64  `json:"packets_lost" doc:"not there when they were to be played"`
	Dropped        uint64  `json:"packets_dropped" doc:"thrown away unheard: late, duplicate, foreign"`
	ConcealedLoss  uint64  `json:"frames_concealed_loss" doc:"frames of 20 ms made up because a packet was lost"`
	ConcealedLate  uint64  `json:"frames_concealed_late" doc:"… because it came too late"`
	ConcealedEmpty uint64  `json:"frames_concealed_underrun" doc:"… because nothing came any more"`
	JitterMS       float64 `json:"jitter_ms" doc:"of what came, RFC 3550 §6.4.1"`
	DelayMS        float64 `json:"delay_ms" doc:"in the jitter buffer at the end"`
	RTTMS          float64 `json:"rtt_ms,omitempty" doc:"round trip by RTCP; left out when unknown"`
	RemoteLost     int64   `json:"remote_packets_lost,omitempty" doc:"our packets that the far end missed, by its RTCP"`
	RemoteJitterMS float64 `json:"remote_jitter_ms,omitempty" doc:"of our packets, by its RTCP"`
	LevelDBov      float64 `json:"level_dbov" doc:"mean of what the far end said, sampled once a second while it spoke; -127 for silence"`
}

// DigitPress is a key the far end pressed.
type DigitPress struct {
	Digit  string `json:"digit,omitempty" doc:"left out unless events.digits is shown"`
	Method string `json:"method" enum:"rfc4733,info,inband"`
}

// SoundEvent is about a play or a recording.
type SoundEvent struct {
	ID         string `json:"id" doc:"joins the start and the end"`
	File       string `json:"file,omitempty" doc:"recording: name in the media store"`
	Outcome    string `json:"outcome,omitempty" doc:"of the end: complete, digit, failed, stopped"`
	DurationMS int64  `json:"duration_ms,omitempty" doc:"at the end"`
	LostMS     int64  `json:"lost_ms,omitempty" doc:"recording: what could not be stored because the disk was slow or full; silence in the file"`
}

// PageExchange is a request to a page of the application.
type PageExchange struct {
	Page    string `json:"page" doc:"kind of page" example:"first"`
	Method  string `json:"method" enum:"GET,POST"`
	URL     string `json:"url" doc:"without login and query"`
	Outcome string `json:"outcome,omitempty" doc:"ok, or the error code in lower case"`
	TookMS  int64  `json:"took_ms,omitempty"`
}

// ActionRun is an action that came to its end.
type ActionRun struct {
	Name    string `json:"name" example:"connect_to_conference"`
	Path    string `json:"path" doc:"where it stood in the answer" example:"actions[0]"`
	Outcome string `json:"outcome" doc:"ok, ended (the call did), hang_up, or the error code in lower case"`
	TookMS  int64  `json:"took_ms"`
}

// Sink takes events. Emit never waits and never calls back: it is called
// with locks held. It is safe for concurrent use, and events of one
// goroutine keep their order. A zero Time is now.
type Sink interface{ Emit(e Event) }

// MarshalText is the word of String.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the word of String; an unknown one is Failed.
func (c *Cause) UnmarshalText(text []byte) error {
	*c = Failed
	for x := NoCause; x <= Failed; x++ {
		if x.String() == string(text) {
			*c = x
		}
	}
	return nil
}

// noEvents is the Sink of a Manager that was given none.
type noEvents struct{}

// Emit forgets e.
func (noEvents) Emit(Event) {}
