package restapi

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mediaserver/call"
)

// memoryKeeper keeps documents in memory.
type memoryKeeper struct {
	mu      sync.Mutex
	docs    map[string][]byte
	failure error
}

func (k *memoryKeeper) Put(key string, v any) error {
	text, err := json.Marshal(v)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure != nil {
		return k.failure
	}
	k.docs[key] = text
	return err
}

func (k *memoryKeeper) Delete(key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.docs, key)
	return k.failure
}

func (k *memoryKeeper) Each(f func(key string, v []byte) error) error {
	k.mu.Lock()
	docs := maps.Clone(k.docs)
	k.mu.Unlock()
	for key, v := range docs {
		if err := f(key, v); err != nil {
			return err
		}
	}
	return nil
}

func (k *memoryKeeper) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.docs)
}

// busyLine refuses every call after a while and remembers whom it was for.
type busyLine struct {
	takes time.Duration

	mu      sync.Mutex
	dialled []string
}

func (b *busyLine) Dial(ctx context.Context, o call.DialOptions) (*call.Call, error) {
	b.mu.Lock()
	b.dialled = append(b.dialled, o.Destination.Text)
	b.mu.Unlock()
	select {
	case <-time.After(b.takes):
	case <-ctx.Done():
	}
	info := call.Info{ID: "c-9", Direction: call.Out, To: o.Destination.Text, Target: o.Destination.Text, Cause: call.Busy, RawCause: 486}
	return nil, &call.DialError{Cause: call.Busy, RawCause: 486, Info: info, Err: call.ErrConnectFailed}
}

func (b *busyLine) order() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.dialled)
}

// caller is an outbound service with one call at a time.
func caller(version string) Service {
	return Service{
		Name: "caller", Direction: call.Out, APIVersion: version, FirstPage: Page{URL: "http://app.test/first"},
		Outbound: Outbound{MaxCalls: 1, MaxQueued: 5},
	}
}

func outboundServer(t *testing.T, s Service, line Dialer, k call.Keeper) *Server {
	t.Helper()
	server, err := NewServer(Config{
		Services: []Service{s}, Transport: &webApp{trace: &trace{}, pages: map[string][]page{}}, Dialer: line, Queue: k,
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func TestQueuedCallsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &memoryKeeper{docs: map[string][]byte{}}
		before := outboundServer(t, caller(Version1), &busyLine{}, k)
		refs, err := before.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "1"}, {To: "2"}, {To: "3"}}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := before.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "4"}, {To: "5"}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := before.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "6"}}}); !errors.Is(err, ErrQueueFull) {
			t.Errorf("a full queue: %v", err)
		}
		if out, err := before.Cancel("", refs[1:2]); err != nil || out[refs[1]] != Cancelled {
			t.Errorf("cancel: %v %v", out, err)
		}
		if k.len() != 4 {
			t.Errorf("%d calls are kept", k.len())
		}
		line := &busyLine{takes: time.Second}
		after := outboundServer(t, caller(Version1), line, k)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- after.RunOutbound(ctx) }()
		time.Sleep(10 * time.Second)
		if got := strings.Join(line.order(), " "); got != "1 3 4 5" {
			t.Errorf("dialled %s", got)
		}
		if k.len() != 0 {
			t.Errorf("%d calls would be placed again", k.len())
		}
		status, err := after.InvocationStatuses("caller", refs[:1])
		if want := (InvocationStatus{Status: StatusCouldNotRun, ReturnCode: 486, Text: "busy"}); err != nil || status[refs[0]].Text != want.Text ||
			status[refs[0]].ReturnCode != want.ReturnCode || status[refs[0]].Status != want.Status || status[refs[0]].InstanceID == "" {
			t.Errorf("status %+v %v", status, err)
		}
		if _, err := after.InvocationStatuses("other", refs[:1]); err == nil {
			t.Error("another service sees the call")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestCallsThatWaitedTooLongAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &memoryKeeper{docs: map[string][]byte{}}
		if _, err := outboundServer(t, caller(Version1), &busyLine{}, k).Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "1"}}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		line := &busyLine{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := outboundServer(t, caller(Version1), line, k).RunOutbound(ctx); err != nil || len(line.order()) != 0 || k.len() != 0 {
			t.Errorf("%v: dialled %v, kept %d", err, line.order(), k.len())
		}
	})
}

func TestACallThatCannotBeKeptIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &memoryKeeper{docs: map[string][]byte{}, failure: errors.New("disk full")}
		line := &busyLine{}
		s := outboundServer(t, caller(Version1), line, k)
		if _, err := s.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "1"}}}); err == nil {
			t.Error("it was taken")
		}
	})
}

func TestOutboundCallsAreChecked(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for _, tt := range []struct {
		name    string
		version string
		rooms   bool
		call    OutboundCall
		field   string // "" = it is fine
	}{
		{"a number", Version1, false, OutboundCall{To: "01908-273800"}, ""},
		{"a prefix in version 1", Version1, false, OutboundCall{To: "tel:+441908273800"}, ""},
		{"a SIP address", Version2, false, OutboundCall{To: "sip:bob@example.net", From: "sip:me@example.net"}, ""},
		{"a room", Version1, true, OutboundCall{To: "con:room"}, ""},
		{"a room by telephone", Version2, false, OutboundCall{To: "con:room"}, "to"},
		{"a number for a room", Version2, true, OutboundCall{To: "441908273800"}, "to"},
		{"no destination", Version2, false, OutboundCall{}, "to"},
		{"a destination that is none", Version2, false, OutboundCall{To: "webrtc:x"}, "to"},
		{"a long destination", Version2, false, OutboundCall{To: long}, "to"},
		{"a caller with line breaks", Version2, false, OutboundCall{To: "1", From: "1\r\nX: y"}, "from"},
		{"a long caller", Version2, false, OutboundCall{To: "1", From: long}, "from"},
		{"the longest token of version 2", Version2, false, OutboundCall{To: "1", Token: new(strings.Repeat("é", 5000))}, ""},
		{"a longer one", Version2, false, OutboundCall{To: "1", Token: new(strings.Repeat("é", 5001))}, "token"},
		{"the longest token of version 1", Version1, false, OutboundCall{To: "1", Token: new(long[:64<<10])}, ""},
		{"a longer one of version 1", Version1, false, OutboundCall{To: "1", Token: &long}, "token"},
		{"long parameters", Version1, false, OutboundCall{To: "1", Parameters: long}, "outbound_parameters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := caller(tt.version)
			service.Outbound.Rooms = tt.rooms
			_, err := outboundServer(t, service, &busyLine{}, nil).Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{tt.call}})
			bad, _ := errors.AsType[*CallError](err)
			if tt.field == "" && err != nil || tt.field != "" && (bad == nil || bad.Field != tt.field) {
				t.Errorf("%v, want a fault of %q", err, tt.field)
			}
		})
	}
	if _, err := outboundServer(t, caller(Version1), &busyLine{}, nil).Start(t.Context(), StartRequest{Service: "other"}); !errors.Is(err, ErrNoService) {
		t.Errorf("an unknown service: %v", err)
	}
}

func TestACallThatIsCancelledTwiceStaysCancelled(t *testing.T) {
	k := &memoryKeeper{docs: map[string][]byte{}}
	s := outboundServer(t, caller(Version1), &busyLine{}, k)
	refs, err := s.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]string{{refs[0], refs[0]}, {refs[0]}} {
		out, err := s.Cancel("", list)
		if err != nil || out[refs[0]] != Cancelled {
			t.Errorf("%v: %v", out, err)
		}
	}
	if k.len() != 0 {
		t.Error("the next process would place the call")
	}
}

// startingKeeper has a server take up what is kept whenever something has been
// kept: service_start that comes while the server starts.
type startingKeeper struct {
	*memoryKeeper
	load func()
}

func (k startingKeeper) Put(key string, v any) error {
	err := k.memoryKeeper.Put(key, v)
	k.load()
	return err
}

func TestACallStartedWhileTheQueueIsLoadedIsPlacedOnce(t *testing.T) {
	var s *Server
	k := startingKeeper{memoryKeeper: &memoryKeeper{docs: map[string][]byte{}}}
	k.load = func() {
		if err := s.calls.load(); err != nil {
			t.Error(err)
		}
	}
	s = outboundServer(t, caller(Version1), &busyLine{}, &k)
	if _, err := s.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "1"}, {To: "2"}}}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.calls.queues["caller"]); n != 2 {
		t.Errorf("%d calls are queued, want 2", n)
	}
}

// slowKeeper takes a second for each document.
type slowKeeper struct{ *memoryKeeper }

func (k slowKeeper) Put(key string, v any) error {
	time.Sleep(time.Second)
	return k.memoryKeeper.Put(key, v)
}

func TestTheQueueIsFullWhileItsLastPlaceIsBeingKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := slowKeeper{&memoryKeeper{docs: map[string][]byte{}}}
		s := outboundServer(t, caller(Version1), &busyLine{}, k)
		var taken, full atomic.Int32
		start := func() {
			_, err := s.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "1"}, {To: "2"}}})
			switch {
			case err == nil:
				taken.Add(1)
			case errors.Is(err, ErrQueueFull):
				full.Add(1)
			}
		}
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(start)
		}
		clients.Wait()
		if taken.Load() != 2 || full.Load() != 2 || k.len() != 4 {
			t.Errorf("%d requests taken, %d found it full, %d calls are kept; there are 5 places", taken.Load(), full.Load(), k.len())
		}
		k.failure = errors.New("disk full")
		s.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "3"}}}) //nolint:errcheck // it fails
		k.failure = nil
		if _, err := s.Start(t.Context(), StartRequest{Service: "caller", Calls: []OutboundCall{{To: "3"}}}); err != nil {
			t.Errorf("a call that could not be kept has its place still: %v", err)
		}
	})
}

func TestAReloadCountsTheCallsThatRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := &busyLine{takes: time.Minute}
		s := outboundServer(t, caller(Version1), line, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.RunOutbound(ctx) }()
		start := func(to ...string) {
			t.Helper()
			var calls []OutboundCall
			for _, x := range to {
				calls = append(calls, OutboundCall{To: x})
			}
			if _, err := s.Start(t.Context(), StartRequest{Service: "caller", Calls: calls}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		reload := func(most int, parameters string) {
			t.Helper()
			other := caller(Version1)
			other.Outbound.MaxCalls, other.ApplicationParameters = most, parameters
			apply, err := s.PrepareServices([]Service{other})
			if err != nil {
				t.Fatal(err)
			}
			apply()
			synctest.Wait()
		}
		want := func(dialled string) {
			t.Helper()
			if got := strings.Join(line.order(), " "); got != dialled {
				t.Errorf("dialled %q, want %q", got, dialled)
			}
		}
		start("1", "2")
		reload(1, "another")
		start("3")
		want("1") // there is one call at a time
		reload(2, "another")
		want("1 2")
		reload(1, "a third")
		time.Sleep(time.Minute)
		synctest.Wait()
		want("1 2 3")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
