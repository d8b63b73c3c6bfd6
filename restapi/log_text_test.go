package restapi

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"
)

func TestMasked(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", " \n", ""},
		{"no JSON", "<html>secret</html>", "(no JSON)"},
		{"plain text stays", `{"text_to_say":"hello & <you>"}`, `{"text_to_say":"hello & <you>"}`},
		{"text that is not private stays", `{"text_to_say":"hello","text_is_private":false}`, `{"text_is_private":false,"text_to_say":"hello"}`},
		{"private text", `{"a":[{"text_to_say":"my pin","text_is_private":true}]}`, `{"a":[{"text_is_private":true,"text_to_say":"********"}]}`},
		{"private text of a lenient service", `{"text_to_say":"my pin","text_is_private":"true"}`, `{"text_is_private":"true","text_to_say":"********"}`},
		{"keys of ciphers", `{"cipher":{"type":"aescbc","key":"00ff","initialisation_vector":"11"}}`, `{"cipher":{"initialisation_vector":"********","key":"********","type":"aescbc"}}`},
		{"what a caller entered", `{"result":{"entered_number":"1234"},"r":{"entered_digits":""}}`, `{"r":{"entered_digits":""},"result":{"entered_number":"********"}}`},
		{"tokens", `{"token":"order"}`, `{"token":"********"}`},
		{"no token", `{"token":null}`, `{"token":null}`},
		{"addresses", `{"next_page":{"url":"http://u:pw@h/x?pin=1"}}`, `{"next_page":{"url":"` + redact("http://u:pw@h/x?pin=1") + `"}}`},
		{"addresses in other letters", `["HTTPS://u:pw@h/x?pin=1"]`, `["` + redact("https://h/x") + `"]`},
		{"WebSockets", `{"destinations":["wss://u:pw@h/x?key=1","wss"]}`, `{"destinations":["wss://h/x","wss"]}`},
		{"relative addresses", `{"next_page":"a?pin=1","first_page":{"url":"b?pin=2"},"error_page":null}`, `{"error_page":null,"first_page":{"url":"b"},"next_page":"a"}`},
		{"large numbers and a mark in front", "\ufeff{\"n\":12345678901234567890}", `{"n":12345678901234567890}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := masked([]byte(tt.text)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	if got := masked([]byte(`"` + strings.Repeat("é", 10_000) + `"`)); len(got) > maxLogText+3 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("a long text: %d bytes", len(got))
	}
}

func TestTheLogTellsWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Version2)
		w.logDir, w.script.speech = t.TempDir(), true
		w.page("/first", w.list(`{"answer":{}},{"play":{"play_list":[{"text_to_say":"the code is 4711","text_is_private":true},{"text_to_say":"welcome"}]}}`))
		w.run()
		files, err := filepath.Glob(filepath.Join(w.logDir, "*/*/*/*.log"))
		if err != nil || len(files) != 1 {
			t.Fatalf("logs: %v %v", files, err)
		}
		data, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, want := range []string{
			`msg="instance starts" service=test call_id=c-1 sip_call_id=a84b4c76@h`, `msg="page request" page=first url=http://app.test/first method=POST info="{`,
			`msg="page answer" page=first bytes=`, `welcome`, `msg=action action=play path=actions[1].play`,
			`msg="action ended" action=play path=actions[1].play outcome=ok took_ms=2000`, `msg="page request" page=final`, `msg="instance ends"`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the log does not hold %s", want)
			}
		}
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "time=") {
				t.Errorf("a line without time: %s", line)
			}
		}
		if strings.Contains(text, "4711") {
			t.Error("private text is in the log")
		}
		if t.Failed() {
			t.Log(text)
		}
	})
}

func TestTheKindOfAPageIsAWordInEveryLog(t *testing.T) {
	var text, lines strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("page asked", "page", secondaryFirstPage)
	slog.New(slog.NewJSONHandler(&lines, nil)).Info("page asked", "page", secondaryFirstPage)
	if !strings.Contains(text.String(), "page=secondary_first") || !strings.Contains(lines.String(), `"page":"secondary_first"`) {
		t.Errorf("%s%s", text.String(), lines.String())
	}
}
