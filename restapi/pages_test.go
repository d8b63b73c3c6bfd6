package restapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/call"
	"mediaserver/dtmf"
)

var update = flag.Bool("update", false, "write the traces of testdata/pages anew")

// TestPages runs the golden scripts: what pages answer goes in, every page
// request and verb that follows comes out. A script is a text of
//
//	# what it shows
//	service KEY=VALUE …        version, strict, extra, early_media, no_error_page, no_final_page, parameters, voice, hosts
//	script KEY=VALUE …         how the calls behave, see applyScript
//	-- PATH [STATUS] [DELAY] --
//	the answer of that page; several answers of one page come one by one
//	-- trace --
//	what must happen, written anew by -update
func TestPages(t *testing.T) {
	files, err := filepath.Glob("testdata/pages/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(source), "-- trace --\n")
			var got string
			synctest.Test(t, func(t *testing.T) { got = runScript(t, script) })
			if *update {
				if err := os.WriteFile(file, []byte(script+"-- trace --\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("trace\n%s\nwant\n%s\nfirst difference at %q", got, want, firstDifference(got, want))
			}
		})
	}
}

// firstDifference is the line of got that is not in want at that place.
func firstDifference(got, want string) string {
	w := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(w) || line != w[i] {
			return line
		}
	}
	return "the end"
}

// runScript runs a script and returns its trace.
func runScript(t *testing.T, source string) string {
	t.Helper()
	head, sections, _ := strings.Cut(source, "\n-- ")
	w := newWorld(t, Version1)
	for line := range strings.SplitSeq(head, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		apply := map[string]func(*testing.T, *world, string, string){"service": applyService, "script": applyScript}[words[0]]
		if apply == nil {
			t.Fatalf("line %q", line)
		}
		for _, word := range words[1:] {
			key, value, _ := strings.Cut(word, "=")
			apply(t, w, key, value)
		}
	}
	for section := range strings.SplitSeq(sections, "\n-- ") {
		heading, body, ok := strings.Cut(section, " --\n")
		if !ok {
			continue
		}
		p := page{status: 200, body: body}
		words := strings.Fields(heading)
		for _, word := range words[1:] {
			if d, err := time.ParseDuration(word); err == nil {
				p.delay = d
				continue
			}
			status, err := strconv.Atoi(word)
			if err != nil {
				t.Fatalf("section %q", heading)
			}
			p.status = status
		}
		w.app.pages[words[0]] = append(w.app.pages[words[0]], p)
	}
	return readable(t, w.run(), w.log.String())
}

// applyService sets a key of the service.
func applyService(t *testing.T, w *world, key, value string) {
	t.Helper()
	s := &w.service
	switch key {
	case "version":
		s.APIVersion = value
	case "strict":
		s.Strict = new(value == "true")
	case "extra":
		n, _ := strconv.Atoi(value)
		s.ExtraCalls = &n
	case "early_media":
		s.EarlyMedia = true
	case "no_error_page":
		s.ErrorPage = Page{}
	case "no_final_page":
		s.FinalPage = Page{}
	case "parameters":
		s.ApplicationParameters = value
	case "voice":
		s.Voice = value
	case "hosts":
		s.PageHosts = strings.Split(value, ",")
	default:
		t.Fatalf("service key %q", key)
	}
}

// applyScript sets how the calls behave.
func applyScript(t *testing.T, w *world, key, value string) {
	t.Helper()
	s := &w.script
	duration := func() time.Duration {
		d, err := time.ParseDuration(value)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	switch key {
	case "dial": // why it fails
		s.dialError = map[string]error{
			"full": call.ErrConferenceFull, "busy": call.ErrConferenceBusy, "timeout": call.ErrAnswerTimeout, "failed": call.ErrConnectFailed, "callee_busy": &call.DialError{
				Cause: call.Busy, RawCause: 486, Err: fmt.Errorf("%w: sip: status 486 Busy Here", call.ErrConnectFailed),
				Info: call.Info{ID: "c-9", Direction: call.Out, From: "+441908000001", To: "441908000200", Target: "441908000200", Cause: call.Busy, RawCause: 486},
			},
		}[value]
	case "dropped": // destinations given up for the one that answered
		for to := range strings.SplitSeq(value, ",") {
			s.dropped = append(s.dropped, call.Info{
				ID: "c-" + to, Direction: call.Out, From: "+441908000001", To: to, Target: to, Cause: call.Dropped, RawCause: 487,
			})
		}
	case "dial_time":
		s.dialTime = duration()
	case "connection":
		s.connection = duration()
	case "exit":
		s.exit = causes[value]
	case "hang_up_after":
		s.hangUpAfter = duration()
	case "outlives":
		s.outlives = duration()
	case "play":
		s.playTime = duration()
	case "undecipherable":
		s.playErrors = map[string]error{value: fmt.Errorf("%w: cannot be deciphered", call.ErrMediaInvalid)}
	case "speech":
		s.speech = true
	case "barges_in":
		s.bargesIn, _ = dtmf.ParseDigit(value[0])
	case "inputs": // words as 1234 (complete), timeout, help, invalid, in order
		for input := range strings.SplitSeq(value, ",") {
			got := call.Collected{Outcome: dtmf.Complete, Digits: input}
			switch input {
			case "timeout":
				got = call.Collected{Outcome: dtmf.TimedOut}
			case "help":
				got = call.Collected{Outcome: dtmf.HelpAsked}
			case "invalid":
				got = call.Collected{Outcome: dtmf.Invalid}
			case "nothing":
				got = call.Collected{Outcome: dtmf.Complete}
			}
			s.inputs = append(s.inputs, got)
		}
	case "record_time":
		s.recordTime = duration()
	case "record_fails":
		s.recordFails = true
	case "missing":
		s.playErrors = map[string]error{value: fmt.Errorf("%w: %q", call.ErrMediaNotFound, value)}
	default:
		t.Fatalf("script key %q", key)
	}
}

var causes = map[string]call.Cause{"completed": call.Completed, "hung_up": call.HungUp, "dropped": call.Dropped}

// readable is a trace with the JSON of requests indented, and the warnings.
func readable(t *testing.T, trace []string, log string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range trace {
		words := strings.SplitN(line, " ", 3)
		if len(words) < 3 || !strings.HasPrefix(words[2], "{") || words[0] != "POST" && words[0] != "GET" {
			b.WriteString(line + "\n")
			continue
		}
		var info bytes.Buffer
		if err := json.Indent(&info, []byte(words[2]), "  ", "  "); err != nil {
			t.Fatal(errors.Join(err, errors.New(line)))
		}
		fmt.Fprintf(&b, "%s %s\n  %s\n", words[0], words[1], info.String())
	}
	for line := range strings.SplitSeq(strings.TrimSpace(log), "\n") {
		if _, rest, ok := strings.Cut(line, "level=WARN "); ok {
			b.WriteString("warning: " + strings.Replace(rest, "application_instance_id=5f0c31b9a7e2446d.10231 ", "", 1) + "\n")
		}
	}
	return b.String()
}
