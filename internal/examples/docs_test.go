package examples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mediaserver/sip"
)

// TestDocumentedJSON runs every scene of the documents.
func TestDocumentedJSON(t *testing.T) {
	for _, d := range documents(t) {
		for _, s := range d.scenes {
			t.Run(fmt.Sprintf("%s:%d", strings.TrimPrefix(s.file, "docs/"), s.line), s.run)
		}
	}
}

// longestScene is when a call that goes on is ended.
const longestScene = 11 * time.Minute

// other is the number of somebody who fills a room.
const other = "+441908000002"

// run plays the scene.
func (s *scene) run(t *testing.T) {
	limit := 0
	if s.full != "" {
		limit = 1
	}
	answers := func(caller, page string) string {
		if caller != other {
			return s.answers[page]
		}
		if page != "first" {
			return ""
		}
		version := ""
		if s.version != "1" {
			version = `"api_version":"2.0",`
		}
		return fmt.Sprintf(`{%s"actions":[{"connect_to_conference":{"name":%q}}]}`, version, s.full)
	}
	runWorld(t, s.version, limit, answers, func(w *world) {
		if s.full != "" {
			w.dial(other)
		}
		c := w.dial(callerNumber)
		for _, e := range s.events {
			w.at(e.at)
			if e.digit == "" {
				c.end(sip.ErrRemoteBye)
			} else if err := c.press(e.digit); err != nil {
				t.Error(err)
			}
		}
		w.at(longestScene)
		s.check(w)
	})
}

// check wants the scene to have gone as it is written.
func (s *scene) check(w *world) {
	t := w.t
	fault := w.fault(callerNumber)
	code, _, _ := strings.Cut(fault, ":")
	wantsError := slices.ContainsFunc(s.requests, func(r wantedRequest) bool { return r.page == "error" })
	switch {
	case s.refused != "" && code != s.refused:
		t.Errorf("refused with %q, want %s", fault, s.refused)
	case s.refused == "" && !wantsError && fault != "":
		t.Errorf("refused: %s", fault)
	case s.refused == "" && strings.Contains(w.log.String(), "answer of a page"):
		t.Errorf("there are warnings:\n%s", &w.log)
	}
	for page := range s.answers {
		if len(w.asked(callerNumber, page)) == 0 {
			t.Errorf("the page %s has an answer and is not asked", page)
		}
	}
	for _, want := range s.requests {
		bodies := w.asked(callerNumber, want.page)
		if len(bodies) == 0 {
			t.Errorf("the page %s is not asked\n%s", want.page, &w.log)
			continue
		}
		got, wanted := masked(t, bodies[0]), masked(t, want.body)
		if got != wanted {
			t.Errorf("the page %s is asked with\n%s\nnot with\n%s", want.page, got, wanted)
		}
	}
}

// masks are what differs from call to call.
var masks = []struct {
	form    *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`"application_instance_id":"[0-9a-f]{16}\.\d+"`), `"application_instance_id":"ID"`},
	{regexp.MustCompile(`"log_filename":"\d{4}/\d\d/\d\d/\d\d_\d\d_\d\d_[0-9a-f]{16}\.\d+\.log"`), `"log_filename":"LOG"`},
	{regexp.MustCompile(`"call_id":"c-[^"]+"`), `"call_id":"CALL"`},
	{regexp.MustCompile(`"/rest_api/recordings/\d{4}/\d\d/\d\d/\d\d_\d\d_\d\d_[0-9a-f]{16}\.\d+_2_call\.wav"`), `"RECORDING"`},
	{regexp.MustCompile(`"/rest_api/recordings/\d{4}/\d\d/\d\d/\d\d_\d\d_\d\d_[0-9a-f]{16}\.\d+\.wav"`), `"RECORDED"`},
}

// masked is a request as the server writes it, without what differs.
func masked(t *testing.T, body string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(body)); err != nil {
		t.Errorf("%v in %s", err, body)
	}
	text := b.String()
	for _, m := range masks {
		text = m.form.ReplaceAllString(text, m.instead)
	}
	return text
}
