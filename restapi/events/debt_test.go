package events

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"mediaserver/call"
	"mediaserver/restapi/store"
)

// An address of thirty thousand & is a SIP message of half the size that is
// taken, and an event of three times the size that the store takes.
func TestEndlessTextsCostNoOtherEventItsPlace(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	l := newLog(t, Config{Store: s, Memory: 1})
	stop := running(t, l)
	l.Emit(started("c-1"))
	l.Emit(call.Event{Type: call.CallStarted, Call: "c-2", Started: &call.CallStart{
		Direction: "in", From: strings.Repeat("&", 30_000), To: strings.Repeat("é", 15_000),
	}})
	l.Emit(call.Event{Type: call.PageRequested, Call: "c-2", Page: &call.PageExchange{URL: "http://app.test/" + strings.Repeat("&", 30_000)}})
	long := strings.Repeat("&", 30_000)
	ringing := call.Event{Type: call.CallRinging, Call: "c-2"}
	ringing.SIPCallID = long
	l.Emit(ringing)
	l.Emit(call.Event{Type: call.TrunkDown, ServerEvent: call.ServerEvent{Trunk: &call.TrunkState{Name: "carrier", Reason: long}}})
	l.Emit(started("c-3"))
	stop()
	entries, err := s.Events(0, 100)
	if err != nil || len(entries) != 6 {
		t.Fatalf("%d events are in the history, want 6: %v", len(entries), err)
	}
	shown := decode(t, Message{JSON: entries[1].JSON}).Started
	if !strings.HasPrefix(shown.From, "&&&") || !strings.HasSuffix(shown.To, "é…") {
		t.Errorf("from %.20q, to ends in %q", shown.From, shown.To[len(shown.To)-8:])
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

func (*scribe) Resume([]call.Event, []store.Change) {}

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

// What is open is known by its type. What cannot be understood is neither closed
// nor warned of at every start.
func TestWhatIsOpenAndNotUnderstoodIsForgotten(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	batch := store.Batch{Changes: []store.Change{
		{Key: store.OpenKey(1), Opens: []byte(`{"sequence"`)},
		{Key: store.OpenKey(2), Opens: []byte(`{"type":"fax.started","call_id":"c"}`)},
		{Key: store.OpenKey(3), Opens: []byte(`{"type":"call.ended","call_id":"c"}`)},
		{Key: store.OpenKey(4), Opens: []byte(`{"type":"play.started","call_id":"c"}`)},
	}}
	if err := s.Append(batch); err != nil {
		t.Fatal(err)
	}
	l := newLog(t, Config{Store: s})
	l.Emit(started("c-1"))
	l.Emit(call.Event{Type: call.CallEnded, Call: "c-1"})
	l.writeAll()
	if got := all(t, l); len(got) != 2 {
		t.Errorf("%d events, want 2: %+v", len(got), got)
	}
	if left, err := s.Unclosed(); len(left) != 0 || err != nil {
		t.Errorf("still open: %q %v", left, err)
	}
}

// lossy is a log of which the store has the first three events, and memory the
// last ones.
func lossy(t *testing.T) (*Log, *fullDisk) {
	t.Helper()
	disk := &fullDisk{Store: openStore(t, t.TempDir())}
	l := newLog(t, Config{Store: disk, Memory: 2})
	for i := range 13 {
		disk.full = i >= 3
		l.Emit(call.Event{Type: call.CallRinging})
		l.writeAll()
	}
	return l, disk
}

func TestAReaderIsToldWhatTheStoreHasLost(t *testing.T) {
	l, disk := lossy(t)
	defer disk.Close()
	_, err := l.Read(3, 10)
	gone, ok := errors.AsType[*RangeError](err)
	if !ok || gone.Oldest != l.out.recent[0].Sequence || gone.Latest != 13 {
		t.Fatalf("%v, want the places in memory", err)
	}
	if m, err := l.Read(gone.Oldest-1, 10); err != nil || len(m) != int(14-gone.Oldest) {
		t.Errorf("%d events, %v", len(m), err)
	}
}

func TestAReaderIsToldOfAHoleWithinTheStore(t *testing.T) {
	disk := &fullDisk{Store: openStore(t, t.TempDir())}
	defer disk.Close()
	l := newLog(t, Config{Store: disk, Memory: 2})
	for i := range 13 {
		disk.full = i >= 3 && i < 8
		l.Emit(call.Event{Type: call.CallRinging})
		l.writeAll()
	}
	m, err := l.Read(0, 10)
	if err != nil || len(m) != 3 {
		t.Fatalf("%d events before the hole, %v; want 3", len(m), err)
	}
	_, err = l.Read(3, 10)
	gone, ok := errors.AsType[*RangeError](err)
	if !ok {
		t.Fatalf("%v, want to be told of the hole", err)
	}
	if m, err = l.Read(gone.Oldest-1, 13); err != nil || len(m) == 0 || m[0].Sequence != gone.Oldest {
		t.Errorf("%d events behind the hole, %v", len(m), err)
	}
}

func TestAWebhookGoesOnBehindWhatTheStoreHasLost(t *testing.T) {
	l, disk := lossy(t)
	defer disk.Close()
	disk.full = false
	places := disk.Documents("webhooks")
	if err := places.Put("a", 3); err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	w, err := NewWebhooks(WebhooksConfig{Log: l, Transport: r, Places: places, List: []Webhook{{Name: "a", URL: "http://app.test/"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer runHooks(t, w)()
	want := len(l.out.recent)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		r.mu.Lock()
		n := len(r.got)
		r.mu.Unlock()
		if n > 0 {
			break
		}
		<-time.After(time.Millisecond)
	}
	r.wantInOrder(t, want)
	if dead := int(testutil.ToFloat64(l.cfg.Metrics.dead.WithLabelValues("a"))); dead != 10-want {
		t.Errorf("%d dead letters, want %d", dead, 10-want)
	}
}
