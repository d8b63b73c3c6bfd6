package restapi

import "context"

// action is one step of a list, decoded and valid.
type action interface {
	// run does it on the call of s. A turn with a page replaces the list.
	// Errors: *ActionError, errHangUp, call.ErrEnded, and why ctx ended; what
	// else comes is a fault of the server.
	run(ctx context.Context, s *step) (turn, error)
}

// turn is where a list goes on: with its next action, or with a page whose
// list replaces it.
type turn struct {
	page   Page          // the zero Page: go on with the next action
	result *actionResult // told to the page, nil for none
}

// actionType is a row of the table of all actions.
type actionType struct {
	name      string
	versions  version // that know it; 0 = both
	answers   bool    // an unanswered inbound call is answered before it
	secondary bool    // allowed in pages of a secondary call
	missing   string  // the feature this server lacks for it, "" = none
	read      func(r *reader, n *node) action
}

// actionTypes are all actions there are. No other names exist.
var actionTypes = []actionType{
	{name: "answer", read: readAnswer},
	{name: "reject", read: readReject},
	{name: "hang_up", secondary: true, read: readHangUp},
	{name: "play", answers: true, secondary: true, read: readPlay},
	{name: "sleep", secondary: true, read: readSleep},
	{name: "redirect", secondary: true, read: readRedirect},
	{name: "connect_to_conference", answers: true, read: readConnectToConference},
	{name: "connect", answers: true, read: readConnect},
	{name: "record", answers: true, secondary: true, read: readRecord},
	{name: "get_number", answers: true, secondary: true, read: readGetNumber},
	{name: "run_menu", answers: true, secondary: true, read: readRunMenu},
	{name: "get_input", versions: v2, answers: true, secondary: true, read: readGetInput},
	{name: "delete_file", secondary: true, read: readDeleteFile},

	{name: "send_fax", secondary: true, missing: "fax"},
	{name: "receive_fax", secondary: true, missing: "fax"},
	{name: "run_speech_menu", secondary: true, missing: "speech recognition"},
	{name: "start_transcription", secondary: true, missing: "transcription"},
	{name: "stop_transcription", secondary: true, missing: "transcription"},
}

// actionTypeOf is the row for a name, if the version knows it.
func actionTypeOf(name string, v version) (actionType, bool) {
	for _, t := range actionTypes {
		if t.name == name && (t.versions == 0 || t.versions&v != 0) {
			return t, true
		}
	}
	return actionType{}, false
}
