package restapi

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// maxInstanceLog is how much of an instance's log is kept [bytes].
const maxInstanceLog = 1 << 20

// Permissions of logs: readable by the server and its group.
const (
	logFileMode      = 0o640
	logDirectoryMode = 0o750
)

// logName is the name of an instance's log in the log directory; start is
// when the instance began.
func logName(start time.Time, id string) string {
	return start.UTC().Format("2006/01/02/15_04_05_") + id + ".log"
}

// newInstanceLog is the logger of an instance: everything goes to its log,
// and what is enabled there to the process log.
func newInstanceLog(s *Server, id, name string) *slog.Logger {
	cfg := &s.cfg
	process := cfg.Logger.Handler().WithAttrs([]slog.Attr{slog.String("application_instance_id", id)})
	if cfg.LogDirectory == "" {
		return slog.New(process)
	}
	file := &logFile{path: filepath.Join(cfg.LogDirectory, filepath.FromSlash(name)), writer: s.logs}
	own := slog.NewTextHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug})
	return slog.New(slog.NewMultiHandler(own, process))
}

// logFile appends to a file, up to maxInstanceLog bytes. It holds no open
// file, so that instances cost no descriptors, and never fails: what cannot
// be written is counted and lost.
type logFile struct {
	path   string
	size   atomic.Int64 // including what was lost
	writer *logWriter
}

// fullNotice is the last line of a log that has reached its size.
const fullNotice = "msg=\"this log is full\"\n"

func (f *logFile) Write(line []byte) (int, error) {
	before := f.size.Add(int64(len(line))) - int64(len(line))
	switch {
	case before > maxInstanceLog:
		return len(line), nil
	case before+int64(len(line)) > maxInstanceLog:
		f.size.Store(maxInstanceLog + 1)
		f.writer.write(f, []byte(fullNotice))
	default:
		f.writer.write(f, line)
	}
	return len(line), nil
}

// append writes lines with one call to the operating system.
func (f *logFile) append(lines []byte) {
	if err := f.appendTo(lines); err != nil {
		f.writer.metrics.logErrors.Add(float64(bytes.Count(lines, []byte("\n"))))
	}
}

func (f *logFile) appendTo(lines []byte) error {
	const flags = os.O_APPEND | os.O_CREATE | os.O_WRONLY
	file, err := os.OpenFile(f.path, flags, logFileMode)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(filepath.Dir(f.path), logDirectoryMode); err == nil {
			file, err = os.OpenFile(f.path, flags, logFileMode)
		}
	}
	if err != nil {
		return err
	}
	_, err = file.Write(lines)
	return errors.Join(err, file.Close())
}
