package webservice

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"mediaserver/restapi"
)

// The codes of section 10.1 for parameters.
const (
	codeMissing   = "0001"
	codeMalformed = "0002"
	codeTwice     = "0003"
	codeZero      = "0004"
	codeToken     = "0405"
)

// fault is an error as it is answered.
type fault struct {
	status  int
	code    string
	text    string
	details []string
}

// Error is code and text.
func (f *fault) Error() string { return f.code + ": " + f.text }

// statusFault is a fault without a code of its own.
func statusFault(status int, text string, details ...string) *fault {
	return &fault{status: status, code: "HTTP " + strconv.Itoa(status), text: text, details: details}
}

// notFound: no room, participant, instance, file or reference of that name.
func notFound(what, parameter string) *fault {
	return statusFault(http.StatusNotFound, "no such "+what, parameter)
}

// parameterFault is a fault of parameters, which details name.
func parameterFault(code, text string, names ...string) *fault {
	return &fault{status: http.StatusBadRequest, code: code, text: text, details: names}
}

// malformed is a parameter that cannot be what it is.
func malformed(name, why string) *fault {
	text := "Parameter malformed"
	if why != "" {
		text += ": " + name + " " + why
	}
	return parameterFault(codeMalformed, text, name)
}

// faultOf is err as it is answered; what is no fault is one of the server.
func faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	return statusFault(http.StatusInternalServerError, "internal error")
}

// errorAnswer is the error object of section 10.1.
type errorAnswer struct {
	Error struct {
		Code     string   `json:"code"`
		Text     string   `json:"text"`
		Details  []string `json:"details"`
		Datetime string   `json:"datetime"`
		Link     string   `json:"link"`
	} `json:"error"`
	Request struct {
		URL      string `json:"url"`
		Datetime string `json:"datetime"`
	} `json:"request"`
}

func (f *fault) write(w http.ResponseWriter, r *http.Request) {
	var a errorAnswer
	now := time.Now().UTC().Format(restapi.DatetimeLayout)
	a.Error.Code, a.Error.Text, a.Error.Datetime = f.code, f.text, now
	a.Error.Details = append([]string{}, f.details...)
	a.Request.URL, a.Request.Datetime = r.URL.Path, now // without the query, which may hold secrets
	writeJSON(w, f.status, a)
}

// Refuse answers a request that a login refused, in the form of section 10.1.
func Refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	statusFault(status, text).write(w, r)
}

// writeJSON writes an answer.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // our own types: it cannot be
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the client has gone
}
