package restapi

import (
	"fmt"
	"strings"
	"testing"
)

// judge decodes an answer for a primary call.
func judge(body string, v version, strict bool) (*answer, []string, *ActionError) {
	return decodeAnswer([]byte(body), rules{version: v, strict: strict, extraCalls: 1})
}

// faultTests are answers at fault, as version 1, not strict, unless said.
func TestFaults(t *testing.T) {
	nested := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	play := func(media string) string {
		return `{"actions":[{"play":{"play_list":[` + media + `]}}]}`
	}
	for _, tt := range []struct {
		name, body string
		v          version
		strict     bool
		code       Code
		action     string
		text       string // prefix
	}{
		{name: "empty", body: "", code: CodeInvalidJSON, text: "the body is empty"},
		{name: "only a byte order mark", body: "\xef\xbb\xbf \n", code: CodeInvalidJSON, text: "the body is empty"},
		{name: "not JSON", body: "<html>", code: CodeInvalidJSON, text: `not JSON: line 1, column 1: invalid character '<' looking for beginning of value; it begins with "<html>"`},
		{name: "not JSON, long", body: "<" + strings.Repeat("\x01", 5000), code: CodeInvalidJSON, text: `not JSON: line 1, column 1: invalid character '<' looking for beginning of value; it begins with "<` + strings.Repeat(`\x01`, 199) + `…"`},
		{name: "a comma too many", body: "{\"token\":\"secret\",\n  \"é\": [1,]}", code: CodeInvalidJSON, text: `not JSON: line 2, column 11: invalid character ']' looking for beginning of value`},
		{name: "broken off", body: `{"actions":[`, code: CodeInvalidJSON, text: "not JSON: line 1, column 12: unexpected end of JSON input"},
		{name: "something behind it", body: "\xef\xbb\xbf" + `{"actions":[]} x`, code: CodeInvalidJSON, text: "not JSON: line 1, column 16: invalid character 'x' after top-level value"},
		{name: "not UTF-8", body: "{\"actions\":[],\"token\":\"\xff\"}", code: CodeInvalidJSON, text: "not UTF-8"},
		{name: "not an object", body: "[]", code: CodeInvalidJSON, text: "not an object"},
		{name: "null", body: "null", code: CodeInvalidJSON},
		{name: "no actions", body: `{}`, code: CodeMissingActions, text: "actions: "},
		{name: "no actions in version 2", body: `{}`, v: v2, code: CodeMissingActions},
		{name: "actions null", body: `{"actions":null}`, code: CodeMissingActions},
		{name: "actions an object", body: `{"actions":{}}`, code: CodeMissingActions},
		{name: "an action with two members", body: `{"actions":[{"hang_up":{},"answer":{}}]}`, code: CodeInvalidValue, text: "actions[0]: "},
		{name: "an action without members", body: `{"actions":[{}]}`, code: CodeInvalidValue, text: "actions[0]: "},
		{name: "an action that is no object", body: `{"actions":["hang_up"]}`, code: CodeInvalidValue, text: "actions[0]: "},
		{name: "an action whose value is null", body: `{"actions":[{"hang_up":null}]}`, code: CodeInvalidValue, action: "hang_up", text: "actions[0].hang_up: "},
		{name: "version 2 to version 1", body: `{"api_version":"2.0","actions":[]}`, code: CodeVersionMismatch, text: `api_version: is "2.0"; the service speaks "1"`},
		{name: "version 1 to version 2", body: `{"api_version":"1","actions":[]}`, v: v2, code: CodeVersionMismatch, text: `api_version: is "1"; the service speaks "2.0"`},
		{name: "version as a number", body: `{"api_version":2.0,"actions":[]}`, v: v2, code: CodeVersionMismatch, text: `api_version: is a number; the service speaks "2.0"`},
		{name: "version null in version 2", body: `{"api_version":null,"actions":[]}`, v: v2, code: CodeVersionMismatch},
		{name: "token a number", body: `{"token":1,"actions":[]}`, code: CodeInvalidValue, text: "token: "},
		{name: "long token in version 2", body: `{"api_version":"2.0","token":"` + strings.Repeat("ä", 5001) + `","actions":[]}`, v: v2, code: CodeInvalidValue, text: "token: "},
		{name: "long token in version 1", body: `{"token":"` + strings.Repeat("a", 65537) + `","actions":[]}`, code: CodeLimitExceeded, text: "token: "},
		{name: "bad cipher at the top", body: `{"actions":[],"call_recording_cipher":{"type":"des"}}`, code: CodeInvalidValue, text: "call_recording_cipher.type: "},
		{name: "unknown at the top, strict", body: `{"actions":[],"x":1}`, strict: true, code: CodeUnknownProperty, text: "x: "},
		{name: "201 actions", body: `{"actions":[` + strings.Repeat(`{"hang_up":{}},`, 200) + `{"hang_up":{}}]}`, code: CodeLimitExceeded, text: "actions[200]: "},
		{name: "101 media", body: play(strings.Repeat(`{"digits_to_play":"1"},`, 100) + `{"digits_to_play":"1"}`), code: CodeLimitExceeded, action: "play", text: "actions[0].play.play_list[100]: "},
		{name: "33 levels", body: `{"actions":[],"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, code: CodeLimitExceeded, text: "x[0]"},
		{name: "many levels in an action", body: `{"actions":[{"hang_up":{"x":` + nested + `}}]}`, code: CodeLimitExceeded, action: "hang_up", text: "actions[0].hang_up.x[0]"},
		{name: "more levels than any", body: `{"actions":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, code: CodeLimitExceeded},
		{name: "the first fault counts", body: `{"actions":[{"sleep":{"seconds":-1}},{"dance":{}}]}`, code: CodeInvalidValue, action: "sleep", text: "actions[0].sleep.seconds: "},
		{name: "first in the document, not in the table", body: `{"actions":[{"connect_to_conference":{"seconds_answer_timeout":0,"name":""}}]}`, code: CodeInvalidValue, action: "connect_to_conference", text: "actions[0].connect_to_conference.seconds_answer_timeout: "},
		{name: "a fault before a deep place", body: `{"actions":[{"dance":{}}],"x":` + nested + `}`, code: CodeUnknownAction, action: "dance"},

		{name: "no play_list", body: `{"actions":[{"play":{}}]}`, code: CodeMissingProperty, action: "play", text: "actions[0].play.play_list: "},
		{name: "empty play_list", body: `{"actions":[{"play":{"play_list":[]}}]}`, code: CodeInvalidValue, action: "play"},
		{name: "media of no kind", body: play(`{}`), code: CodeInvalidValue, action: "play", text: "actions[0].play.play_list[0]: "},
		{name: "media of two kinds", body: play(`{"file_to_play":"a.wav","digits_to_play":"1"}`), code: CodeInvalidValue, action: "play", text: "actions[0].play.play_list[0].digits_to_play: "},
		{name: "a voice for a file", body: play(`{"file_to_play":"a.wav","tts_voice":"x"}`), code: CodeInvalidValue, action: "play", text: "actions[0].play.play_list[0].tts_voice: "},
		{name: "a voice without text", body: play(`{"tts_voice":"x"}`), code: CodeMissingProperty, action: "play", text: "actions[0].play.play_list[0].text_to_say: "},
		{name: "text null", body: play(`{"text_to_say":null}`), code: CodeMissingProperty, action: "play"},
		{name: "empty text", body: play(`{"text_to_say":""}`), code: CodeInvalidValue, action: "play"},
		{name: "long text", body: play(`{"text_to_say":"` + strings.Repeat("ä", 5001) + `"}`), code: CodeInvalidValue, action: "play"},
		{name: "name with ..", body: play(`{"file_to_play":"../a.wav"}`), code: CodeInvalidValue, action: "play"},
		{name: "name with //", body: play(`{"file_to_play":"//a.wav"}`), code: CodeInvalidValue, action: "play"},
		{name: "name with /./", body: play(`{"file_to_play":"a/./b.wav"}`), code: CodeInvalidValue, action: "play"},
		{name: "name with another ending", body: play(`{"file_to_play":"a.mp3"}`), code: CodeInvalidValue, action: "play"},
		{name: "name with a space", body: play(`{"file_to_play":"a b.wav"}`), code: CodeInvalidValue, action: "play"},
		{name: "long name", body: play(`{"file_to_play":"` + strings.Repeat("a", 252) + `.wav"}`), code: CodeInvalidValue, action: "play"},
		{name: "media with POST", body: play(`{"file_to_play":{"url":"a.wav","method":"POST"}}`), code: CodeInvalidValue, action: "play", text: "actions[0].play.play_list[0].file_to_play.method: "},
		{name: "cipher for a page", body: play(`{"file_to_play":{"url":"a.wav"},"decryption_cipher":` + aesCipher + `}`), code: CodeInvalidValue, action: "play"},
		{name: "age for media", body: play(`{"file_to_play":"a.wav","decryption_cipher":{"type":"age"}}`), code: CodeInvalidValue, action: "play", text: "actions[0].play.play_list[0].decryption_cipher: type: "},
		{name: "cipher without a vector", body: play(`{"file_to_play":"a.wav","decryption_cipher":{"type":"aescbc","key":"00112233445566778899aabbccddeeff"}}`), code: CodeMissingProperty, action: "play", text: "actions[0].play.play_list[0].decryption_cipher.initialisation_vector: "},
		{name: "cipher with a short key", body: play(`{"file_to_play":"a.wav","decryption_cipher":{"type":"aescbc","key":"00","initialisation_vector":"00"}}`), code: CodeInvalidValue, action: "play", text: "actions[0].play.play_list[0].decryption_cipher.key: "},
		{name: "cipher without a type", body: play(`{"file_to_play":"a.wav","decryption_cipher":{}}`), code: CodeMissingProperty, action: "play"},
		{name: "65 digits", body: play(`{"digits_to_play":"` + strings.Repeat("1", 65) + `"}`), code: CodeInvalidValue, action: "play"},
		{name: "small letters as digits", body: play(`{"digits_to_play":"a"}`), code: CodeInvalidValue, action: "play"},
		{name: "version 2 play in strict version 1", body: `{"actions":[{"play":{"barge_in_on_digit":true,"play_list":[{"digits_to_play":"1"}]}}]}`, strict: true, code: CodeUnknownProperty, action: "play"},
		{name: "version 1 play in version 2", body: `{"api_version":"2.0","actions":[{"play":{"barge_in":true,"play_list":[{"digits_to_play":"1"}]}}]}`, v: v2, strict: true, code: CodeUnknownProperty, action: "play"},
		{name: "barge in on speech", body: `{"api_version":"2.0","actions":[{"play":{"barge_in_on_speech":true,"play_list":[{"digits_to_play":"1"}]}}]}`, v: v2, code: CodeInvalidValue, action: "play"},
		{name: "true as a string, strict", body: `{"actions":[{"play":{"barge_in":"true","play_list":[{"digits_to_play":"1"}]}}]}`, strict: true, code: CodeInvalidValue, action: "play"},
		{name: "yes as a boolean", body: `{"actions":[{"play":{"barge_in":"yes","play_list":[{"digits_to_play":"1"}]}}]}`, code: CodeInvalidValue, action: "play"},

		{name: "no seconds", body: `{"actions":[{"sleep":{}}]}`, code: CodeMissingProperty, action: "sleep"},
		{name: "seconds null", body: `{"actions":[{"sleep":{"seconds":null}}]}`, code: CodeMissingProperty, action: "sleep"},
		{name: "3601 seconds", body: `{"actions":[{"sleep":{"seconds":3601}}]}`, code: CodeInvalidValue, action: "sleep"},
		{name: "seconds as a string, strict", body: `{"actions":[{"sleep":{"seconds":"1"}}]}`, strict: true, code: CodeInvalidValue, action: "sleep"},
		{name: "seconds as another string", body: `{"actions":[{"sleep":{"seconds":"0x1"}}]}`, code: CodeInvalidValue, action: "sleep"},
		{name: "seconds beyond any number", body: `{"actions":[{"sleep":{"seconds":1e999}}]}`, code: CodeInvalidValue, action: "sleep"},
		{name: "redirect to nowhere", body: `{"actions":[{"redirect":{}}]}`, code: CodeMissingProperty, action: "redirect"},
		{name: "redirect to ftp", body: `{"actions":[{"redirect":{"next_page":"ftp://a.test/"}}]}`, code: CodeInvalidValue, action: "redirect"},
		{name: "redirect to a long address", body: `{"actions":[{"redirect":{"next_page":"` + strings.Repeat("a", 2049) + `"}}]}`, code: CodeInvalidValue, action: "redirect"},
		{name: "redirect to the empty address", body: `{"actions":[{"redirect":{"next_page":""}}]}`, code: CodeInvalidValue, action: "redirect"},
		{name: "redirect to http: without a host", body: `{"actions":[{"redirect":{"next_page":"http:a"}}]}`, code: CodeInvalidValue, action: "redirect"},
		{name: "unknown cause", body: `{"actions":[{"reject":{"cause":"gone"}}]}`, code: CodeInvalidValue, action: "reject"},
		{name: "raw cause 399", body: `{"actions":[{"reject":{"raw_cause":"399"}}]}`, code: CodeInvalidValue, action: "reject"},
		{name: "raw cause +40", body: `{"actions":[{"reject":{"raw_cause":"+40"}}]}`, code: CodeInvalidValue, action: "reject"},
		{name: "header that is not X-", body: `{"api_version":"2.0","actions":[{"answer":{"extra_sip_headers":[{"name":"Via","value":""}]}}]}`, v: v2, code: CodeInvalidValue, action: "answer"},
		{name: "header with a line break", body: `{"api_version":"2.0","actions":[{"answer":{"extra_sip_headers":[{"name":"X-A","value":"a\r\nb"}]}}]}`, v: v2, code: CodeInvalidValue, action: "answer"},
		{name: "header without a value", body: `{"api_version":"2.0","actions":[{"answer":{"extra_sip_headers":[{"name":"X-A"}]}}]}`, v: v2, code: CodeMissingProperty, action: "answer"},
		{name: "headers in strict version 1", body: `{"actions":[{"answer":{"extra_sip_headers":[]}}]}`, strict: true, code: CodeUnknownProperty, action: "answer"},

		{name: "secondary call of version 2 in strict version 1", body: conference(`"secondary_call":{"call_recording_mode":"mixed"}`), strict: true, code: CodeUnknownProperty, action: "connect_to_conference"},
		{name: "0 minutes", body: conference(`"secondary_call":{"minutes_max_call_duration":0}`), code: CodeInvalidValue, action: "connect_to_conference"},
		{name: "1441 minutes", body: conference(`"secondary_call":{"minutes_max_call_duration":1441}`), code: CodeInvalidValue, action: "connect_to_conference"},
		{name: "a play with another member", body: conference(`"conference_participant":{"name":{"play":{"play_list":[{"digits_to_play":"1"}]},"x":1}}`), code: CodeInvalidValue, action: "connect_to_conference", text: "actions[0].connect_to_conference.conference_participant.name: "},
		{name: "a fault in a nested play", body: conference(`"hold_media":{"play":{"play_list":[{}]}}`), code: CodeInvalidValue, action: "connect_to_conference", text: "actions[0].connect_to_conference.hold_media.play.play_list[0]: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.v
			if v == 0 {
				v = v1
			}
			a, _, fault := judge(tt.body, v, tt.strict)
			if fault == nil {
				t.Fatalf("no fault: %+v", a)
			}
			if fault.Code != tt.code || fault.Action != tt.action || !strings.HasPrefix(fault.Text, tt.text) {
				t.Errorf("%v of action %q, want %s: %s… of %q", fault, fault.Action, tt.code, tt.text, tt.action)
			}
		})
	}
}

// TestBrokenJSONShowsNoSecrets: what may hold keys and tokens is not repeated.
func TestBrokenJSONShowsNoSecrets(t *testing.T) {
	for _, body := range []string{`{"token":"secret",}`, ` [{"token":"secret"}`, `"secret`} {
		if _, _, fault := judge(body, v1, false); fault == nil || strings.Contains(fault.Text, "secret") {
			t.Errorf("%s: %v", body, fault)
		}
	}
}

const aesCipher = `{"type":"aescbc","key":"000102030405060708090A0b0c0d0e0f","initialisation_vector":"101112131415161718191a1b1c1d1e1f"}`

// conference is a version 1 list that joins a room.
func conference(more string) string {
	return `{"actions":[{"connect_to_conference":{"name":"room",` + more + `}}]}`
}

// TestValid has answers without fault, and how many warnings they give.
func TestValid(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		v          version
		strict     bool
		warnings   int
	}{
		{name: "byte order mark", body: "\xef\xbb\xbf" + `{"actions":[]}`},
		{name: "version 1 tolerates 1.0", body: `{"api_version":"1.0","actions":[]}`, strict: true},
		{name: "version 1 tolerates 1", body: `{"api_version":"1","actions":[]}`, strict: true},
		{name: "version 1 tolerates null", body: `{"api_version":null,"actions":[]}`, strict: true},
		{name: "200 actions", body: `{"actions":[` + strings.Repeat(`{"hang_up":{}},`, 199) + `{"hang_up":{}}]}`, strict: true},
		{name: "32 levels", body: `{"actions":[],"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, warnings: 1},
		{name: "5000 characters of token", body: `{"api_version":"2.0","token":"` + strings.Repeat("ä", 5000) + `","actions":[]}`, v: v2, strict: true},
		{name: "the last of equal keys counts", body: `{"actions":7,"actions":[{"sleep":{"seconds":-1,"seconds":1}}]}`, strict: true},
		{name: "the last of equal actions counts", body: `{"actions":[{"sleep":{"seconds":-1},"sleep":{"seconds":1}}]}`, strict: true},
		{name: "null is the default", body: `{"actions":[{"play":{"barge_in":null,"play_list":[{"digits_to_play":"1","file_to_play":null}]}}]}`, strict: true},
		{name: "whole numbers in other forms", body: `{"actions":[{"sleep":{"seconds":1.0}},{"sleep":{"seconds":1e1}}]}`, strict: true},
		{name: "numbers and booleans as strings", body: `{"actions":[{"sleep":{"seconds":"30"}},{"play":{"barge_in":"false","play_list":[{"digits_to_play":"1"}]}}]}`, warnings: 2},
		{name: "unknown things", body: `{"x":{"y":[1]},"actions":[{"hang_up":{"z":null}}]}`, warnings: 2},
		{name: "version 2 play, not strict, in version 1", body: `{"actions":[{"play":{"barge_in_on_digit":true,"play_list":[{"digits_to_play":"1"}]}}]}`, warnings: 1},
		{name: "address as a string", body: `{"actions":[{"play":{"play_list":[{"file_to_play":"https://a.test/x?y"}]}}]}`, strict: true},
		{name: "many unknown things", body: `{"actions":[]` + manyUnknown(500) + `}`, warnings: maxWarnings + 1},
		{name: "names of media", body: `{"actions":[{"play":{"play_list":[{"file_to_play":"/a/B_1@x-y:z.wave"},{"file_to_play":"fax.tiff"}]}}]}`, strict: true},
		{name: "cipher for a file", body: `{"actions":[{"play":{"play_list":[{"file_to_play":"a.wav","decryption_cipher":` + aesCipher + `}]}}]}`, strict: true},
		{name: "no digits", body: conference(`"conference_participant":{"exit_digit":"","mute_digit":null,"unmute_digit":""}`), strict: true},
		{name: "all digits", body: conference(`"conference_participant":{"exit_digit":"A","mute_digit":"*","unmute_digit":"#"}`), strict: true},
		{name: "mute and unmute alike", body: conference(`"conference_participant":{"mute_digit":"7","unmute_digit":"7"}`), strict: true},
		{name: "barge in on speech in a nested play", body: `{"api_version":"2.0","actions":[{"connect_to_conference":{"name":"a","hold_media":{"play":{"barge_in_on_speech":true,"play_list":[{"digits_to_play":"1"}]}}}}]}`, v: v2, strict: true},
		{name: "a name of 128", body: `{"actions":[{"connect_to_conference":{"name":"` + strings.Repeat("a", 124) + `.-_@"}}]}`, strict: true},
		{name: "age for a recording", body: `{"actions":[],"call_recording_cipher":{"type":"age","recipient":"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"}}`, strict: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.v
			if v == 0 {
				v = v1
			}
			_, warnings, fault := judge(tt.body, v, tt.strict)
			if fault != nil || len(warnings) != tt.warnings {
				t.Errorf("%v, warnings %q, want %d", fault, warnings, tt.warnings)
			}
		})
	}
}

// manyUnknown are members that nobody knows.
func manyUnknown(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"x%d":0`, i)
	}
	return b.String()
}

// TestEveryActionIsKnown checks the table against the names of the protocol.
func TestEveryActionIsKnown(t *testing.T) {
	implemented := "answer reject hang_up play sleep redirect connect_to_conference connect record get_number run_menu get_input delete_file"
	later := "send_fax receive_fax run_speech_menu start_transcription stop_transcription"
	for name := range strings.FieldsSeq(implemented + " " + later) {
		kind, ok := actionTypeOf(name, v2)
		if !ok || (kind.missing == "") != strings.Contains(" "+implemented+" ", " "+name+" ") {
			t.Errorf("%s: %+v, known %v", name, kind, ok)
		}
	}
	for _, v := range []version{v1, v2} {
		body := `{"actions":[{"%s":{}}]}`
		if v == v2 {
			body = `{"api_version":"2.0","actions":[{"%s":{}}]}`
		}
		for name := range strings.FieldsSeq(later) {
			_, _, fault := judge(fmt.Sprintf(body, name), v, false)
			if fault == nil || fault.Code != CodeUnknownAction || fault.Action != name {
				t.Errorf("%s: %v", name, fault)
			}
		}
	}
}
