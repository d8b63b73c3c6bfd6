package recording

import (
	"context"
	"crypto/aes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Report says what Repair found.
type Report struct {
	Repaired int // files completed
	Removed  int // files with nothing in them
	InUse    int // files that are being written
	Unknown  int // files that are not ours; they are left as they are
}

// Repair completes the recordings that an interrupted process has left in a
// media directory. Lengths in headers are set from those of the files, which
// get their names. Encrypted files keep "unknown" as length, and those for an
// age recipient become .wav.aes, with the key in .wav.aes.key. Recordings that
// are being made are left alone. It goes on after errors and returns them
// together. A Store does this when it starts.
func Repair(ctx context.Context, dir string) (Report, error) {
	m, err := openMedia(dir)
	if err != nil {
		return Report{}, fmt.Errorf("recording: %w", err)
	}
	report, err := m.repair(ctx)
	return report, errors.Join(err, m.root.Close())
}

// maxErrors bounds how many errors troubles keeps.
const maxErrors = 10

// troubles are the errors of work on many files that goes on after them.
type troubles []error

func (t *troubles) note(err error) {
	if err != nil && len(*t) < maxErrors {
		*t = append(*t, err)
	}
}

// err is all of them, nil for none.
func (t troubles) err() error { return errors.Join(t...) }

func (m media) repair(ctx context.Context) (Report, error) {
	var report Report
	var all troubles
	err := fs.WalkDir(m.root.FS(), directory, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				all.note(err)
			}
			return nil
		}
		if d.Type().IsRegular() && (strings.HasSuffix(name, wavEnd+partEnd) || strings.HasSuffix(name, wavEnd+ageEnd)) {
			all.note(m.repairFile(name, &report))
		}
		return nil
	})
	all.note(err)
	return report, all.err()
}

// repairFile repairs the file of a name with ".part" behind it.
func (m media) repairFile(part string, report *Report) error {
	f, err := m.root.OpenFile(part, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) { // complete by now
		return nil
	}
	if err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	defer f.Close()
	if !m.hold(f, part, false) {
		report.InUse++
		return nil
	}
	if err := m.mendFile(f, part, report); err != nil {
		return fmt.Errorf("repair %s: %w", part, err)
	}
	return nil
}

func (m media) mendFile(f *os.File, part string, report *Report) error {
	if strings.HasSuffix(part, ageEnd) { // there is more in the file it was made of
		report.Removed++
		return m.root.Remove(part)
	}
	name := strings.TrimSuffix(part, wavEnd+partEnd)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	wrapped, err := m.exists(name + wavEnd + keyEnd)
	if err != nil {
		return err
	}
	if m.isComplete(name+wavEnd, info, wrapped) {
		return m.removePart(name, wrapped)
	}
	kind, err := mend(f, info.Size())
	switch {
	case err != nil:
		return err
	case kind == nothing:
		report.Removed++
		return m.removePart(name, wrapped)
	case kind == unknown:
		report.Unknown++
		return nil
	case kind == sealed && wrapped:
		err = m.rename(part, name+wavEnd+aesEnd)
	default:
		_, err = settle(m, part, name, 1)
	}
	if err == nil {
		report.Repaired++
	}
	return err
}

// isComplete reports whether the file of that name is what was to become of a
// part: the same file, or the age file made of it.
func (m media) isComplete(name string, part os.FileInfo, wrapped bool) bool {
	info, err := m.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	if os.SameFile(info, part) {
		return true
	}
	if !wrapped {
		return false
	}
	f, err := m.root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	const intro = "age-encryption.org/v1\n"
	var b [len(intro)]byte
	_, err = io.ReadFull(f, b[:])
	return err == nil && string(b[:]) == intro
}

func (m media) removePart(name string, wrapped bool) error {
	err := m.root.Remove(name + wavEnd + partEnd)
	if wrapped {
		err = errors.Join(err, m.root.Remove(name+wavEnd+keyEnd))
	}
	return err
}

// kind says what an interrupted file holds.
type kind uint8

const (
	unknown kind = iota
	nothing
	plain  // audio in clear
	sealed // an AES file
)

// mend sets the lengths in the header of a file from its size, or cuts off a
// torn end of an AES file. What it does not know it leaves as it is.
func mend(f file, size int64) (kind, error) {
	if size == 0 {
		return nothing, nil
	}
	head := make([]byte, min(size, maxHeader))
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return unknown, err
	}
	l, err := parseHeader(head)
	switch {
	case err == nil:
		return plain, mendLengths(f, size, head[:l.audio], l)
	case strings.HasPrefix(string(head), "RIFF"):
		return unknown, nil
	case size < aes.BlockSize:
		return nothing, nil
	case size%aes.BlockSize != 0:
		return sealed, f.Truncate(size - size%aes.BlockSize)
	}
	return sealed, nil
}

func mendLengths(f file, size int64, head []byte, l layout) error {
	n := min(size-int64(l.audio), maxAudio)
	n -= n % int64(l.align)
	if n&1 == 1 { // a chunk ends at an even place
		n -= int64(l.align)
	}
	l.setLengths(head, uint32(n))
	if _, err := f.WriteAt(head, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(l.audio) + n); err != nil {
		return err
	}
	return f.Sync()
}
