package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"
)

// dict is a JSON object being written.
type dict = map[string]any

// answer is a v2 page answer with these actions.
func answer(actions ...dict) string {
	return encode(dict{"api_version": "2.0", "actions": append([]dict{}, actions...)})
}

// answerV1 is a v1 page answer.
func answerV1(actions ...dict) string {
	return encode(dict{"actions": append([]dict{}, actions...)})
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// file is a play action of a file.
func file(name string) dict {
	return dict{"play": dict{"play_list": []dict{{"file_to_play": name}}}}
}

// join is a connect_to_conference action with these participant options.
func join(room string, participant dict, more ...dict) dict {
	props := dict{"name": room, "conference_participant": participant}
	for _, m := range more {
		maps.Copy(props, m)
	}
	return dict{"connect_to_conference": props}
}

// secondary is the secondary_call property.
func secondary(d dict) dict { return dict{"secondary_call": d} }

// quiet is a participant without a beep.
func quiet(more ...dict) dict {
	d := dict{"beep_on_entry": false}
	for _, m := range more {
		maps.Copy(d, m)
	}
	return d
}

// get walks an instance info.
func get(t *testing.T, info any, path ...string) any {
	t.Helper()
	for _, key := range path {
		m, ok := info.(map[string]any)
		if !ok {
			t.Fatalf("no object at %q of %v", key, path)
		}
		info = m[key]
	}
	return info
}

func wantValue(t *testing.T, info any, want any, path ...string) {
	t.Helper()
	if got := get(t, info, path...); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v is %v (%T), want %v", path, got, got, want)
	}
}

// numbers of callers, and the tones they speak in.
const (
	p, q, r = "100", "200", "300"
	toneP   = 600.0
	toneQ   = 850.0
	toneR   = 1250.0
	second  = time.Second
	milli   = time.Millisecond
)
