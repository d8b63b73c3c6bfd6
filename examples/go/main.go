package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
)

// request is what the server tells a page, as far as it matters here.
type request struct {
	Call struct {
		From  string `json:"call_from"`
		To    string `json:"call_to"`
		Cause string `json:"call_cause"`
	} `json:"this_call"`
	Error struct {
		Result string `json:"result"`
	} `json:"error_result"`
}

// object is a JSON object.
type object map[string]any

func say(text string) object {
	return object{"play": object{"play_list": []object{{"text_to_say": text}}}}
}

// notInNames are the characters that names of rooms do not have.
var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// room is the name of the room for a called number or address.
func room(called string) string {
	user, _, _ := strings.Cut(called, "@")
	return "room-" + notInNames.ReplaceAllString(user, "")
}

// actions are what is to be done next, by the page that is asked.
func actions(page string, r request) []object {
	switch page {
	case "/first":
		return []object{
			say("Welcome. Press 1 to mute yourself, and the hash key to leave."),
			{"connect_to_conference": object{
				"name":                   room(r.Call.To),
				"conference_participant": object{"mute_digit": "1", "exit_digit": "#"},
				"secondary_call":         object{"first_page": "room/first", "final_page": "room/final", "error_page": "room/error"},
				"next_page":              "goodbye",
			}},
			say("The room cannot be reached."),
		}
	case "/goodbye":
		return []object{say("Goodbye.")}
	default:
		return []object{}
	}
}

func answer(w http.ResponseWriter, q *http.Request) {
	var r request
	if err := json.NewDecoder(q.Body).Decode(&r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	log.Println(q.URL.Path, "from", r.Call.From, "to", r.Call.To, r.Call.Cause, r.Error.Result)
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(object{"api_version": "2.0", "actions": actions(q.URL.Path, r)}); err != nil {
		log.Println(q.URL.Path, err)
	}
}

func main() {
	port := "8000"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	server := http.Server{
		Addr: net.JoinHostPort("127.0.0.1", port), Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 10 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}
