package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mediaserver/bench/calls"
	"mediaserver/bench/limit"
	"mediaserver/bench/machine"
	"mediaserver/bench/media"
)

// Format is the version of the form of a Document. Fields are added without
// changing it.
const Format = 1

// Document is one measurement.
type Document struct {
	Format  int             `json:"format"`
	Tool    string          `json:"tool"` // "limit", "media", "calls"
	Version string          `json:"version"`
	Time    time.Time       `json:"time"`
	Command []string        `json:"command"` // the arguments
	Machine machine.Machine `json:"machine"`

	Limit *limit.Report  `json:"limit,omitempty"`
	Media []media.Series `json:"media,omitempty"` // one, or the steps of a search
	Calls []calls.Result `json:"calls,omitempty"`
}

// ErrFormat means that a file is no document of a form that is known.
var ErrFormat = errors.New("bench: not a result of bench")

// New begins a document.
func New(tool, version string, command []string) Document {
	return Document{
		Format: Format, Tool: tool, Version: version, Command: command,
		Time: time.Now().UTC().Truncate(time.Second), Machine: machine.Describe(),
	}
}

// WriteJSON prints the document.
func (d *Document) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// Save writes the document into a directory, under its time and tool, and
// returns the file.
func (d *Document) Save(dir string) (file string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("bench: save: %w", err)
	}
	file = filepath.Join(dir, d.Time.Format("2006-01-02T150405")+"-"+d.name()+".json")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", fmt.Errorf("bench: save: %w", err)
	}
	return file, errors.Join(d.WriteJSON(f), f.Close())
}

// name tells documents of a directory apart.
func (d *Document) name() string {
	if len(d.Calls) > 0 {
		o := d.Calls[0].Options
		return fmt.Sprintf("%s-%d-per-second-pages-%s", d.Tool, o.Rate, o.Pages)
	}
	if len(d.Media) == 0 {
		return d.Tool
	}
	o := d.Media[len(d.Media)-1].Options
	way := strings.ReplaceAll(strings.ToLower(carriage(&o)), ", ", "-")
	return fmt.Sprintf("%s-%s-n%d-rooms-of-%d", d.Tool, strings.ReplaceAll(way, " ", "-"), o.Participants, o.RoomSize)
}

// Load reads a document.
func Load(file string) (d Document, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return d, fmt.Errorf("bench: %w", err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return d, fmt.Errorf("%w: %s: %w", ErrFormat, file, err)
	}
	if d.Format != Format {
		return d, fmt.Errorf("%w: %s has format %d", ErrFormat, file, d.Format)
	}
	return d, nil
}
