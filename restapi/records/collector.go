package records

import (
	"encoding/json"
	"log/slog"
	"time"

	"mediaserver/call"
	"mediaserver/restapi/store"
)

// maxLive bounds the calls that are being collected; of those that begin
// beyond it only the end is recorded.
const maxLive = 200_000

// Collector makes records of events: an events.Collector.
type Collector struct {
	cfg    Config
	log    *slog.Logger
	pruned time.Time

	live      map[string]*live // by call
	instances map[string]*instance
	waiting   []*live        // ended in this batch, and wait for their instance
	left      []*live        // by the process before, and their instance has not begun
	broken    []store.Change // of what it has left: takes what cannot be read out of the store
}

// live is a record that is not complete.
type live struct {
	Record
	ended bool
	kept  bool // as it is, until it is complete
}

// instance is an application that runs calls.
type instance struct {
	service string
	calls   []*live // in the order of their beginning
}

// Pruner forgets old records: *store.Store.
type Pruner interface {
	PruneRecords(before time.Time, limit int) (int, error)
}

// Config says what a Collector works with. The zero value is one that keeps
// no files and forgets nothing.
type Config struct {
	Journal       *Journal // nil: no files
	Store         Pruner   // nil: nothing is forgotten
	RetentionDays int      // of the records in Store; 0 = for ever
	Logger        *slog.Logger
}

const (
	pruneInterval = time.Hour
	pruneBatch    = 5000 // records in one write
)

// NewCollector makes a Collector.
func NewCollector(cfg Config) *Collector {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Collector{cfg: cfg, log: cfg.Logger, live: map[string]*live{}, instances: map[string]*instance{}}
}

// Resume goes on where a killed process was: with the events that opened what
// is still open, in order, and the records that Take had it keep meanwhile.
func (c *Collector) Resume(opened []call.Event, unfinished []store.Change) {
	for _, e := range opened {
		c.take(e) // it completes nothing
	}
	for _, u := range unfinished {
		r := &live{ended: true, kept: true}
		err := json.Unmarshal(u.Opens, &r.Record)
		switch {
		case err != nil || store.RecordOpenKey(r.Call) != u.Key:
			c.log.Error("the record of a call that ended in the process before cannot be read and is forgotten", "error", err)
			c.broken = append(c.broken, store.Change{Key: u.Key})
		case c.instances[r.Instance] == nil:
			c.left = append(c.left, r)
		default:
			c.live[r.Call] = r
			c.join(r)
		}
	}
}

// Take collects events and returns the records they complete, and how those
// change that are kept although they are not complete: the calls that ended
// before their instance, which may go on for hours.
func (c *Collector) Take(batch []call.Event) (done []store.Record, changes []store.Change) {
	complete := c.left
	changes = c.broken
	c.left, c.broken = nil, nil
	for _, e := range batch {
		complete = append(complete, c.take(e)...)
	}
	for _, r := range complete {
		if raw := c.encode(r); raw != nil {
			done = append(done, store.Record{ID: r.Call, End: r.Ended, JSON: raw})
		}
		if r.kept {
			changes = append(changes, store.Change{Key: store.RecordOpenKey(r.Call)})
		}
	}
	for _, r := range c.waiting {
		if c.live[r.Call] != r { // its instance has ended in the same batch
			continue
		}
		if raw := c.encode(r); raw != nil {
			changes = append(changes, store.Change{Key: store.RecordOpenKey(r.Call), Opens: raw})
			r.kept = true
		}
	}
	c.waiting = nil
	return done, changes
}

// encode is the JSON of a record; nil, and a line in the log, if there is none.
func (c *Collector) encode(r *live) []byte {
	raw, err := r.Record.encode()
	if err != nil { // no value of the type can bring it about
		c.log.Error("a call record cannot be written", "call_id", r.Call, "error", err)
		return nil
	}
	return raw
}

// encode is the JSON of a record, without so many pages and actions that the
// store could not take it.
func (r Record) encode() ([]byte, error) {
	for {
		raw, err := json.Marshal(r)
		if len(raw) <= store.MaxRecord || len(r.Pages)+len(r.Actions) == 0 {
			return raw, err
		}
		r.Pages, r.Actions = r.Pages[:len(r.Pages)/2], r.Actions[:len(r.Actions)/2]
	}
}

// Kept appends records to the file of the day.
func (c *Collector) Kept(records []store.Record) {
	if c.cfg.Journal != nil {
		c.cfg.Journal.append(records)
	}
	if c.cfg.Store == nil || c.cfg.RetentionDays == 0 || time.Since(c.pruned) < pruneInterval {
		return
	}
	n, err := c.cfg.Store.PruneRecords(time.Now().AddDate(0, 0, -c.cfg.RetentionDays), pruneBatch)
	if err != nil {
		c.log.Warn("old call records cannot be deleted", "error", err)
	}
	if err != nil || n < pruneBatch {
		c.pruned = time.Now()
	}
}

// take collects one event and returns what it completes.
func (c *Collector) take(e call.Event) []*live {
	switch e.Type {
	case call.CallStarted:
		c.begin(e)
	case call.InstanceStarted:
		c.instances[e.Instance] = &instance{service: e.Service}
		c.adopt(e)
	case call.InstanceEnded:
		return c.endInstance(e)
	}
	r := c.live[e.Call]
	if r == nil {
		if e.Type == call.CallEnded { // its beginning was dropped
			return []*live{unknown(e)}
		}
		return nil
	}
	r.add(e)
	if e.Type != call.CallEnded {
		return nil
	}
	r.ended = true
	if c.instances[r.Instance] != nil || r.precedes() {
		c.waiting = append(c.waiting, r)
		return nil // its final page is to come
	}
	return c.finish(r)
}

// begin makes the record of a call.
func (c *Collector) begin(e call.Event) {
	if len(c.live) >= maxLive {
		c.log.Error("too many calls for call records", "limit", maxLive)
		return
	}
	r := &live{Record: Record{
		Names: Names{Call: e.Call, Primary: e.Primary}, Instance: e.Instance, Started: e.Time, Pages: []Page{}, Actions: []Action{},
	}}
	if e.Started != nil {
		r.Direction, r.From, r.To = e.Started.Direction, e.Started.From, e.Started.To
	}
	c.live[e.Call] = r
	c.join(r)
}

// adopt gives a call to the instance that runs it.
func (c *Collector) adopt(e call.Event) {
	if r := c.live[e.Call]; r != nil {
		r.Instance = e.Instance
		c.join(r)
	}
}

// join puts a record into its instance.
func (c *Collector) join(r *live) {
	if in := c.instances[r.Instance]; in != nil {
		r.Service = in.service
		in.calls = append(in.calls, r)
	}
}

// precedes says whether the instance of a call is still to begin: that of one
// which an outbound service places begins when the call is answered, or has
// ended without.
func (r *live) precedes() bool {
	return r.Direction == call.Out.String() && r.Primary == "" && r.Instance == ""
}

// endInstance completes the calls of an instance that have ended; the others
// are complete at their end.
func (c *Collector) endInstance(e call.Event) []*live {
	in := c.instances[e.Instance]
	if in == nil { // its beginning was dropped
		in = &instance{}
		if r := c.live[e.Call]; r != nil {
			r.Instance, in.calls = e.Instance, []*live{r}
		}
	}
	delete(c.instances, e.Instance)
	var done []*live
	for _, r := range in.calls {
		if r.ended {
			done = append(done, c.finish(r)...)
		}
	}
	return done
}

func (c *Collector) finish(r *live) []*live {
	delete(c.live, r.Call)
	return []*live{r}
}

// unknown is the record of a call of which only the end is known. It began at
// the latest when it was answered.
func unknown(e call.Event) *live {
	r := &live{Record: Record{
		Names: Names{Call: e.Call, Primary: e.Primary}, Instance: e.Instance, Started: e.Time, Pages: []Page{}, Actions: []Action{},
	}}
	if e.Ended != nil {
		r.Started = e.Time.Add(-time.Duration(e.Ended.DurationMS) * time.Millisecond)
	}
	if e.Started != nil {
		r.Direction, r.From, r.To = e.Started.Direction, e.Started.From, e.Started.To
	}
	r.add(e)
	return r
}
