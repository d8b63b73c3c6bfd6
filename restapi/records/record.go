package records

import (
	"slices"
	"time"

	"mediaserver/call"
)

// Bounds of one record; what is more is counted only.
const (
	maxPages   = 200
	maxActions = 500
	maxEarlier = 20 // Call-IDs
)

// Record is what became of a call.
type Record struct {
	Names
	Instance   string        `json:"application_instance_id,omitempty"`
	Service    string        `json:"service,omitempty"`
	Direction  string        `json:"direction" enum:"in,out"`
	From       string        `json:"from"`
	To         string        `json:"to"`
	Conference string        `json:"conference,omitempty" doc:"the room it was in"`
	Started    time.Time     `json:"started"`
	Answered   *time.Time    `json:"answered,omitempty"`
	Ended      time.Time     `json:"ended" doc:"with unnoticed: when the server started again; the call had ended by then"`
	DurationMS int64         `json:"duration_ms" doc:"from the answer to the end"`
	Cause      call.Cause    `json:"cause"`
	RawCause   int           `json:"raw_cause" doc:"SIP code of the end"`
	Unnoticed  bool          `json:"unnoticed,omitempty" doc:"the server was killed in the midst of the call: when it ended, and what happened after its start, is not known"`
	Pages      []Page        `json:"pages" doc:"in the order in which they were asked; 200 at most"`
	Actions    []Action      `json:"actions" doc:"in the order in which they ended; 500 at most"`
	Counts     Counts        `json:"counts"`
	Recordings []string      `json:"recordings,omitempty" doc:"files in the media store"`
	Quality    *call.Quality `json:"quality,omitempty" doc:"media of a call by SIP"`
}

// Names are what a call is known by.
type Names struct {
	Call      string   `json:"call_id"`
	SIPCallID string   `json:"sip_call_id,omitempty" doc:"Call-ID of its SIP dialog, of the last one if there were several"`
	Earlier   []string `json:"earlier_sip_call_ids,omitempty" doc:"Call-IDs of the dialogs before that one: of far ends that were exchanged, of contacts that rang and did not answer; 20 at most"`
	Primary   string   `json:"primary_call_id,omitempty" doc:"of a secondary call: its primary"`
}

// Page is a request to a page of the application.
type Page struct {
	call.PageExchange
	Time time.Time `json:"time"`
}

// Action is an action that ran.
type Action struct {
	call.ActionRun
	Time time.Time `json:"time" doc:"of its end"`
}

// Counts are what a record does not list.
type Counts struct {
	Pages   int `json:"pages"`
	Actions int `json:"actions"`
	Digits  int `json:"digits"`
	Plays   int `json:"plays"`
	Mutes   int `json:"mutes"`
}

// add takes what an event tells of a call.
func (r *Record) add(e call.Event) {
	if r.Instance == "" {
		r.Instance = e.Instance
	}
	r.goesOnWith(e.SIPCallID)
	switch e.Type {
	case call.CallAnswered:
		at := e.Time
		r.Answered = &at
	case call.CallEnded:
		r.end(e)
	case call.InstanceStarted:
		r.Service = e.Service
	case call.PageAnswered, call.PageFailed:
		r.Counts.Pages++
		if len(r.Pages) < maxPages && e.Page != nil {
			r.Pages = append(r.Pages, Page{PageExchange: *e.Page, Time: e.Time})
		}
	case call.ActionEnded:
		r.Counts.Actions++
		if len(r.Actions) < maxActions && e.Action != nil {
			r.Actions = append(r.Actions, Action{ActionRun: *e.Action, Time: e.Time})
		}
	case call.CallDigit:
		r.Counts.Digits++
	case call.PlayStarted:
		r.Counts.Plays++
	case call.ParticipantMuted:
		r.Counts.Mutes++
	case call.ParticipantEntered:
		r.Conference = e.Conference
	case call.RecordingEnded:
		if e.Sound != nil && e.Sound.File != "" && len(r.Recordings) < maxPages {
			r.Recordings = append(r.Recordings, e.Sound.File)
		}
	}
}

// goesOnWith notes the Call-ID of the dialog that the call has now, if it has one.
func (n *Names) goesOnWith(id string) {
	if id == "" || id == n.SIPCallID {
		return
	}
	if n.SIPCallID != "" && len(n.Earlier) < maxEarlier && !slices.Contains(n.Earlier, n.SIPCallID) {
		n.Earlier = append(n.Earlier, n.SIPCallID)
	}
	n.SIPCallID = id
}

// HasDialog says whether a Call-ID is that of a SIP dialog of the call.
func (r *Names) HasDialog(id string) bool {
	return r.SIPCallID == id || slices.Contains(r.Earlier, id)
}

// end takes the end of the call.
func (r *Record) end(e call.Event) {
	r.Ended, r.Cause, r.RawCause = e.Time, e.Cause, e.RawCause
	if e.Ended != nil {
		r.DurationMS, r.Quality, r.Unnoticed = e.Ended.DurationMS, e.Ended.Quality, e.Ended.Unnoticed
	}
}
