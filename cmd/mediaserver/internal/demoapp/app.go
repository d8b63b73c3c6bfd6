package demoapp

import (
	"embed"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

//go:embed pages/*.json
var pages embed.FS

// Conference is the room that callers meet in.
const Conference = "demo"

// Paths of the pages.
const (
	FirstPath = "/first"
	NextPath  = "/next"
	FinalPath = "/final"
	ErrorPath = "/error"
)

// APIVersion is the version of the API that the pages speak.
const APIVersion = "2.0"

// Listener is the user part of callers that only listen.
const Listener = "listener"

// spoken are the pages of which there is one with words, called spoken_….
var spoken = []string{"first", "listener", "next"}

// maxRequest is the largest instance info that is read, in bytes.
const maxRequest = 64 << 10

// instanceInfo is what this application reads of the server's requests.
type instanceInfo struct {
	ThisCall struct {
		From     string  `json:"call_from"`
		Cause    string  `json:"call_cause"`
		Duration float64 `json:"seconds_call_duration"`
	} `json:"this_call"`
	ActionResult struct {
		Result struct {
			Connected float64 `json:"seconds_connected_duration"`
		} `json:"result"`
	} `json:"action_result"`
	ErrorResult struct {
		Action string `json:"action"`
		Result string `json:"result"`
	} `json:"error_result"`
}

// New makes the application. With speech it greets by words, else, and once a
// text could not be spoken, by sounds. What happens to callers goes to log.
func New(log *slog.Logger, speech bool) http.Handler {
	var speaks atomic.Bool
	speaks.Store(speech)
	mux := http.NewServeMux()
	page := func(path string, choose func(instanceInfo) string) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var info instanceInfo
			if err := json.NewDecoder(io.LimitReader(r.Body, maxRequest)).Decode(&info); err != nil {
				http.Error(w, "instance info: "+err.Error(), http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			name := choose(info)
			if speaks.Load() && slices.Contains(spoken, name) {
				name = "spoken_" + name
			}
			http.ServeFileFS(w, r, pages, "pages/"+name+".json")
		})
	}
	page(FirstPath, func(i instanceInfo) string {
		log.Debug("demo: a call", "from", i.ThisCall.From)
		if user, _, _ := strings.Cut(i.ThisCall.From, "@"); user == Listener {
			return "listener"
		}
		return "first"
	})
	page(NextPath, func(i instanceInfo) string {
		log.Debug("demo: left the conference", "from", i.ThisCall.From, "seconds", i.ActionResult.Result.Connected)
		return "next"
	})
	page(FinalPath, func(i instanceInfo) string {
		log.Debug("demo: end of call", "from", i.ThisCall.From, "seconds", i.ThisCall.Duration, "cause", i.ThisCall.Cause)
		return "nothing"
	})
	page(ErrorPath, func(i instanceInfo) string {
		log.Warn("demo: error", "from", i.ThisCall.From, "action", i.ErrorResult.Action, "result", i.ErrorResult.Result)
		if strings.HasPrefix(i.ErrorResult.Result, "TTS_FAILED") {
			speaks.Store(false) // the next caller hears the sounds
		}
		return "nothing"
	})
	return mux
}
