package restapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"mediaserver/call"
)

// pageKind says which page is asked.
type pageKind uint8

// The pages. Those of a secondary call are counted apart.
const (
	firstPage pageKind = iota
	nextPage
	errorPage
	finalPage
	secondaryFirstPage
	secondaryNextPage
	secondaryErrorPage
	secondaryFinalPage
	notificationPage
)

// String names the page for logs and metrics.
func (k pageKind) String() string {
	return [...]string{
		"first", "next", "error", "final",
		"secondary_first", "secondary_next", "secondary_error", "secondary_final",
		"notification",
	}[k]
}

// MarshalText is the word of String, for logs in JSON.
func (k pageKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// of is the page of this kind for a primary or secondary call.
func (k pageKind) of(secondary bool) pageKind {
	if secondary {
		return k + secondaryFirstPage
	}
	return k
}

// instanceInfo is what every page is told.
type instanceInfo struct {
	ID             string        `json:"application_instance_id"`
	Token          *string       `json:"token"`
	LogFilename    string        `json:"log_filename"`
	IsNotification *bool         `json:"is_notification,omitempty"` // version 2
	ThisCall       *callInfo     `json:"this_call,omitempty"`       // not in notifications
	ActionResult   *actionResult `json:"action_result,omitempty"`
	ErrorResult    *errorResult  `json:"error_result,omitempty"`
	DroppedCalls   *[]callInfo   `json:"dropped_calls,omitempty"` // final page of a secondary call of connect
}

// callInfo is what pages are told of a call.
type callInfo struct {
	ID                    string  `json:"call_id"`
	Direction             string  `json:"call_direction"`
	From                  string  `json:"call_from"`
	To                    string  `json:"call_to"`
	Target                string  `json:"call_target"`
	Divert                *string `json:"call_divert,omitempty"`      // version 2
	Attestation           *string `json:"call_attestation,omitempty"` // version 2, inbound
	Duration              seconds `json:"seconds_call_duration"`
	State                 string  `json:"call_state"`
	ApplicationParameters string  `json:"application_parameters"`
	Cause                 string  `json:"call_cause,omitempty"`              // final pages
	RawCause              string  `json:"call_raw_cause,omitempty"`          // version 2, final pages
	OutboundParameters    *string `json:"outbound_parameters,omitempty"`     // primary outbound calls
	Recording             string  `json:"call_recording_filename,omitempty"` // final pages of a recorded call
}

// actionResult is what an action has to tell the next page.
type actionResult struct {
	Action      string         `json:"action"`
	Result      map[string]any `json:"result,omitempty"`
	Interrupted bool           `json:"interrupted,omitempty"` // by rest_interrupt; then without Result
}

// errorResult is what the error page is told.
type errorResult struct {
	Action string `json:"action"`
	Result string `json:"result"`
}

// seconds is a duration with one decimal, rounded half up: a string in
// version 1, a number in version 2.
type seconds struct {
	d       time.Duration
	version version
}

// MarshalJSON writes 131.1 or "131.1".
func (s seconds) MarshalJSON() ([]byte, error) {
	const tenth = 100 * time.Millisecond
	tenths := int64((max(s.d, 0) + tenth/2) / tenth)
	number := strconv.FormatInt(tenths/10, 10) + "." + strconv.FormatInt(tenths%10, 10)
	if s.version == v1 {
		number = `"` + number + `"`
	}
	return []byte(number), nil
}

// callInfo is what pages are told of c.
func (in *instance) callInfo(c call.Info, final bool) callInfo {
	v := in.service.version()
	info := callInfo{
		ID: c.ID, Direction: c.Direction.String(), From: c.From, To: c.To, Target: c.Target,
		Duration: seconds{c.Duration, v}, State: c.State.String(),
		ApplicationParameters: in.service.ApplicationParameters,
	}
	if v == v2 {
		info.Divert = &c.Divert
		if c.Direction == call.In {
			info.Attestation = &c.Attestation
		}
	}
	if in.outbound != nil && c.ID == in.primary.verbs.life.Info().ID {
		info.OutboundParameters = in.outbound
	}
	if final {
		info.Cause = c.Cause.String()
		info.Recording = c.Recording
		if v == v2 {
			info.RawCause = strconv.Itoa(c.RawCause)
		}
	}
	return info
}

// instanceInfo is what a page is told beside results.
func (in *instance) instanceInfo(c call.Info, k pageKind) *instanceInfo {
	info := &instanceInfo{
		ID: in.id, Token: in.token, LogFilename: in.logName,
		ThisCall: new(in.callInfo(c, k == finalPage || k == secondaryFinalPage)),
	}
	if in.service.version() == v2 {
		info.IsNotification = new(false)
	}
	return info
}

// droppedCalls are the calls that were given up for the secondary call of c,
// for its final page.
func (in *instance) droppedCalls(c *course, k pageKind) *[]callInfo {
	if k != secondaryFinalPage || c.dropped == nil {
		return nil
	}
	list := make([]callInfo, len(c.dropped))
	for i, d := range c.dropped {
		list[i] = in.callInfo(d, true)
	}
	return &list
}

// encode writes the info as it is sent.
func (i *instanceInfo) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(i); err != nil {
		return nil, fmt.Errorf("encode instance info: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
