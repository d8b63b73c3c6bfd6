package events

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mediaserver/call"
	"mediaserver/restapi/store"
)

// An address of thirty thousand & is a SIP message of half the size that is
// taken, and an event of three times the size that the store takes.
func TestAnEndlessAddressCostsNoOtherEventItsPlace(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	l := newLog(t, Config{Store: s, Memory: 1})
	stop := running(t, l)
	l.Emit(started("c-1"))
	l.Emit(call.Event{Type: call.CallStarted, Call: "c-2", Started: &call.CallStart{
		Direction: "in", From: strings.Repeat("&", 30_000), To: strings.Repeat("é", 15_000),
	}})
	l.Emit(call.Event{Type: call.PageRequested, Call: "c-2", Page: &call.PageExchange{URL: "http://app.test/" + strings.Repeat("&", 30_000)}})
	l.Emit(started("c-3"))
	stop()
	entries, err := s.Events(0, 100)
	if err != nil || len(entries) != 4 {
		t.Fatalf("%d events are in the history, want 4: %v", len(entries), err)
	}
	long := decode(t, Message{JSON: entries[1].JSON}).Started
	if !strings.HasPrefix(long.From, "&&&") || !strings.HasSuffix(long.To, "é…") {
		t.Errorf("from %.20q, to ends in %q", long.From, long.To[len(long.To)-8:])
	}
}

// fullDisk is a store that keeps nothing while it is full.
type fullDisk struct {
	*store.Store
	full bool
}

func (s *fullDisk) Append(b store.Batch) error {
	if s.full {
		return errors.New("no space left on device")
	}
	return s.Store.Append(b)
}

// scribe makes a record of every call that ends.
type scribe struct{ written int }

func (*scribe) Resume([]call.Event, [][]byte) {}

func (*scribe) Take(batch []call.Event) (done []store.Record, _ []store.Change) {
	for _, e := range batch {
		if e.Type == call.CallEnded {
			done = append(done, store.Record{ID: e.Call, End: e.Time, JSON: []byte("{}")})
		}
	}
	return done, nil
}

func (s *scribe) Kept(records []store.Record) { s.written += len(records) }

func TestAFullDiskIsMadeUpForWhenThereIsRoom(t *testing.T) {
	dir := t.TempDir()
	disk, files := &fullDisk{Store: openStore(t, dir)}, &scribe{}
	l := newLog(t, Config{Store: disk, Collector: files})
	write := func(full bool, list ...call.Event) {
		disk.full = full
		for _, e := range list {
			l.Emit(e)
		}
		l.writeAll()
	}
	ended := func(id string) call.Event { return call.Event{Type: call.CallEnded, Call: id} }
	write(false, started("c-1"), started("c-2"))
	write(true, ended("c-1"), started("c-3"), started("c-4"))
	write(true, ended("c-3"))
	write(false, started("c-5"))
	for _, id := range []string{"c-1", "c-3"} {
		if _, ok, err := disk.Record(id); !ok || err != nil {
			t.Errorf("no record of %s: %v", id, err)
		}
	}
	if files.written != 2 {
		t.Errorf("%d records were written to files, want 2", files.written)
	}
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, dir)
	defer again.Close()
	l = newLog(t, Config{Store: again})
	l.writeAll()
	var got []string
	for _, m := range l.out.recent {
		if e := decode(t, m); e.Type == call.CallEnded {
			got = append(got, e.Call)
		}
	}
	if strings.Join(got, " ") != "c-5 c-4 c-2" {
		t.Errorf("the next process closes %v, want c-5, c-4 and c-2: the others were closed", got)
	}
}

func TestNumbersGoOnWhenAllEventsAreOld(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	l := newLog(t, Config{Store: s, Retention: time.Hour})
	for range 3 {
		l.Emit(call.Event{Type: call.CallRinging, Time: time.Now().Add(-2 * time.Hour)})
	}
	l.writeAll()
	l.prune()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir)
	defer s.Close()
	l = newLog(t, Config{Store: s})
	l.Emit(call.Event{Type: call.CallRinging})
	l.writeAll()
	if _, latest := l.Range(); latest != 4 {
		t.Errorf("the next event has number %d, want 4", latest)
	}
}

func TestAHoleInTheHistoryIsNotTheBeginningOfIt(t *testing.T) {
	disk := &fullDisk{Store: openStore(t, t.TempDir())}
	defer disk.Close()
	l := newLog(t, Config{Store: disk, MaxEvents: 4, Memory: 1})
	for i := range 10 {
		disk.full = i >= 2 && i < 8 // 3 to 8 are lost
		l.Emit(call.Event{Type: call.CallRinging})
		l.writeAll()
	}
	l.prune()
	if oldest, _ := l.Range(); oldest != 9 {
		t.Errorf("the oldest is %d, want 9", oldest)
	}
	if _, err := l.ReadFrom(4); err == nil {
		t.Error("a reader goes on over what is missing")
	}
}
