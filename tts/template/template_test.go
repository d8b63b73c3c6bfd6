package template

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	values := Values{"text": `say "{voice}"`, "voice": "ann"}
	for template, want := range map[string]string{
		"":                    "",
		"plain":               "plain",
		"{text}":              `say "{voice}"`,
		"a{voice}b{voice}c":   "aannbannc",
		`{"v":"{voice}"}`:     `{"v":"ann"}`,
		"{}{ voice}{VOICE}{x": "{}{ voice}{VOICE}{x",
		"{{voice}}":           "{ann}",
		"{other}":             "{other}",
	} {
		if got := Expand(template, values, Plain); got != want {
			t.Errorf("%q: got %q, want %q", template, got, want)
		}
	}
}

func TestCheckNamesWhatIsUnknown(t *testing.T) {
	values := Values{"text": "", "voice": ""}
	for _, ok := range []string{"", "{text} {voice}", `{"a": 1}`, "{", "}{"} {
		if err := Check(ok, values); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	if err := Check("{text} {txet}", values); err == nil || !strings.Contains(err.Error(), "{txet} is not one of {text}, {voice}") {
		t.Errorf("error %v", err)
	}
}

// FuzzExpand: a value cannot get out of a string of JSON, and the template
// around it stays.
func FuzzExpand(f *testing.F) {
	f.Add(`{"input":"{text}","voice":"{voice}"}`, `"}, {"a":"`, "{text}")
	f.Add("{{text}{voice}}{", "\\", "\n\x00\xff")
	f.Fuzz(func(t *testing.T, template, text, voice string) {
		values := Values{"text": text, "voice": voice}
		Expand(template, values, Plain)
		// Check does not panic, whatever it finds.
		_ = Check(template, values)
		var got struct{ Input, Voice string }
		document := Expand(`{"input":"{text}","voice":"{voice}"}`, values, JSON)
		if err := json.Unmarshal([]byte(document), &got); err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		if got.Input != strings.ToValidUTF8(text, "\ufffd") && strings.ToValidUTF8(text, "") == text {
			t.Errorf("text %q became %q", text, got.Input)
		}
	})
}
