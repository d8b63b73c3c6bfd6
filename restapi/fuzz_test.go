package restapi

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"mediaserver/internal/wildcard"
)

// FuzzAnswer: judging an answer never panics; an answer without fault written
// anew means the same; a fault is at a place that is in the document, or would
// be if nothing were missing.
func FuzzAnswer(f *testing.F) {
	for _, body := range seedAnswers {
		f.Add([]byte(body), true, false, false)
		f.Add([]byte(body), false, false, false)
		f.Add([]byte(body), true, true, false)
		f.Add([]byte(body), false, true, true)
	}
	f.Fuzz(func(t *testing.T, body []byte, second, strict, secondary bool) {
		as := rules{version: v1, strict: strict, secondary: secondary, extraCalls: 1}
		if second {
			as.version = v2
		}
		a, r := readAnswerBody(body, as)
		doc, err := parseDocument(body)
		if r.first != nil {
			if !utf8.ValidString(r.first.Text) {
				t.Errorf("text %q is not UTF-8", r.first.Text)
			}
			if err == nil && !inside(doc.root, r.place) {
				t.Errorf("%v: not in %s", r.first, body)
			}
			return
		}
		if err != nil {
			t.Fatalf("no fault, and %v", err)
		}
		again, _, fault := decodeAnswer([]byte(write(doc.root)), as)
		if fault != nil {
			t.Fatalf("%v in %s, written anew from %s", fault, write(doc.root), body)
		}
		if !reflect.DeepEqual(again, a) {
			t.Errorf("%+v, anew %+v", a, again)
		}
	})
}

// inside says whether a path leads to something in the document, or to a
// member that is missing in an object of it.
func inside(n node, path []segment) bool {
	for i, s := range path {
		if n.kind == deeper {
			return true
		}
		if s.key == "" && n.kind == array {
			if s.index >= len(n.children) {
				return false
			}
			n = n.children[s.index].value
			continue
		}
		m := n.child(s.key)
		if m == nil {
			return n.kind == object && i == len(path)-1
		}
		n = m.value
	}
	return true
}

// write is a document as JSON.
func write(n node) string {
	var b strings.Builder
	quoted := func(s string) string {
		q, _ := json.Marshal(s)
		return string(q)
	}
	switch n.kind {
	case array, object:
		b.WriteString(map[kind]string{array: "[", object: "{"}[n.kind])
		for i, m := range n.children {
			if i > 0 {
				b.WriteString(", ")
			}
			if n.kind == object {
				b.WriteString(quoted(m.key) + ": ")
			}
			b.WriteString(write(m.value))
		}
		b.WriteString(map[kind]string{array: "]", object: "}"}[n.kind])
	case text:
		b.WriteString(quoted(n.text))
	case null:
		b.WriteString("null")
	default:
		b.WriteString(n.text)
	}
	return b.String()
}

// FuzzMatch: a pattern never makes matching panic, matches itself, and * on
// both sides matches whatever holds it.
func FuzzMatch(f *testing.F) {
	f.Add("sip:demo@host:5060;transport=tcp", "+44*")
	f.Add("1000", "*0*0")
	f.Add("sips:a@[::1]", "*@*")
	f.Fuzz(func(t *testing.T, called, pattern string) {
		(&Service{Match: []string{pattern}}).Matches(called)
		if !strings.Contains(called, "*") && !wildcard.Match(called, called) {
			t.Errorf("%q does not match itself", called)
		}
		if !wildcard.Match("*"+strings.ReplaceAll(called, "*", "")+"*", "x"+strings.ReplaceAll(called, "*", "")+"y") {
			t.Errorf("*%q*", called)
		}
	})
}

// seedAnswers are documents to start from.
var seedAnswers = []string{
	`{"actions":[]}`,
	`{"api_version":"2.0","token":null,"actions":[{"hang_up":{}}]}`,
	`{"api_version":"2.0","token":"order-4711","actions":[{"play":{"play_list":[{"text_to_say":"Welcome.","text_is_private":true}]}},` +
		`{"connect_to_conference":{"name":"weekly-2026-10","next_page":{"url":"after-meeting"}}}]}`,
	`{"actions":[{"play":{"play_list":[{"digits_to_play":"42#"},{"file_to_play":{"url":"media/bye.wav?v=3","method":"GET"}}],"barge_in":false}}]}`,
	`{"actions":[{"answer":{"extra_sip_headers":[{"name":"X-Ticket","value":"4711"}]}},{"reject":{"cause":"busy","raw_cause":"480"}},` +
		`{"sleep":{"seconds":"3"}},{"redirect":{"next_page":"a"}}]}`,
	`{"actions":[{"connect_to_conference":{"name":"harbour-board-42","hold_media":{"play":{"play_list":[{"file_to_play":"hold/waves.wav"}]}},` +
		`"seconds_answer_timeout":20,"conference_participant":{"talker":true,"exit_digit":"0","mute_digit":7,"unmute_digit":"8",` +
		`"while_stopped_media":{"play":{"play_list":[{"text_to_say":"x"},{"file_to_play":"hold/waves.wav"}]}}},` +
		`"secondary_call":{"call_recording":true,"minutes_max_call_duration":90,"first_page":{"url":"room/first","method":"POST"},` +
		`"final_page":{"url":"room/final","method":"GET"},"error_page":"room/error"},"next_page":{"url":"after"}}}]}`,
	`{"actions":[],"call_recording_cipher":` + aesCipher + `}`,
	`{"actions":[],"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
	"\xef\xbb\xbf" + `{"actions":[{"play":1,"play":{"play_list":[{}]}}],"actions":[{},7,{"a":1,"b":2}]}`,
	`{"actions":[{"s` + strconv.Quote("\u00e9")[1:2] + `":{}}]}`,
	`{"actions":7,"api_version":1e5,"token":[[{"\ud800":"\u0000"}]]}`,
}
