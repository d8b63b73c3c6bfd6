package management

import (
	"time"

	"mediaserver/call"
)

// Call is a call that has not ended.
type Call struct {
	ID         string        `json:"call_id"`
	Direction  string        `json:"direction" enum:"in,out"`
	From       string        `json:"from"`
	To         string        `json:"to"`
	State      string        `json:"state" enum:"idle,inbound,answered"`
	DurationMS int64         `json:"duration_ms" doc:"since the answer"`
	Primary    string        `json:"primary_call_id,omitempty" doc:"of a secondary call"`
	Secondary  string        `json:"secondary_call_id,omitempty" doc:"of a primary call that has one"`
	Conference string        `json:"conference,omitempty" doc:"the room a secondary call is in"`
	SIPCallID  string        `json:"sip_call_id,omitempty" doc:"Call-ID of the SIP dialog with the far end there is now; left out for a call that has none, or none yet"`
	Quality    *call.Quality `json:"quality,omitempty" doc:"media of a call by SIP so far"`
}

func callOf(c call.LiveCall) Call {
	return Call{
		ID: c.ID, Direction: c.Direction.String(), From: c.From, To: c.To, State: c.State.String(),
		DurationMS: c.Duration.Milliseconds(), Primary: c.Primary, Secondary: c.Secondary, Conference: c.Conference,
		SIPCallID: c.SIPCallID, Quality: c.Media,
	}
}

// Conference is a room.
type Conference struct {
	Name         string        `json:"conference"`
	State        string        `json:"state" enum:"RESERVED,HOLDING,ACTIVE,COMPLETED" doc:"HOLDING is stopped, ACTIVE is started"`
	Reserved     bool          `json:"reserved"`
	Locked       bool          `json:"locked"`
	Recorded     bool          `json:"recorded"`
	Since        time.Time     `json:"since"`
	Participants []Participant `json:"participants" doc:"in order of entry"`
}

// Participant is somebody in a room.
type Participant struct {
	ID        string    `json:"participant_id"`
	Call      string    `json:"call_id" doc:"the secondary call"`
	From      string    `json:"from"`
	Talker    bool      `json:"talker"`
	Muted     bool      `json:"muted"`
	Connected bool      `json:"connected"`
	Entered   time.Time `json:"entered"`
	Speaking  bool      `json:"speaking" doc:"is in the mix now"`
	LevelDBov float64   `json:"level_dbov" doc:"of its input, -127 for silence"`
	HeardDBov float64   `json:"heard_dbov" doc:"of what it hears"`
}

func conferenceOf(c call.ConferenceInfo) Conference {
	out := Conference{
		Name: c.Name, State: c.State.String(), Reserved: c.Reserved, Locked: c.Locked, Recorded: c.Recorded,
		Since: c.Since, Participants: []Participant{},
	}
	for _, p := range c.Participants {
		out.Participants = append(out.Participants, Participant{
			ID: p.ID, Call: p.CallID, From: p.From, Talker: p.Talker, Muted: p.Muted, Connected: p.Connected,
			Entered: p.Entered, Speaking: p.Speaking, LevelDBov: p.Level, HeardDBov: p.Heard,
		})
	}
	return out
}

// Service is a service of the configuration.
type Service struct {
	Name       string   `json:"name"`
	Direction  string   `json:"direction" enum:"inbound,outbound"`
	Match      []string `json:"match,omitempty" doc:"called users or addresses"`
	APIVersion string   `json:"api_version"`
	FirstPage  string   `json:"first_page" doc:"without login and query"`
}

// Trunk is a SIP neighbour of the configuration.
type Trunk struct {
	Name           string         `json:"name"`
	Address        string         `json:"address" doc:"the preferred one"`
	State          string         `json:"state" enum:"up,down" doc:"down: another trunk is preferred, if one takes the number"`
	Reason         string         `json:"reason,omitempty" doc:"why it is down"`
	Since          *time.Time     `json:"since,omitempty" doc:"of the state; left out before anything was found out"`
	Register       bool           `json:"register" doc:"this server registers there"`
	Registered     *bool          `json:"registered,omitempty" doc:"whether it is registered now"`
	Until          *time.Time     `json:"registered_until,omitempty" doc:"when the registration ends unless it is refreshed"`
	Registration   string         `json:"registration_error,omitempty" doc:"what became of the last attempt to register"`
	Addresses      []TrunkAddress `json:"addresses" doc:"in the order of the configuration"`
	Calls          int            `json:"calls" doc:"now, in both directions"`
	MaxCalls       int            `json:"max_calls" doc:"0: unlimited"`
	CallsPerSecond int            `json:"calls_per_second" doc:"new calls out; 0: unlimited"`
}

// TrunkAddress is one address of a trunk.
type TrunkAddress struct {
	Address    string     `json:"address"`
	Reachable  *bool      `json:"reachable,omitempty" doc:"whether it answers OPTIONS; left out if it is not asked"`
	LastCode   int        `json:"last_code,omitempty" doc:"of the last answer to OPTIONS"`
	LastAnswer *time.Time `json:"last_answer,omitempty"`
	RTTMS      float64    `json:"rtt_ms,omitempty" doc:"of the last answer"`
}

// Health says how the server does.
type Health struct {
	Phase        string `json:"phase" enum:"starting,ready,draining"`
	ClockRuns    bool   `json:"clock_runs" doc:"every media worker has done its work within the last second"`
	Version      string `json:"version"`
	Calls        int    `json:"calls" doc:"calls by SIP"`
	Conferences  int    `json:"conferences"`
	Fit          int    `json:"participants_headroom" doc:"participants that still fit"`
	Busy         bool   `json:"busy" doc:"the next call by SIP is refused with 503"`
	OldestEvent  uint64 `json:"oldest_event" doc:"in the history"`
	LatestEvent  uint64 `json:"latest_event"`
	EventStreams int    `json:"event_streams" doc:"clients of the event stream"`
}

// Reservation is a booked room.
type Reservation struct {
	Token           string    `json:"reservation_token"`
	Conference      string    `json:"conference"`
	Start           time.Time `json:"start"`
	End             time.Time `json:"end"`
	MaxParticipants int       `json:"max_participants"`
	State           string    `json:"state" enum:"booked,open,over"`
}

// Page limits a list.
type Page struct {
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many"`
	After string `query:"after" maxLength:"200" doc:"next of the page before"`
}

// cut takes a page of a sorted list; next is "" at the end.
func cut[T any](list []T, p Page, key func(T) string) (part []T, next string) {
	part = []T{}
	for _, x := range list {
		if p.After != "" && key(x) <= p.After {
			continue
		}
		if len(part) == p.Limit {
			return part, key(part[len(part)-1])
		}
		part = append(part, x)
	}
	return part, ""
}
