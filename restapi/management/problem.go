package management

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"mediaserver/call"
)

// detail says where something is wrong and what would be right.
func detail(where, format string, args ...any) *huma.ErrorDetail {
	return &huma.ErrorDetail{Location: where, Message: fmt.Sprintf(format, args...)}
}

// problemOf is a problem as an error.
func problemOf(status int, what string, details ...*huma.ErrorDetail) huma.StatusError {
	return &huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: what, Errors: details}
}

// problem answers with a problem.
func problem(w http.ResponseWriter, status int, what string, details ...*huma.ErrorDetail) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(problemOf(status, what, details...)) //nolint:errcheck // the client has gone
}

// Refuse answers a request that a login refused, with a problem.
func Refuse(w http.ResponseWriter, _ *http.Request, status int, text string) {
	problem(w, status, text)
}

// problemRow says which problem an error of the domain is.
type problemRow struct {
	err    error
	status int
	where  string
}

// domainProblem makes a problem of an error of calls and rooms. What is not
// known is ours and told to the log only.
func (a *API) domainProblem(err error) error {
	table := [...]problemRow{
		{call.ErrReplaces, http.StatusUnprocessableEntity, "body.replaces"},
		{call.ErrNoCall, http.StatusNotFound, "path.call_id"},
		{call.ErrNotTransferable, http.StatusConflict, "path.call_id"},
		{call.ErrTransferring, http.StatusConflict, "path.call_id"},
		{call.ErrDestination, http.StatusUnprocessableEntity, "body.to"},
		{call.ErrEnded, http.StatusConflict, "path.call_id"},
		{call.ErrNoConference, http.StatusNotFound, "path.conference"},
		{call.ErrNoParticipant, http.StatusNotFound, "path.participant_id"},
		{call.ErrNotStarted, http.StatusConflict, "path.conference"},
		{call.ErrRecorded, http.StatusConflict, "path.conference"},
		{call.ErrNotRecorded, http.StatusConflict, "path.conference"},
		{call.ErrNoRecorder, http.StatusNotImplemented, "configuration.media"},
		{call.ErrRecording, http.StatusServiceUnavailable, "path.conference"},
		{call.ErrRoomQueueFull, http.StatusServiceUnavailable, "path.conference"},
		{call.ErrMediaNotFound, http.StatusUnprocessableEntity, "body.play_list"},
		{call.ErrMediaInvalid, http.StatusUnprocessableEntity, "body.play_list"},
		{call.ErrSpeech, http.StatusUnprocessableEntity, "body.play_list"},
	}
	var media *call.MediaError
	for _, row := range table {
		if !errors.Is(err, row.err) {
			continue
		}
		where := row.where
		if errors.As(err, &media) {
			where = fmt.Sprintf("%s[%d]", where, media.Index)
		}
		return problemOf(row.status, row.err.Error()[len("call: "):], detail(where, "%v", err))
	}
	a.cfg.Logger.Warn("management request failed", "error", err)
	return problemOf(http.StatusInternalServerError, "the request failed; the log of the server says why")
}
