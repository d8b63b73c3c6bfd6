package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Store keeps what is to outlive the process.
type Store struct {
	// Directory of the file; "" keeps everything in memory.
	Directory string `yaml:"directory"`
	// Sync waits for the disk at every write.
	Sync bool `yaml:"sync"`
}

// Events are the history of events, the clients of the stream and the
// webhooks.
type Events struct {
	RetentionDays int       `yaml:"retention_days" range:"0..36500"`
	MaxEvents     int       `yaml:"max_events" range:"1000..1000000000"`
	Digits        string    `yaml:"digits" enum:"masked|shown"`
	MaxStreams    int       `yaml:"max_streams" range:"1..10000"`
	ClientBuffer  int       `yaml:"client_buffer" range:"100..1000000"`
	Webhooks      []Webhook `yaml:"webhooks"`
}

// Retention is how long events are kept; 0 is for ever.
func (e Events) Retention() time.Duration { return time.Duration(e.RetentionDays) * 24 * time.Hour }

// Webhook is an address that is told of every event.
type Webhook struct {
	Name           string `yaml:"name"`
	URL            string `yaml:"url"`
	SigningSecret  Secret `yaml:"signing_secret" secret:"true"`
	TimeoutSeconds int    `yaml:"timeout_seconds" range:"1..60"`
	GiveUpMinutes  int    `yaml:"give_up_minutes" range:"1..10080"`
	MaxEvents      int    `yaml:"max_events" range:"100..100000000"`
}

// setDefaults fills what holds for a webhook that says nothing.
func (w *Webhook) setDefaults() {
	*w = Webhook{TimeoutSeconds: 10, GiveUpMinutes: 60, MaxEvents: 100_000}
}

// Records are the call records in files and in the store, and the audit log.
type Records struct {
	// Directory of the files; "" writes none.
	Directory     string `yaml:"directory"`
	RetentionDays int    `yaml:"retention_days" range:"0..36500"`
}

// DefaultStoreDirectory is where state is kept when nothing is said.
const DefaultStoreDirectory = "./data/state"

// validateEvents checks the webhooks.
func (d *decoder) validateEvents(e *Events) {
	d.unique("events.webhooks", len(e.Webhooks), func(i int) string { return e.Webhooks[i].Name })
	for i, w := range e.Webhooks {
		path := fmt.Sprintf("events.webhooks[%d]", i)
		if w.Name != "" && (len(w.Name) > maxName || strings.ContainsFunc(w.Name, notInName)) {
			d.at(join(path, "name"), "%q must be 1 to %d letters, digits, spaces or any of . _ -", w.Name, maxName)
		}
		switch u, err := url.Parse(w.URL); {
		case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
			d.at(join(path, "url"), "must be an http or https address")
		case !isPort(u.Port()):
			d.at(join(path, "url"), "the port must be from 1 to 65535")
		}
	}
}
