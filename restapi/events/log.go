package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"mediaserver/call"
	"mediaserver/restapi/store"
)

// Defaults of Config.
const (
	DefaultQueue        = 8192
	DefaultMemory       = 8192
	DefaultClientBuffer = 4096
	DefaultLinger       = 20 * time.Millisecond
	DefaultMaxEvents    = 1_000_000
)

const maxBatch = 1024 // events in one write

// A write costs a millisecond of CPU time however few events are in it. So when
// busyEvents or more come in Config.Linger, the next wait busyFactor times as
// long.
const (
	busyEvents = 16
	busyFactor = 5
)

// Store keeps the history: *store.Store.
type Store interface {
	Append(b store.Batch) error
	Events(after uint64, limit int) ([]store.Entry, error)
	Range() (oldest, latest uint64, err error)
	Unclosed() (map[string][]byte, error)
	Prune(limit int, stale func(e store.Entry) bool) (int, error)
}

// Collector makes call records of events. Take gets all of them once, in
// order, from one goroutine, before they are kept; what it returns is kept with
// them: records that are complete, and changes of those that are to outlive
// the process though they are not. Kept follows, when records are on the disk,
// or cannot be. Resume comes before all else, with what a killed process has
// left: the events that opened what nobody closed, in order, and its records.
type Collector interface {
	Resume(opened []call.Event, unfinished []store.Change)
	Take(batch []call.Event) ([]store.Record, []store.Change)
	Kept(records []store.Record)
}

// Config says how a Log works. The zero value is its default.
type Config struct {
	Store        Store         // nil: the latest events are kept in memory
	Collector    Collector     // nil: none
	Queue        int           // events that may wait to be written; 0 = 8192
	Memory       int           // of the latest events, to spare the store; 0 = 8192
	ClientBuffer int           // how far a reader may fall behind; 0 = 4096
	Linger       time.Duration // how long an event waits for others before it is written, five times as long when many come; 0 = 20 ms
	Retention    time.Duration // of the history; 0 = without limit
	MaxEvents    int           // in the history; 0 = 1 000 000
	ShowDigits   bool          // false: call.digit does not say which
	Metrics      *Metrics      // nil = not counted anywhere
	Logger       *slog.Logger  // nil = none
}

func (c Config) withDefaults() Config {
	setDefault(&c.Queue, DefaultQueue)
	setDefault(&c.Memory, DefaultMemory)
	setDefault(&c.ClientBuffer, DefaultClientBuffer)
	setDefault(&c.Linger, DefaultLinger)
	setDefault(&c.MaxEvents, DefaultMaxEvents)
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Message is an event as it is handed out.
type Message struct {
	Sequence uint64
	Type     call.EventType
	JSON     []byte // read only
}

// Log takes, keeps and hands out events.
type Log struct {
	cfg  Config
	wake chan struct{} // one wish to write

	mu      sync.Mutex
	last    uint64 // sequence number given last
	queue   []call.Event
	dropped uint64 // since the last events.dropped
	open    map[opening]call.Event

	keys map[opening]string // by what they close: the keys of what the store has as open. Run's
	owed debt               // Run's

	out published
}

// NewLog makes a Log that goes on where the store ends. What the store has as
// open is closed by the first events. It starts nothing.
func NewLog(cfg Config) (*Log, error) {
	l := &Log{cfg: cfg.withDefaults(), wake: make(chan struct{}, 1), open: map[opening]call.Event{}, keys: map[opening]string{}}
	l.out.init(l.cfg.Memory)
	if cfg.Store == nil {
		l.out.forgets = true
		return l, nil
	}
	oldest, latest, err := cfg.Store.Range()
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	l.last = latest
	l.out.oldest, l.out.latest = max(oldest, 1), latest
	if latest == 0 {
		l.out.oldest = 1
	}
	return l, l.closeLeft()
}

// closeLeft closes what a killed process has left open.
func (l *Log) closeLeft() error {
	unclosed, err := l.cfg.Store.Unclosed()
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	var left []call.Event
	var unfinished []store.Change
	for key, raw := range unclosed {
		if store.IsRecord(key) {
			unfinished = append(unfinished, store.Change{Key: key, Opens: raw})
			continue
		}
		var e call.Event
		if err := json.Unmarshal(raw, &e); err != nil || idOf(&e) == (opening{}) || e.Type.Closed() == "" {
			l.cfg.Logger.Warn("an open event that cannot be understood is forgotten", "type", string(e.Type), "error", err)
			l.owed.forget(key)
			continue
		}
		left = append(left, e)
		l.keys[idOf(&e)] = key
	}
	slices.SortFunc(left, func(a, b call.Event) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for _, e := range left {
		l.open[idOf(&e)] = e
		if e.Type == call.InstanceStarted {
			l.adopt(e)
		}
	}
	if l.cfg.Collector != nil {
		l.cfg.Collector.Resume(left, unfinished)
	}
	for _, e := range slices.Backward(left) { // what was opened last is closed first
		l.Emit(closing(e))
	}
	if len(left) > 0 {
		l.cfg.Logger.Warn("closed what a process that did not end in order had left open", "events", len(left))
	}
	return nil
}

// closing is the event that closes what e opened and nobody closed.
func closing(e call.Event) call.Event {
	c := call.Event{
		Type: e.Type.Closed(), Time: time.Now(), Cause: call.Failed,
		Call: e.Call, Primary: e.Primary, Instance: e.Instance, Conference: e.Conference, Participant: e.Participant,
	}
	switch e.Type {
	case call.CallStarted:
		c.Ended, c.Started, c.SIPCallID = &call.CallEnd{Unnoticed: true}, e.Started, e.SIPCallID
	case call.RecordingStarted, call.PlayStarted:
		c.Sound = &call.SoundEvent{ID: e.Sound.ID, File: e.Sound.File, Outcome: call.OutcomeStopped}
	}
	return c
}

// opening identifies what events open and close.
type opening struct {
	by call.EventType
	id string
}

// idOf identifies what an event opens or closes; zero: nothing.
func idOf(e *call.Event) opening {
	switch by := openingOf(e.Type); by {
	case call.CallStarted:
		return opening{by, e.Call}
	case call.ParticipantEntered:
		return opening{by, e.Participant}
	case call.ConferenceCreated:
		return opening{by, e.Conference}
	case call.InstanceStarted:
		return opening{by, e.Instance}
	case call.PlayStarted, call.RecordingStarted:
		if e.Sound != nil {
			return opening{by, e.Sound.ID}
		}
	}
	return opening{}
}

// openingOf is the type of the opening event of a pair, "" for others.
func openingOf(t call.EventType) call.EventType {
	if t.Closes() {
		return t.Opened()
	}
	if t.Closed() != "" {
		return t
	}
	return ""
}

// Emit takes an event; see call.Sink.
func (l *Log) Emit(e call.Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.Digit != nil && !l.cfg.ShowDigits {
		e.Digit = &call.DigitPress{Method: e.Digit.Method}
	}
	e = bounded(e)
	l.mu.Lock()
	taken := l.take(e)
	l.mu.Unlock()
	if !taken {
		l.cfg.Metrics.dropped.Inc()
		return
	}
	select {
	case l.wake <- struct{}{}:
	default: // it is awake
	}
}

// take puts an event into the queue unless that is full.
func (l *Log) take(e call.Event) bool {
	full := len(l.queue) >= l.cfg.Queue
	if full && !e.Type.Closes() {
		l.dropped++
		return false
	}
	if l.dropped > 0 && !full {
		l.put(call.Event{Type: call.EventsDropped, Time: e.Time, ServerEvent: call.ServerEvent{Dropped: l.dropped}})
		l.dropped = 0
	}
	l.put(e)
	return true
}

// put numbers an event and notes what it opens or closes.
func (l *Log) put(e call.Event) {
	l.last++
	e.Sequence = l.last
	if e.Instance == "" && e.Call != "" {
		e.Instance = l.instanceOf(e)
	}
	id := idOf(&e)
	switch {
	case id == opening{}:
	case e.Type.Closes():
		if started, ok := l.open[id]; ok && e.Instance == "" {
			e.Instance = started.Instance
		}
		delete(l.open, id)
	default:
		l.open[id] = e
	}
	if e.Type == call.InstanceStarted {
		l.adopt(e)
	}
	l.queue = append(l.queue, e)
}

// adopt notes the instance that runs a call.
func (l *Log) adopt(e call.Event) {
	id := opening{call.CallStarted, e.Call}
	if c, ok := l.open[id]; ok {
		c.Instance = e.Instance
		l.open[id] = c
	}
}

// instanceOf is the instance of a call or of its primary, "" if there is none.
func (l *Log) instanceOf(e call.Event) string {
	for _, id := range []string{e.Call, e.Primary} {
		if id == "" {
			continue
		}
		if c := l.open[opening{call.CallStarted, id}]; c.Instance != "" {
			return c.Instance
		}
	}
	return ""
}

// Run writes events until ctx ends, and then what has come by then. Events
// emitted after that are lost.
func (l *Log) Run(ctx context.Context) error {
	prune := time.NewTicker(pruneInterval)
	defer prune.Stop()
	linger := time.NewTimer(0)
	defer linger.Stop()
	factor := 1
	for ctx.Err() == nil {
		select {
		case <-l.wake:
		case <-prune.C:
			l.prune()
			continue
		case <-ctx.Done():
		}
		linger.Reset(time.Duration(factor) * l.cfg.Linger)
		select {
		case <-linger.C:
		case <-ctx.Done():
		}
		if l.writeAll() >= factor*busyEvents {
			factor = busyFactor
		} else {
			factor = 1
		}
	}
	l.writeAll()
	return nil
}

// writeAll writes what is in the queue and returns how many events that were.
func (l *Log) writeAll() (written int) {
	for {
		l.mu.Lock()
		n := min(len(l.queue), maxBatch)
		batch := slices.Clone(l.queue[:n])
		l.queue = slices.Delete(l.queue, 0, n)
		l.mu.Unlock()
		if n == 0 {
			return written
		}
		l.write(batch)
		written += n
	}
}

// write keeps a batch and hands it out. A store that fails does not keep
// events from those who wait for them.
func (l *Log) write(batch []call.Event) {
	messages, kept := l.encode(batch)
	if l.cfg.Collector != nil {
		records, changes := l.cfg.Collector.Take(batch)
		kept.Records, kept.Changes = records, append(kept.Changes, changes...)
	}
	if l.cfg.Store != nil {
		l.keep(kept)
	}
	if len(kept.Records) > 0 {
		l.cfg.Collector.Kept(kept.Records)
	}
	for _, e := range batch {
		l.cfg.Metrics.events.WithLabelValues(string(e.Type)).Inc()
	}
	l.out.publish(messages)
}

// encode makes the JSON of events and notes what they open and close. In the
// store what is open is in the order in which it was opened: what opens and
// closes together, as most does, lies together then.
func (l *Log) encode(batch []call.Event) ([]Message, store.Batch) {
	messages := make([]Message, 0, len(batch))
	var kept store.Batch
	for _, e := range batch {
		raw, err := json.Marshal(e)
		if err != nil { // no value of the type can bring it about
			l.cfg.Logger.Error("an event cannot be written", "type", string(e.Type), "error", err)
			raw = fmt.Appendf(nil, `{"sequence":%d,"type":%q}`, e.Sequence, e.Type)
		}
		messages = append(messages, Message{Sequence: e.Sequence, Type: e.Type, JSON: raw})
		kept.Events = append(kept.Events, store.Entry{Sequence: e.Sequence, JSON: raw})
		id := idOf(&e)
		if id == (opening{}) {
			continue
		}
		if key, ok := l.keys[id]; ok {
			kept.Changes = append(kept.Changes, store.Change{Key: key})
			delete(l.keys, id)
		}
		if !e.Type.Closes() {
			l.keys[id] = store.OpenKey(e.Sequence)
			kept.Changes = append(kept.Changes, store.Change{Key: l.keys[id], Opens: raw})
		}
	}
	return messages, kept
}

// errNoStore: what was asked for is no longer in memory.
var errNoStore = errors.New("events: only the latest events are kept")
