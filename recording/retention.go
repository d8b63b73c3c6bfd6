package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

const (
	expireEvery = time.Hour
	// maxDeleted bounds the work of one pass; the next then comes soon.
	maxDeleted = 10000
	expireSoon = time.Minute
)

// keep repairs what was interrupted and deletes what is old, until ctx ends.
func (s *Store) keep(ctx context.Context) {
	if s.root == nil {
		return
	}
	report, err := media{s.root}.repair(ctx)
	s.cfg.Metrics.recordings.WithLabelValues(outcomeRepaired).Add(float64(report.Repaired))
	if err != nil && ctx.Err() == nil {
		s.cfg.Logger.Warn("repair of interrupted recordings", "error", err)
	}
	if report.Repaired+report.Removed+report.Unknown > 0 {
		s.cfg.Logger.Info("interrupted recordings found", "repaired", report.Repaired,
			"empty", report.Removed, "unknown", report.Unknown)
	}
	if s.cfg.RetentionDays == 0 {
		return
	}
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = expireEvery
		n, err := expire(ctx, s.root, time.Now(), s.cfg.RetentionDays, maxDeleted)
		s.cfg.Metrics.deleted.Add(float64(n))
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("deleting old recordings", "error", err)
		}
		if n == maxDeleted {
			wait = expireSoon
		}
	}
}

// expire deletes the files of recordings whose day ended more than `days` days
// ago, at most limit of them. It looks into directories named by a date only,
// below that of the recordings, and follows no symbolic link. It goes on after
// errors and returns them together. The result is the number of files deleted.
func expire(ctx context.Context, media *os.Root, now time.Time, days, limit int) (int, error) {
	root, err := media.OpenRoot(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", directory, err)
	}
	defer root.Close()
	x := expiry{root: root, before: now.UTC().AddDate(0, 0, -days).Truncate(24 * time.Hour), limit: limit}
	if err := x.dir(ctx, ".", "2006/01/02"); !errors.Is(err, errEnough) {
		x.troubles.note(err)
	}
	return x.deleted, x.troubles.err()
}

// errEnough ends a pass at its limit.
var errEnough = errors.New("enough")

type expiry struct {
	root    *os.Root
	before  time.Time // days before this one are deleted
	limit   int
	deleted int

	troubles troubles
}

// dir goes through a directory whose sub-directories have names of the form
// given: year, month, day. What is behind the last is files. An error is the
// end of the pass.
func (x *expiry) dir(ctx context.Context, name, form string) error {
	entries, err := fs.ReadDir(x.root.FS(), name)
	x.troubles.note(err)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		sub := path.Join(name, e.Name())
		if !e.IsDir() || !x.old(sub) {
			continue
		}
		if strings.Count(sub, "/") == strings.Count(form, "/") {
			err = x.files(ctx, sub)
		} else {
			err = x.dir(ctx, sub, form)
		}
		if err != nil {
			return err
		}
		_ = x.root.Remove(sub) // unless there is something left
	}
	return nil
}

// old reports whether a directory named by the beginning of a date can have
// something in it to be deleted.
func (x *expiry) old(name string) bool {
	for _, form := range []string{"2006", "2006/01", "2006/01/02"} {
		if t, err := time.Parse(form, name); err == nil {
			return t.Before(x.before)
		}
	}
	return false
}

// files deletes the recordings in the directory of a day.
func (x *expiry) files(ctx context.Context, day string) error {
	entries, err := fs.ReadDir(x.root.FS(), day)
	x.troubles.note(err)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !e.Type().IsRegular() || !isRecording(e.Name()) {
			continue
		}
		if x.deleted == x.limit {
			return errEnough
		}
		switch err := x.remove(path.Join(day, e.Name())); {
		case err == nil:
			x.deleted++
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errInUse):
			x.troubles.note(err)
		}
	}
	return nil
}

// errInUse: the file is being written.
var errInUse = errors.New("in use")

// remove deletes a file. One that is not complete is deleted while it is
// locked, so that nobody is writing it.
func (x *expiry) remove(name string) error {
	if strings.HasSuffix(name, partEnd) {
		f, err := x.root.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		if !(media{x.root}).hold(f, name, false) {
			return errInUse
		}
	}
	return x.root.Remove(name)
}

// isRecording reports whether a file has a name of ours.
func isRecording(name string) bool {
	if _, err := time.Parse("15_04_05_", name[:min(len(name), len("15_04_05_"))]); err != nil {
		return false
	}
	for _, end := range []string{wavEnd, wavEnd + partEnd, wavEnd + ageEnd, wavEnd + aesEnd, wavEnd + keyEnd} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
