package restapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/dtmf"
)

// propertyCase is what becomes of the values of one property.
type propertyCase struct {
	action   string
	name     string
	versions version  // that have it; 0 = both
	required version  // that need it
	good     []string // JSON
	lax      []string // taken with a warning unless strict, else INVALID_VALUE
	bad      []string // INVALID_VALUE
}

const (
	aPlay   = `{"play":{"play_list":[{"file_to_play":"a.wav"}]}}`
	aCipher = `{"type":"aescbc","key":"000102030405060708090a0b0c0d0e0f","initialisation_vector":"101112131415161718191a1b1c1d1e1f"}`
)

// forAge is a cipher for an age recipient.
func forAge(recipient string) string { return `{"type":"age","recipient":"` + recipient + `"}` }

// Values of kinds that several properties share.
var (
	notPlays = []string{`"a.wav"`, `[]`, `{}`, `{"play_list":[]}`, `{"play":{}, "stop":{}}`, `{"record":{}}`, `{"play":{"play_list":[]}}`, `1`, `true`}
	notPages = []string{`1`, `[]`, `""`, `{"url":""}`, `{"url":"a","method":"PUT"}`, `{"url":"ftp://h/"}`, `{"url":7}`, `true`}
	notWhole = []string{`1.5`, `"x"`, `[]`, `{}`, `true`, `1e99`}
)

var propertyCases = []propertyCase{
	{"record", "beep_on_start", 0, 0, []string{`true`, `false`}, []string{`"true"`}, []string{`1`, `"yes"`, `[]`}},
	{"record", "barge_in_digits", 0, 0, []string{`"#"`, `""`, `"0123456789ABCD*#"`, `"11"`}, nil, []string{`"a"`, `"1 2"`, `5`, `[]`, `"é"`}},
	{"record", "seconds_max_duration", 0, 0, []string{`1`, `14400`, `6e1`}, []string{`"30"`}, append([]string{`0`, `-1`, `14401`}, notWhole...)},
	{"record", "milliseconds_max_silence", 0, 0, []string{`0`, `1`, `14400000`}, []string{`"0"`}, append([]string{`-1`, `14400001`}, notWhole...)},
	{"record", "milliseconds_max_initial_silence", v2, 0, []string{`0`, `5000`}, []string{`"5"`}, append([]string{`-1`, `14400001`}, notWhole...)},
	{"record", "format", 0, 0, []string{`"alaw"`, `"ulaw"`}, nil, []string{`"pcm"`, `"ALAW"`, `""`, `1`}},
	{"record", "encryption_cipher", 0, 0, []string{aCipher, forAge("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")}, nil, []string{`"aescbc"`, `{"type":"rot13"}`, forAge("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q"), `{"type":"aescbc","key":"00","initialisation_vector":"00"}`}},
	{"record", "next_page", 0, v2, []string{`"next"`, `{"url":"next","method":"GET"}`}, nil, notPages},
	{"record", "id", v2, 0, []string{`""`, `"message 7"`}, nil, []string{`7`, `[]`, `{}`, `true`}},
	{"record", "recording_available_page", v2, 0, []string{`"there"`}, nil, notPages},

	{"get_number", "prompt", 0, v1, []string{aPlay}, nil, notPlays},
	{"get_number", "digit_count", 0, 0, []string{`0`, `1`, `64`}, []string{`"4"`}, append([]string{`-1`, `65`}, notWhole...)},
	{"get_number", "end_digit", 0, 0, []string{`"#"`, `"A"`, `"0"`}, []string{`9`}, []string{`"12"`, `"a"`, `"E"`, `12`, `[]`, `true`, `""`}},
	{"get_number", "valid_digits", 0, 0, []string{`"0"`, `"ABCD*#"`}, nil, []string{`""`, `"x"`, `"12a"`, `5`, `[]`}},
	{"get_number", "help_digit", 0, 0, []string{`"*"`, `""`, `"D"`}, []string{`0`}, []string{`"12"`, `"help"`, `12`, `[]`}},
	{"get_number", "seconds_digit_timeout", v1, 0, []string{`1`, `60`}, []string{`"5"`}, append([]string{`0`, `61`, `-1`}, notWhole...)},
	{"get_number", "seconds_timeout", v2, 0, []string{`0`, `30`, `3600`}, []string{`"30"`}, append([]string{`-1`, `3601`}, notWhole...)},
	{"get_number", "milliseconds_inter_digit_timeout", v2, 0, []string{`0`, `-1`, `5000`}, []string{`"500"`}, append([]string{`3600001`, `-3600001`}, notWhole...)},
	{"get_number", "milliseconds_initial_timeout", v2, 0, []string{`0`, `-1`, `5000`}, []string{`"500"`}, append([]string{`3600001`, `-3600001`}, notWhole...)},
	{"get_number", "on_digit_timeout_messages", 0, 0, []string{`[]`, `[` + aPlay + `]`, `[` + aPlay + `,` + aPlay + `]`}, nil, []string{aPlay, `"a"`, `["a"]`, `[{}]`, `[` + aPlay + `,1]`}},
	{"get_number", "on_invalid_digit_messages", 0, 0, []string{`[]`, `[` + aPlay + `]`}, nil, []string{aPlay, `"a"`, `["a"]`, `[null]`}},
	{"get_number", "next_page", 0, v2, []string{`"next"`}, nil, notPages},

	{"run_menu", "prompt", 0, v1, []string{aPlay}, nil, notPlays},
	{"run_menu", "menu_options", 0, both, []string{
		`[{"digit":"1","next_page":"a"}]`, `[{"digit":"*","next_page":{"url":"a"}},{"digit":"A","next_page":"a"}]`, sixteenOptions,
	}, []string{`[{"digit":1,"next_page":"a"}]`}, []string{
		`[]`, `{}`, `"1"`, `[1]`, `[{"digit":"","next_page":"a"}]`, `[{"digit":"12","next_page":"a"}]`, `[{"digit":"1","next_page":7}]`,
		`[{"digit":"1","next_page":"a"},{"digit":"1","next_page":"b"}]`, strings.Replace(sixteenOptions, `]`, `,{"digit":"1","next_page":"a"}]`, 1),
	}},
	{"run_menu", "help_digit", 0, 0, []string{`"*"`, `""`}, []string{`0`}, []string{`"12"`, `12`, `[]`}},
	{"run_menu", "seconds_digit_timeout", 0, 0, []string{`1`, `60`}, []string{`"5"`}, append([]string{`0`, `61`}, notWhole...)},
	{"run_menu", "on_digit_timeout_messages", 0, 0, []string{`[]`, `[` + aPlay + `]`}, nil, []string{aPlay, `["a"]`}},
	{"run_menu", "on_invalid_digit_messages", 0, 0, []string{`[]`, `[` + aPlay + `]`}, nil, []string{aPlay, `["a"]`}},

	{"get_input", "prompt", v2, 0, []string{aPlay}, nil, notPlays},
	{"get_input", "speech_input_mode", v2, 0, []string{`"disabled"`}, nil, []string{`"on"`, `""`, `1`}},
	{"get_input", "speech_recognition_options", v2, 0, []string{`{}`, `{"language":"English"}`}, nil, []string{`7`, `[]`}},
	{"get_input", "digit_input_enabled", v2, 0, []string{`true`}, []string{`"true"`}, []string{`false`, `1`}},
	{"get_input", "digit_input_options", v2, 0, []string{
		`{}`, `{"digit_count":4,"end_digit":"","valid_digits":"12","help_digit":"","seconds_timeout":0,"milliseconds_inter_digit_timeout":0,"milliseconds_initial_timeout":1}`,
	}, []string{`{"digit_count":"4"}`}, []string{`7`, `[]`, `{"digit_count":65}`, `{"end_digit":""}`, `{"valid_digits":""}`, `{"seconds_timeout":-1}`}},
	{"get_input", "next_page", v2, v2, []string{`"next"`}, nil, notPages},

	{"delete_file", "filename", 0, both, []string{`"a.wav"`, `"/rest_api/recordings/2000/01/01/x.wav"`, `"fax/a.tiff"`}, nil, []string{
		`""`, `"/"`, `"a.txt"`, `"../a.wav"`, `"a//b.wav"`, `"a/./b.wav"`, `"a b.wav"`, `7`, `[]`, `"` + strings.Repeat("a", 252) + `.wav"`,
	}},
}

var sixteenOptions = func() string {
	var list []string
	for _, d := range "0123456789ABCD*#" {
		list = append(list, fmt.Sprintf(`{"digit":"%c","next_page":"a"}`, d))
	}
	return "[" + strings.Join(list, ",") + "]"
}()

// needed are properties that an action cannot be without.
func needed(action string, v version) []string {
	need := map[string]map[version][]string{
		"record":      {v1: nil, v2: {`"next_page":"n"`}},
		"get_number":  {v1: {`"prompt":` + aPlay}, v2: {`"next_page":"n"`}},
		"run_menu":    {v1: {`"prompt":` + aPlay, `"menu_options":[{"digit":"9","next_page":"n"}]`}, v2: {`"menu_options":[{"digit":"9","next_page":"n"}]`}},
		"get_input":   {v2: {`"next_page":"n"`, `"speech_input_mode":"disabled"`}},
		"delete_file": {v1: {`"filename":"n.wav"`}, v2: {`"filename":"n.wav"`}},
	}
	return need[action][v]
}

// withProperties is an answer with an action that has what it needs, except
// for one property, and more.
func withProperties(action string, v version, except string, more ...string) string {
	var list []string
	for _, p := range needed(action, v) {
		if !strings.HasPrefix(p, `"`+except+`":`) {
			list = append(list, p)
		}
	}
	head := ""
	if v == v2 {
		head = `"api_version":"2.0",`
	}
	return `{` + head + `"actions":[{"` + action + `":{` + strings.Join(append(list, more...), ",") + `}}]}`
}

// TestPropertiesOfInputs judges every property of the actions that hear the
// caller: as it should be, of another type, out of range, null, missing, given
// twice, and in the version that does not know it.
func TestPropertiesOfInputs(t *testing.T) {
	for _, tt := range propertyCases {
		if tt.versions == 0 {
			tt.versions = both
		}
		for _, v := range []version{v1, v2} {
			for _, strict := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s version %d strict %v", tt.action, tt.name, v, strict), func(t *testing.T) {
					if tt.action == "get_input" && v == v1 {
						t.Skip("the action is of version 2")
					}
					tt.check(t, v, strict)
				})
			}
		}
	}
}

// check judges the values of a property.
func (tt propertyCase) check(t *testing.T, v version, strict bool) {
	want := func(code Code, warnings bool, more ...string) {
		t.Helper()
		body := withProperties(tt.action, v, tt.name, more...)
		_, warned, fault := judge(body, v, strict)
		got := Code("")
		if fault != nil {
			got = fault.Code
		}
		if got != code || (len(warned) > 0) != warnings {
			t.Errorf("%v, warnings %q, want %q, from %s", fault, warned, code, body)
		}
		place := "actions[0]." + tt.action + "." + tt.name
		if fault != nil && (fault.Action != tt.action || !strings.HasPrefix(fault.Text, place)) {
			t.Errorf("action %q at %q, want %s", fault.Action, fault.Text, place)
		}
	}
	member := func(value string) string { return `"` + tt.name + `":` + value }
	if tt.versions&v == 0 {
		if strict {
			want(CodeUnknownProperty, false, member(tt.good[0]))
		} else {
			want("", true, member(tt.good[0]))
		}
		return
	}
	for _, value := range tt.good {
		want("", false, member(value))
		want("", false, member(`[[["nothing like it"]]]`), member(value)) // the last one counts
	}
	for _, value := range tt.lax {
		if strict {
			want(CodeInvalidValue, false, member(value))
		} else {
			want("", true, member(value))
		}
	}
	for _, value := range tt.bad {
		want(CodeInvalidValue, false, member(value))
		want(CodeInvalidValue, false, member(tt.good[0]), member(value))
	}
	switch {
	case tt.required&v != 0:
		want(CodeMissingProperty, false)
		want(CodeMissingProperty, false, member(`null`))
	case tt.name != "speech_input_mode": // whose default needs an engine
		want("", false)
		want("", false, member(`null`))
	}
}

func TestMenuOptionsNeedTheirMembers(t *testing.T) {
	for option, code := range map[string]Code{
		`{"digit":"1"}`:                             CodeMissingProperty,
		`{"next_page":"a"}`:                         CodeMissingProperty,
		`{"digit":null,"next_page":"a"}`:            CodeMissingProperty,
		`{"digit":"1","next_page":null}`:            CodeMissingProperty,
		`{"digit":"1","next_page":"a","say":"one"}`: CodeUnknownProperty,
	} {
		body := withProperties("run_menu", v2, "menu_options", `"menu_options":[`+option+`]`)
		if _, _, fault := judge(body, v2, true); fault == nil || fault.Code != code {
			t.Errorf("%s: %v, want %s", option, fault, code)
		}
	}
}

func TestEndlessInputIsInvalid(t *testing.T) {
	for more, valid := range map[string]bool{
		`"end_digit":""`:                   false,
		`"end_digit":"","digit_count":0`:   false,
		`"digit_count":0,"end_digit":""`:   false,
		`"end_digit":"","digit_count":4`:   true,
		`"end_digit":null,"digit_count":0`: true,
		`"digit_count":0`:                  true,
	} {
		_, _, fault := judge(withProperties("get_number", v2, "", more), v2, true)
		if (fault == nil) != valid || fault != nil && !strings.HasPrefix(fault.Text, "actions[0].get_number.end_digit") {
			t.Errorf("%s: %v", more, fault)
		}
	}
}

// TestGetInputNeedsASpeechEngine unless speech is disabled: that is found
// before anything else about the action.
func TestGetInputNeedsASpeechEngine(t *testing.T) {
	for _, mode := range []string{``, `"speech_input_mode":"timeout"`, `"speech_input_mode":"auto"`, `"speech_input_mode":null`, `"prompt":7`} {
		body := `{"api_version":"2.0","actions":[{"get_input":{` + mode + `}}]}`
		_, _, fault := judge(body, v2, true)
		if fault == nil || fault.Code != CodeUnknownAction || !strings.Contains(fault.Text, "speech recognition") || fault.Action != "get_input" {
			t.Errorf("%s: %v", mode, fault)
		}
	}
}

func TestNestedPlayOfAnInputIsJudgedLikeAPlay(t *testing.T) {
	prompt := func(members string) string {
		return withProperties("get_number", v2, "", `"prompt":{"play":{"play_list":[{"file_to_play":"a.wav"}],`+members+`}}`)
	}
	if _, _, fault := judge(prompt(`"barge_in_on_speech":true`), v2, true); fault == nil || fault.Code != CodeInvalidValue {
		t.Errorf("speech may stop a prompt: %v", fault)
	}
	if _, _, fault := judge(prompt(`"barge_in":true`), v2, true); fault == nil || fault.Code != CodeUnknownProperty {
		t.Errorf("barge_in is of version 1: %v", fault)
	}
	for members, want := range map[string]bool{`"barge_in_on_digit":false`: false, `"barge_in_on_digit":true`: true, `"barge_in_on_digit":null`: true} {
		a, _, fault := judge(prompt(members), v2, true)
		if fault != nil {
			t.Fatal(fault)
		}
		if got := a.actions[0].action.(*getNumber).dialogue.prompt.bargeIn; got != want {
			t.Errorf("%s: barge-in %v", members, got)
		}
	}
}

// TestDefaultsOfInputs are those of the tables of the protocol.
func TestDefaultsOfInputs(t *testing.T) {
	read := func(action string, v version) action {
		a, _, fault := judge(withProperties(action, v, ""), v, true)
		if fault != nil {
			t.Fatal(fault)
		}
		return a.actions[0].action
	}
	decimal, _ := dtmf.ParseSet("0123456789")
	want := map[version]dtmf.Rules{
		v1: {End: '#', Help: '*', Valid: decimal, Initial: 5 * time.Second, InterDigit: 5 * time.Second},
		v2: {End: '#', Help: '*', Valid: decimal, Initial: 5 * time.Second, InterDigit: 5 * time.Second, Total: 30 * time.Second},
	}
	for v, rules := range want {
		if got := read("get_number", v).(*getNumber).rules.forCall(v); got != rules {
			t.Errorf("get_number in version %d: %+v, want %+v", v, got, rules)
		}
		menu := dtmf.Rules{Count: 1, Help: '*', Valid: dtmf.NewSet('9'), Initial: 5 * time.Second, InterDigit: 5 * time.Second}
		if got := read("run_menu", v).(*runMenu).rules(); got != menu {
			t.Errorf("run_menu in version %d: %+v, want %+v", v, got, menu)
		}
		s := &step{in: &instance{id: "x"}}
		wantRecord := call.RecordOptions{InstanceID: "x", Stop: dtmf.NewSet('#'), MaxDuration: time.Minute, MaxSilence: 3 * time.Second}
		if got := read("record", v).(*record).options(s); got != wantRecord {
			t.Errorf("record in version %d: %+v, want %+v", v, got, wantRecord)
		}
	}
	if got := read("get_input", v2).(*getInput).rules.forCall(v2); got != want[v2] {
		t.Errorf("get_input: %+v", got)
	}
}

// TestEveryPropertyOfInputsHasACase, and no other.
func TestEveryPropertyOfInputsHasACase(t *testing.T) {
	inCases := map[string]bool{}
	for _, c := range propertyCases {
		inCases[c.action+" "+c.name] = true
	}
	inTables := map[string]bool{}
	add(inTables, "record", recordProperties)
	add(inTables, "get_number", getNumberProperties)
	add(inTables, "run_menu", runMenuProperties)
	add(inTables, "get_input", getInputProperties)
	add(inTables, "delete_file", deleteFileProperties)
	for name := range inTables {
		if !inCases[name] {
			t.Errorf("%s has no case", name)
		}
	}
	for name := range inCases {
		if !inTables[name] {
			t.Errorf("%s is in no table", name)
		}
	}
}

func add[T any](to map[string]bool, action string, table properties[T]) {
	for _, p := range table {
		to[action+" "+p.name] = true
	}
}

// TestKeysStayOutOfLogs of an action that fails.
func TestKeysStayOutOfLogs(t *testing.T) {
	bothVersions(t, func(t *testing.T, w *world) {
		w.script.recordFails = true
		next := ``
		if w.service.APIVersion == Version2 {
			next = `,"next_page":"n"`
		}
		w.page("/first", w.list(`{"record":{"encryption_cipher":`+aCipher+next+`}}`))
		trace := strings.Join(w.run(), "\n")
		if strings.Contains(trace+w.log.String(), "0102030405") {
			t.Error("the key is told")
		}
		var info map[string]any
		if err := json.Unmarshal([]byte(w.app.bodies[1]), &info); err != nil || !strings.Contains(w.app.bodies[1], "RECORDING_FAILED") {
			t.Errorf("%v: %s", err, w.app.bodies[1])
		}
	})
}
