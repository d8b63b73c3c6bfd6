package restapi

import (
	"fmt"
	"strings"
)

// Code is the stable name of an error that pages are told about.
type Code string

// The codes of errors; the text behind a code may change, the code does not.
const (
	CodePageUnreachable  Code = "PAGE_UNREACHABLE"     // not resolved, refused, reset, TLS failure, forbidden host or scheme
	CodePageTimeout      Code = "PAGE_TIMEOUT"         // no complete response in time
	CodePageHTTPStatus   Code = "PAGE_HTTP_STATUS"     // status outside 200–299
	CodePageRedirects    Code = "PAGE_REDIRECTS"       // too many redirects, or a refused one
	CodePageTooLarge     Code = "PAGE_TOO_LARGE"       // response over 1 MiB
	CodeInvalidJSON      Code = "INVALID_JSON"         // not JSON, not UTF-8, not an object, or empty
	CodeMissingActions   Code = "MISSING_ACTIONS"      // no actions array
	CodeVersionMismatch  Code = "API_VERSION_MISMATCH" // api_version absent or not the service's
	CodeUnknownAction    Code = "UNKNOWN_ACTION"       // no such action, or not supported by this server
	CodeActionNotAllowed Code = "ACTION_NOT_ALLOWED"   // the action cannot be used here
	CodeUnknownProperty  Code = "UNKNOWN_PROPERTY"     // strict mode: property not known
	CodeMissingProperty  Code = "MISSING_PROPERTY"     // required property absent or null
	CodeInvalidValue     Code = "INVALID_VALUE"        // wrong type, range, character or combination
	CodeMissingCipher    Code = "MISSING_CIPHER"       // encryption is on and no cipher was given
	CodeNoExtraCalls     Code = "NO_EXTRA_CHANNELS"    // the service allows too few secondary calls
	CodeMediaNotFound    Code = "MEDIA_NOT_FOUND"      // media file or address does not exist
	CodeMediaInvalid     Code = "MEDIA_INVALID"        // not a supported format, undecipherable, too large
	CodeTTSFailed        Code = "TTS_FAILED"           // speech synthesis not configured or failed
	CodeConferenceFull   Code = "CONFERENCE_FULL"      // the room has its maximum of participants
	CodeConferenceBusy   Code = "CONFERENCE_BUSY"      // the room is not open
	CodeConnectTimeout   Code = "CONNECT_TIMEOUT"      // not answered in time
	CodeConnectFailed    Code = "CONNECT_FAILED"       // any other failure before the connection
	CodeRecordingFailed  Code = "RECORDING_FAILED"     // a recording cannot be opened or written
	CodeFileNotFound     Code = "FILE_NOT_FOUND"       // delete_file of a missing file: only in logs
	CodeLimitExceeded    Code = "LIMIT_EXCEEDED"       // a limit that has no code of its own
	CodeInternal         Code = "INTERNAL"             // a fault of the server
)

// pageCodes are those of a page that does not answer, and of an answer that is no list.
func pageCodes() []Code {
	return []Code{
		CodePageUnreachable, CodePageTimeout, CodePageHTTPStatus, CodePageRedirects, CodePageTooLarge,
		CodeInvalidJSON, CodeMissingActions, CodeVersionMismatch, CodeUnknownAction, CodeActionNotAllowed,
		CodeUnknownProperty, CodeMissingProperty, CodeInvalidValue, CodeNoExtraCalls, CodeLimitExceeded,
		CodeInternal,
	}
}

// ActionError is an error of a page, of its answer or of a running action, as
// the error page is told about it.
type ActionError struct {
	Code   Code
	Action string // the failing action's name, "" when the error is not tied to one
	Text   string // for people; holds the place as a path where there is one
	Err    error  // the reason inside the server, may be nil
}

// Error is the code and the text, the form of error_result.
func (e *ActionError) Error() string { return string(e.Code) + ": " + e.Text }

// Unwrap is the reason inside the server.
func (e *ActionError) Unwrap() error { return e.Err }

// failure is an ActionError that is not tied to an action.
func failure(code Code, err error, format string, args ...any) *ActionError {
	return &ActionError{Code: code, Text: fmt.Sprintf(format, args...), Err: err}
}

// plain is the text of an error of a call for people who do not know our
// packages.
func plain(err error) string { return strings.ReplaceAll(err.Error(), "call: ", "") }
