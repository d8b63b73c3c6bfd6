package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/call"
	"mediaserver/restapi/events"
	"mediaserver/restapi/store"
)

// life is one life of a process: it writes events and is killed.
func life(t *testing.T, disk *store.Store, journal string, happen ...call.Event) {
	t.Helper()
	j, err := NewJournal(JournalConfig{Directory: journal})
	if err != nil {
		t.Fatal(err)
	}
	l, err := events.NewLog(events.Config{Store: disk, Collector: NewCollector(Config{Journal: j})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	for _, e := range happen {
		l.Emit(e)
		time.Sleep(time.Second)
	}
	time.Sleep(time.Second)
	stop() // nothing is closed: as if killed
	if err := errors.Join(<-ended, j.Close()); err != nil {
		t.Error(err)
	}
}

// lines are the records in the files, by call.
func lines(t *testing.T, directory string) map[string]Record {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(directory, filePrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]Record{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var r Record
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			if _, twice := list[r.Call]; twice {
				t.Errorf("two records of %s", r.Call)
			}
			list[r.Call] = r
		}
	}
	return list
}

func TestAKilledProcessLeavesNoCallWithoutARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(store.Config{Directory: t.TempDir(), NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // nothing can be lost
		journal, begun := t.TempDir(), time.Now()
		inbound := &call.CallStart{Direction: "in", From: "1", To: "2"}
		room := &call.CallStart{Direction: "out", From: "1", To: "room"}
		life(
			t, s, journal,
			call.Event{Type: call.CallStarted, Call: "p", Started: inbound},
			call.Event{Type: call.InstanceStarted, Call: "p", Instance: "i", Service: "s"},
			call.Event{Type: call.CallAnswered, Call: "p"},
			call.Event{Type: call.CallStarted, Call: "q", Primary: "p", Started: room},
			call.Event{Type: call.ParticipantEntered, Call: "q", Participant: "q", Conference: "room"},
			call.Event{Type: call.CallEnded, Call: "q", Cause: call.HungUp, RawCause: 200, Ended: &call.CallEnd{DurationMS: 1500}},
			call.Event{Type: call.CallStarted, Call: "r", Primary: "p", Started: room},
			call.Event{Type: call.ParticipantEntered, Call: "r", Participant: "r", Conference: "room"},
			call.Event{Type: call.CallStarted, Call: "o", Started: &call.CallStart{Direction: "out", To: "3"}},
			call.Event{Type: call.CallEnded, Call: "o", Cause: call.NoAnswer, RawCause: 480},
			call.Event{Type: call.RecordingStarted, Call: "r", Sound: &call.SoundEvent{ID: "1", File: "/r.wav"}},
		)
		time.Sleep(time.Hour)
		restart := time.Now()
		life(t, s, journal)
		got := lines(t, journal)
		if o := got["o"]; o.Cause != call.NoAnswer || o.Unnoticed {
			t.Errorf("the call that was not answered: %+v", o)
		}
		if len(got) != 4 {
			t.Fatalf("%d records: %+v", len(got), got)
		}
		for id, want := range map[string]struct {
			after     time.Duration // of its start
			direction string
			room      string
			cause     call.Cause
			duration  int64
			unnoticed bool
		}{
			"p": {0, "in", "", call.Failed, 0, true},
			"q": {3 * time.Second, "out", "room", call.HungUp, 1500, false},
			"r": {6 * time.Second, "out", "room", call.Failed, 0, true},
		} {
			r := got[id]
			if !r.Started.Equal(begun.Add(want.after)) || r.Instance != "i" || r.Service != "s" || r.Direction != want.direction ||
				r.Conference != want.room || r.Cause != want.cause || r.DurationMS != want.duration || r.Unnoticed != want.unnoticed {
				t.Errorf("%s: %+v", id, r)
			}
			if r.Ended.Equal(restart) != want.unnoticed {
				t.Errorf("%s ended %v; the restart was at %v", id, r.Ended, restart)
			}
			if kept, ok, err := s.Record(id); !ok || err != nil {
				t.Errorf("%s is not in the store: %+v %v", id, kept, err)
			}
		}
		if r := got["r"]; len(r.Recordings) != 1 || r.Recordings[0] != "/r.wav" {
			t.Errorf("recordings of r: %v", r.Recordings)
		}
		if left, err := s.Unclosed(); len(left) != 0 || err != nil {
			t.Errorf("still open: %q %v", left, err)
		}
		life(t, s, journal)
		if again := lines(t, journal); len(again) != 4 {
			t.Errorf("the third process writes %d records", len(again)-4)
		}
	})
}

func TestARecordThatCannotBeReadIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(store.Config{Directory: t.TempDir(), NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // nothing can be lost
		if err := s.Append(store.Batch{Changes: []store.Change{
			{Key: store.RecordOpenKey("a"), Opens: []byte(`{"call_id":"a"`)},
			{Key: store.RecordOpenKey("b"), Opens: []byte(`{"call_id":"c","cause":"hung_up"}`)},
		}}); err != nil {
			t.Fatal(err)
		}
		life(t, s, t.TempDir(), call.Event{Type: call.CallStarted, Call: "p"}, call.Event{Type: call.CallEnded, Call: "p"})
		if left, err := s.Unclosed(); len(left) != 0 || err != nil {
			t.Errorf("still open: %q %v", left, err)
		}
	})
}

func TestAClockThatWasWrongSpoilsOneFileOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		directory := t.TempDir()
		j, err := NewJournal(JournalConfig{Directory: directory})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		var batch []store.Record
		for i, end := range []time.Time{now, now.AddDate(10, 0, 0), now, now.Add(-time.Hour), now} {
			batch = append(batch, store.Record{ID: strconv.Itoa(i), End: end, JSON: fmt.Appendf(nil, `{"call_id":"%d"}`, i)})
		}
		j.append(batch[:1])
		j.append(batch[1:4])
		j.append(batch[4:])
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]int{now.UTC().Format(dayForm): 4, now.AddDate(10, 0, 0).UTC().Format(dayForm): 1} {
			text, err := os.ReadFile(filepath.Join(directory, filePrefix+name+fileEnd))
			if got := strings.Count(string(text), "\n"); got != want || err != nil {
				t.Errorf("%s: %d records, want %d: %v", name, got, want, err)
			}
		}
	})
}
