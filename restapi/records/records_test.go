package records

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/restapi/store"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func take(t *testing.T, c *Collector, events ...call.Event) []Record {
	t.Helper()
	var out []Record
	for i, e := range events {
		if e.Time.IsZero() {
			e.Time = start.Add(time.Duration(i) * time.Second)
		}
		kept, _ := c.Take([]call.Event{e})
		c.Kept(kept)
		for _, k := range kept {
			var r Record
			if err := json.Unmarshal(k.JSON, &r); err != nil {
				t.Fatal(err)
			}
			out = append(out, r)
		}
	}
	return out
}

func page(id, outcome string) call.Event {
	t := call.PageAnswered
	if outcome != "ok" {
		t = call.PageFailed
	}
	return call.Event{Type: t, Call: id, Instance: "i", Page: &call.PageExchange{Page: "first_page", Method: "POST", URL: "http://a/", Outcome: outcome, TookMS: 7}}
}

func TestACallIsCompleteWhenItsInstanceIs(t *testing.T) {
	got := take(
		t, NewCollector(Config{}),
		call.Event{Type: call.CallStarted, Call: "p", Started: &call.CallStart{Direction: "in", From: "1", To: "2"}},
		call.Event{Type: call.InstanceStarted, Call: "p", Instance: "i", Service: "s"},
		page("p", "ok"),
		call.Event{Type: call.CallAnswered, Call: "p", Instance: "i"},
		call.Event{Type: call.CallStarted, Call: "q", Primary: "p", Instance: "i", Started: &call.CallStart{Direction: "out", To: "room"}},
		call.Event{Type: call.ParticipantEntered, Call: "q", Participant: "q", Conference: "room", Instance: "i"},
		call.Event{Type: call.CallDigit, Call: "p", Instance: "i", FarEndEvent: call.FarEndEvent{Digit: &call.DigitPress{}}},
		call.Event{Type: call.CallEnded, Call: "q", Instance: "i", Cause: call.Completed, RawCause: 200, Ended: &call.CallEnd{DurationMS: 1000}},
		call.Event{Type: call.ActionEnded, Call: "p", Instance: "i", Action: &call.ActionRun{Name: "connect_to_conference", Outcome: "ok"}},
		call.Event{Type: call.CallEnded, Call: "p", Instance: "i", Cause: call.HungUp, RawCause: 200, Ended: &call.CallEnd{DurationMS: 6000, Quality: &call.Quality{Received: 300}}},
		page("p", "page_timeout"),
		call.Event{Type: call.InstanceEnded, Call: "p", Instance: "i"},
	)
	if len(got) != 2 {
		t.Fatalf("%d records", len(got))
	}
	p, q := got[0], got[1]
	if p.Call != "p" || p.Service != "s" || p.Direction != "in" || p.Answered == nil || p.Cause != call.HungUp || p.DurationMS != 6000 ||
		p.Quality == nil || p.Quality.Received != 300 || len(p.Pages) != 2 || p.Pages[1].Outcome != "page_timeout" ||
		len(p.Actions) != 1 || p.Counts != (Counts{Pages: 2, Actions: 1, Digits: 1}) {
		t.Errorf("primary: %+v", p)
	}
	if q.Call != "q" || q.Primary != "p" || q.Conference != "room" || q.Service != "s" || q.Cause != call.Completed || len(q.Pages) != 0 {
		t.Errorf("secondary: %+v", q)
	}
}

func TestOtherEndsCompleteARecordToo(t *testing.T) {
	begin := call.Event{Type: call.CallStarted, Call: "p"}
	end := call.Event{Type: call.CallEnded, Call: "p", Cause: call.Failed}
	for name, events := range map[string][]call.Event{
		"no service":                {begin, end},
		"the instance ends first":   {begin, {Type: call.InstanceStarted, Call: "p", Instance: "i"}, {Type: call.InstanceEnded, Call: "p", Instance: "i"}, end},
		"its beginning was dropped": {end},
	} {
		c := NewCollector(Config{})
		if got := take(t, c, events...); len(got) != 1 || got[0].Cause != call.Failed {
			t.Errorf("%s: %+v", name, got)
		}
		if len(c.live)+len(c.instances) != 0 {
			t.Errorf("%s: %d calls and %d instances stay", name, len(c.live), len(c.instances))
		}
	}
}

func TestACallThatNobodyAnsweredHasItsServiceAndFinalPage(t *testing.T) {
	begin := call.Event{Type: call.CallStarted, Call: "p", Started: &call.CallStart{Direction: "out", To: "1"}}
	end := call.Event{Type: call.CallEnded, Call: "p", Cause: call.NoAnswer}
	started := call.Event{Type: call.InstanceStarted, Call: "p", Instance: "i", Service: "s"}
	over := call.Event{Type: call.InstanceEnded, Call: "p", Instance: "i"}
	for name, events := range map[string][]call.Event{
		"as it is":                         {begin, end, started, page("p", "ok"), over},
		"the instance's beginning dropped": {begin, end, page("p", "ok"), over},
	} {
		c := NewCollector(Config{})
		got := take(t, c, events...)
		if len(got) != 1 || got[0].Instance != "i" || len(got[0].Pages) != 1 || got[0].Service == "" && len(events) == 5 {
			t.Errorf("%s: %+v", name, got)
		}
		if len(c.live)+len(c.instances) != 0 {
			t.Errorf("%s: %d calls and %d instances stay", name, len(c.live), len(c.instances))
		}
	}
	c := NewCollector(Config{})
	if got := take(t, c, begin, over, end); len(got) != 1 || len(c.live) != 0 {
		t.Errorf("an instance that ends first, its beginning dropped: %+v", got)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	c := NewCollector(Config{})
	events := []call.Event{{Type: call.CallStarted, Call: "p"}}
	for range 3 * maxPages {
		events = append(events, page("p", "ok"))
	}
	got := take(t, c, append(events, call.Event{Type: call.CallEnded, Call: "p"})...)
	if len(got[0].Pages) != maxPages || got[0].Counts.Pages != 3*maxPages {
		t.Errorf("%d pages listed, %d counted", len(got[0].Pages), got[0].Counts.Pages)
	}
}

func TestAFileADay(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("calls-2026-02-27.jsonl", "{}\n")  // the third day before is kept
	write("calls-2026-02-26.jsonl", "{}\n")  // this one is not
	write("calls-of-mine.jsonl", "{}\n")     // nor is this ours
	write("calls-2026-03-02.jsonl", `{"cal`) // broken off
	j, err := NewJournal(JournalConfig{Directory: dir, RetentionDays: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i, end := range []time.Time{start, start.Add(24 * time.Hour), start.Add(23 * time.Hour), start.Add(25 * time.Hour)} {
		j.append([]store.Record{{ID: "c", End: end, JSON: []byte(`{"n":` + string(rune('0'+i)) + `}`)}})
		if i == 0 {
			if _, err := os.Stat(filepath.Join(dir, "calls-2026-02-27.jsonl")); err != nil {
				t.Error(err)
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.Base(name)+" "+strings.ReplaceAll(string(b), "\n", "|"))
	}
	want := `calls-2026-03-02.jsonl {"cal|{"n":0}|
calls-2026-03-03.jsonl {"n":1}|{"n":2}|{"n":3}|
calls-of-mine.jsonl {}|`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("files:\n%s\nwant:\n%s", s, want)
	}
}

func TestRecordsThatEndTogetherGoIntoTheFilesOfTheirDays(t *testing.T) {
	dir := t.TempDir()
	j, err := NewJournal(JournalConfig{Directory: dir})
	if err != nil {
		t.Fatal(err)
	}
	j.append([]store.Record{
		{ID: "a", End: start, JSON: []byte("1")},
		{ID: "b", End: start.Add(time.Second), JSON: []byte("2")},
		{ID: "c", End: start.Add(24 * time.Hour), JSON: []byte("3")},
		{ID: "d", End: start, JSON: []byte("4")},
	})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]string{start.Format(dayForm): "1\n2\n", start.Add(24 * time.Hour).Format(dayForm): "3\n4\n"} {
		got, err := os.ReadFile(filepath.Join(dir, filePrefix+day+fileEnd))
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", day, got, err)
		}
	}
}

func TestARecordFitsIntoTheStore(t *testing.T) {
	c := NewCollector(Config{})
	c.Take([]call.Event{{Type: call.CallStarted, Call: "c-1"}})
	page := call.Event{Type: call.PageAnswered, Call: "c-1", Page: &call.PageExchange{URL: strings.Repeat("&", 2048)}}
	for range maxPages {
		c.Take([]call.Event{page})
	}
	done, _ := c.Take([]call.Event{{Type: call.CallEnded, Call: "c-1"}})
	if len(done) != 1 || len(done[0].JSON) > store.MaxRecord {
		t.Fatalf("a record of %d bytes", len(done[0].JSON))
	}
	var r Record
	if err := json.Unmarshal(done[0].JSON, &r); err != nil || r.Counts.Pages != maxPages || len(r.Pages) == 0 {
		t.Errorf("%d pages of %d: %v", len(r.Pages), r.Counts.Pages, err)
	}
}

func TestARecordHasAllItsDialogs(t *testing.T) {
	at := func(kind call.EventType, sipCallID string) call.Event {
		return call.Event{Type: kind, Call: "p", FarEndEvent: call.FarEndEvent{SIPCallID: sipCallID}}
	}
	for name, tt := range map[string]struct {
		events []call.Event
		last   string
		before []string
	}{
		"one":                     {[]call.Event{at(call.CallStarted, "a"), at(call.CallAnswered, "a"), at(call.CallEnded, "a")}, "a", nil},
		"none":                    {[]call.Event{at(call.CallStarted, ""), at(call.CallAnswered, ""), at(call.CallEnded, "")}, "", nil},
		"not answered":            {[]call.Event{at(call.CallStarted, ""), at(call.CallEnded, "a")}, "a", nil},
		"another contact answers": {[]call.Event{at(call.CallStarted, ""), at(call.CallRinging, "a"), at(call.CallAnswered, "b"), at(call.CallEnded, "b")}, "b", []string{"a"}},
		"transferred":             {[]call.Event{at(call.CallStarted, "a"), at(call.CallTransferred, "b"), at(call.CallTransferred, ""), at(call.CallEnded, "c")}, "c", []string{"a", "b"}},
	} {
		got := take(t, NewCollector(Config{}), tt.events...)
		if len(got) != 1 || got[0].SIPCallID != tt.last || !slices.Equal(got[0].Earlier, tt.before) {
			t.Errorf("%s: %+v", name, got)
		}
		if r := got[0]; tt.last != "" && !r.HasDialog(tt.last) || r.HasDialog("x") {
			t.Errorf("%s: it is not known by its dialog", name)
		}
	}
	events := []call.Event{at(call.CallStarted, "a")}
	for i := range 3 * maxEarlier {
		events = append(events, at(call.CallTransferred, strconv.Itoa(i)))
	}
	if got := take(t, NewCollector(Config{}), append(events, at(call.CallEnded, ""))...); len(got[0].Earlier) != maxEarlier || got[0].Earlier[0] != "a" {
		t.Errorf("%d dialogs before the last", len(got[0].Earlier))
	}
}
