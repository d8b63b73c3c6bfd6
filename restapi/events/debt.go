package events

import (
	"slices"

	"mediaserver/call"
	"mediaserver/internal/shorten"
	"mediaserver/restapi/store"
)

// maxText bounds what others may have written into an event, addresses and
// Call-IDs above all [bytes]. JSON makes six bytes of one at most, so that an event stays
// within what the store takes: it takes the whole batch or nothing of it.
const maxText = 2048

// bounded is e with the texts from outside cut short.
func bounded(e call.Event) call.Event {
	if s := e.Started; s != nil && max(len(s.From), len(s.To)) > maxText {
		short := *s
		short.From, short.To = clip(s.From), clip(s.To)
		e.Started = &short
	}
	if p := e.Page; p != nil && len(p.URL) > maxText {
		short := *p
		short.URL = clip(p.URL)
		e.Page = &short
	}
	if t := e.Trunk; t != nil && len(t.Reason) > maxText {
		short := *t
		short.Reason = clip(t.Reason)
		e.Trunk = &short
	}
	e.SIPCallID = clip(e.SIPCallID)
	return e
}

// clip cuts a text to maxText, and says that it did.
func clip(s string) string { return shorten.Text(s, maxText) }

// maxOwedRecords is how many call records wait for a store that fails; then
// the oldest are lost to it.
const maxOwedRecords = 5000

// debt is what the store could not keep and has to when it can again: what is
// open and the records of calls. Events are not made up for.
type debt struct {
	changes map[string]store.Change
	records []store.Record
}

// keep keeps a batch and what the store still has to.
func (l *Log) keep(b store.Batch) {
	fresh := len(b.Events)
	b.Changes, b.Records = l.owed.with(b)
	err := l.cfg.Store.Append(b)
	l.owed = debt{}
	if err == nil {
		return
	}
	lost := l.owed.add(b)
	l.cfg.Metrics.storeErrors.Inc()
	l.cfg.Logger.Error("events cannot be kept", "events", fresh, "call_records_waiting", len(l.owed.records),
		"call_records_lost", lost, "error", err)
}

// forget has the store forget what it has as open.
func (d *debt) forget(key string) {
	if d.changes == nil {
		d.changes = map[string]store.Change{}
	}
	d.changes[key] = store.Change{Key: key}
}

// with is what is owed with what is new behind it.
func (d *debt) with(b store.Batch) ([]store.Change, []store.Record) {
	changes := make([]store.Change, 0, len(d.changes)+len(b.Changes))
	for _, c := range d.changes {
		changes = append(changes, c)
	}
	return append(changes, b.Changes...), slices.Concat(d.records, b.Records)
}

// add notes what of a batch is owed and returns how many records are too many.
// What was opened and closed while the store failed is none of its business.
func (d *debt) add(b store.Batch) (lost int) {
	d.changes = make(map[string]store.Change, len(b.Changes))
	for _, c := range b.Changes {
		if before, ok := d.changes[c.Key]; ok && before.Opens != nil && c.Opens == nil {
			delete(d.changes, c.Key)
			continue
		}
		d.changes[c.Key] = c
	}
	lost = max(len(b.Records)-maxOwedRecords, 0)
	d.records = b.Records[lost:]
	return lost
}
