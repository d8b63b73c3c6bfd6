package restapi

import (
	"strings"
	"testing"

	"mediaserver/call"
)

// judgeConnect judges an answer with a connect of these properties.
func judgeConnect(properties string, v version, extra int) (*connect, *ActionError) {
	body := `{"actions":[{"connect":{` + properties + `}}]}`
	if v == v2 {
		body = `{"api_version":"2.0",` + body[1:]
	}
	list, _, fault := decodeAnswer([]byte(body), rules{version: v, strict: v == v2, extraCalls: extra})
	if fault != nil {
		return nil, fault
	}
	return list.actions[0].action.(*connect), nil
}

func TestConnectRefuses(t *testing.T) {
	ten := strings.TrimSuffix(strings.Repeat(`"441908000200",`, 10), ",")
	for _, tt := range []struct {
		name, properties string
		v                version
		want             string
	}{
		{"no destinations", `"call_from":"1"`, v2, "MISSING_PROPERTY: actions[0].connect.destinations: "},
		{"null destinations", `"destinations":null`, v2, "MISSING_PROPERTY: actions[0].connect.destinations: "},
		{"a string", `"destinations":"1"`, v2, "INVALID_VALUE: actions[0].connect.destinations: "},
		{"none", `"destinations":[]`, v2, "INVALID_VALUE: actions[0].connect.destinations: "},
		{"eleven", `"destinations":[` + ten + `,"1"]`, v2, "INVALID_VALUE: actions[0].connect.destinations: "},
		{"a number", `"destinations":[441908000200]`, v2, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"the second is empty", `"destinations":["1",""]`, v2, "INVALID_VALUE: actions[0].connect.destinations[1]: "},
		{"webrtc", `"destinations":["webrtc:bob"]`, v2, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"ws", `"destinations":["ws://host/"]`, v2, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"sips", `"destinations":["sips:a@b"]`, v2, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"a leading 0 after tel", `"destinations":["tel:01908"]`, v2, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"a bad room", `"destinations":["con:a b"]`, v2, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"a header", `"destinations":["sip:a@b?X=1"]`, v2, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"tel in version 1", `"destinations":["tel:441908"]`, v1, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"sip in version 1", `"destinations":["sip:a@b"]`, v1, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"wss in version 1", `"destinations":["wss://a/"]`, v1, "INVALID_VALUE: actions[0].connect.destinations[0]: "},
		{"caller with a line break", `"destinations":["1"],"call_from":"a\r\nb"`, v2, "INVALID_VALUE: actions[0].connect.call_from: "},
		{"empty caller", `"destinations":["1"],"call_from":""`, v2, "INVALID_VALUE: actions[0].connect.call_from: "},
		{"timeout 0", `"destinations":["1"],"seconds_answer_timeout":0`, v2, "INVALID_VALUE: actions[0].connect.seconds_answer_timeout: "},
		{"timeout 601", `"destinations":["1"],"seconds_answer_timeout":601`, v2, "INVALID_VALUE: actions[0].connect.seconds_answer_timeout: "},
		{"early media of two", `"destinations":["1","2"],"pass_early_media":true`, v2, "INVALID_VALUE: actions[0].connect.pass_early_media: "},
		{"early media and a first page", `"destinations":["1"],"pass_early_media":true,"secondary_call":{"first_page":"p"}`, v2, "INVALID_VALUE: actions[0].connect.pass_early_media: "},
		{"classify_callee true", `"destinations":["1"],"classify_callee":true`, v2, "INVALID_VALUE: actions[0].connect.classify_callee: "},
		{"classify_callee enabled by a word", `"destinations":["1"],"classify_callee":{"enable":"yes"}`, v2, "INVALID_VALUE: actions[0].connect.classify_callee.enable: "},
		{"unknown property", `"destinations":["1"],"name":"x"`, v2, "UNKNOWN_PROPERTY: actions[0].connect.name: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, fault := judgeConnect(tt.properties, tt.v, 11)
			if fault == nil || !strings.HasPrefix(fault.Error(), tt.want) || fault.Action != "connect" {
				t.Errorf("%v, want %s…", fault, tt.want)
			}
		})
	}
}

func TestConnectNeedsAnExtraCallForEachDestination(t *testing.T) {
	for extra, ok := range []bool{false, false, true, true} {
		_, fault := judgeConnect(`"destinations":["1","2"]`, v2, extra)
		if (fault == nil) != ok || fault != nil && fault.Code != CodeNoExtraCalls {
			t.Errorf("extra_channels %d: %v", extra, fault)
		}
	}
}

func TestConnectAccepts(t *testing.T) {
	a, fault := judgeConnect(`"destinations":["44-19","a@b","tel:+44","con:r","loc:s","wss://h/x"],"call_from":"bob@home.test"`, v2, 6)
	if fault != nil {
		t.Fatal(fault)
	}
	kinds := []call.DestinationKind{call.ToNumber, call.ToSIP, call.ToNumber, call.ToRoom, call.ToService, call.ToWebSocket}
	for i, d := range a.destinations {
		if d.Kind != kinds[i] {
			t.Errorf("%s is a %v", d.Text, d.Kind)
		}
	}
	if a.from != "bob@home.test" || a.answerSeconds != 30 || a.secondary.minutes != 240 || a.earlyMedia {
		t.Errorf("%+v", a)
	}
	if a, _ = judgeConnect(`"destinations":["1"],"call_from":"+44-1908-1"`, v2, 1); a == nil || a.from != "+4419081" {
		t.Errorf("the caller: %+v", a)
	}
	if _, fault = judgeConnect(`"destinations":["1"],"classify_callee":{"enable":null}`, v2, 1); fault != nil {
		t.Error("null, which is the default:", fault)
	}
	if _, fault = judgeConnect(`"destinations":["a@b"],"pass_early_media":true`, v1, 1); fault != nil {
		t.Error("version 1, not strict: an unknown property:", fault)
	}
}
