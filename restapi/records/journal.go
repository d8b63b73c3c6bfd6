package records

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mediaserver/restapi/store"
)

// Names of files: calls-2026-03-02.jsonl, the day being UTC.
const (
	filePrefix = "calls-"
	fileEnd    = ".jsonl"
	dayForm    = "2006-01-02"
)

const (
	fileMode      = 0o640
	directoryMode = 0o750
)

// Journal appends records to a file a day, as JSON Lines. For one goroutine.
type Journal struct {
	cfg    JournalConfig
	file   *os.File
	day    string
	pruned string // day of the last look for old files
}

// JournalConfig says where the files are.
type JournalConfig struct {
	Directory     string // is made if it does not exist; required
	RetentionDays int    // files of days longer ago are deleted; 0 = never
	Metrics       *Metrics
	Logger        *slog.Logger
}

// Metrics count records.
type Metrics struct{ written, failed prometheus.Counter }

// NewMetrics makes the metrics and registers them with r, which may be nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		written: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_call_records_total", Help: "Call records written to files.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mediaserver_call_record_errors_total", Help: "Call records that could not be written to a file.",
		}),
	}
	if r != nil {
		r.MustRegister(m.written, m.failed)
	}
	return m
}

// NewJournal makes a Journal and its directory.
func NewJournal(cfg JournalConfig) (*Journal, error) {
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Directory, directoryMode); err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	return &Journal{cfg: cfg}, nil
}

// append writes records, one line each, those of a day with one call to the
// operating system. What cannot be written is counted and stays in the store only.
func (j *Journal) append(records []store.Record) {
	for len(records) > 0 {
		n, err := j.lines(records)
		if err != nil {
			j.cfg.Metrics.failed.Add(float64(n))
			j.cfg.Logger.Error("call records cannot be written to their file", "call_id", records[0].ID, "records", n, "error", err)
		} else {
			j.cfg.Metrics.written.Add(float64(n))
		}
		records = records[n:]
	}
}

// lines writes the first records, as many as belong into one file, and returns how
// many these are.
func (j *Journal) lines(records []store.Record) (n int, err error) {
	if day := dayOf(records[0]); j.file == nil || !j.takes(day) {
		if err := j.turn(day); err != nil {
			return 1, err
		}
	}
	var text []byte
	for n < len(records) && j.takes(dayOf(records[n])) {
		text = append(append(text, records[n].JSON...), '\n')
		n++
	}
	if _, err = j.file.Write(text); err != nil {
		err = errors.Join(err, j.Close()) // opened anew, a line that was broken off is ended
	}
	return n, err
}

// dayOf is the day of a record.
func dayOf(r store.Record) string { return r.End.UTC().Format(dayForm) }

// takes says whether records of a day go into the file that is open: those of its
// own day and late ones, but not into the file of a day to come, which a wrong clock
// has opened.
func (j *Journal) takes(day string) bool {
	return day == j.day || day < j.day && j.day <= time.Now().UTC().Format(dayForm)
}

// turn opens the file of a day. A line that a killed process has left broken
// off is ended.
func (j *Journal) turn(day string) error {
	if err := j.Close(); err != nil {
		j.cfg.Logger.Warn("cannot close a file of call records", "error", err)
	}
	path := filepath.Join(j.cfg.Directory, filePrefix+day+fileEnd)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return err
	}
	if err := endLine(f); err != nil {
		return errors.Join(err, f.Close())
	}
	j.file, j.day = f, day
	j.prune(day)
	return nil
}

// endLine ends the last line of a file if that was broken off.
func endLine(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return err
	}
	if last[0] != '\n' {
		_, err = f.Write([]byte{'\n'})
	}
	return err
}

// prune deletes files of days that are too long ago.
func (j *Journal) prune(today string) {
	if j.cfg.RetentionDays == 0 || j.pruned == today {
		return
	}
	j.pruned = today
	now, err := time.Parse(dayForm, today)
	if err != nil {
		return
	}
	oldest := now.AddDate(0, 0, -j.cfg.RetentionDays).Format(dayForm)
	names, err := filepath.Glob(filepath.Join(j.cfg.Directory, filePrefix+"*"+fileEnd))
	if err != nil {
		return
	}
	for _, name := range names {
		day := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), filePrefix), fileEnd)
		if _, err := time.Parse(dayForm, day); err != nil || day >= oldest {
			continue
		}
		if err := os.Remove(name); err != nil {
			j.cfg.Logger.Warn("an old file of call records cannot be deleted", "file", name, "error", err)
		}
	}
}

// Close closes the file of the day.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.file.Sync(), j.file.Close())
	j.file = nil
	return err
}
