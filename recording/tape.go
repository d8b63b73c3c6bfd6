package recording

import (
	"crypto/aes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"mediaserver/audio"

	"filippo.io/age"
)

// pieceSize is about how many bytes of audio are written at once.
const pieceSize = 32 << 10

// tape is the file of a recording, as its writer sees it.
type tape struct {
	disk   disk
	name   string // without ".wav"
	choice int    // of the name, see nth
	file   file
	sealer *sealer              // nil: in clear
	wrap   *age.X25519Recipient // the complete file is for it
	header []byte               // lengths unknown
	layout layout               // of header
	encode *encoder
	frames int64 // encoded
	made   int64 // clear bytes made, header included
	size   int64 // clear bytes in the file; less than made after an error

	settled bool // the complete file has its name
}

// newTape makes the file for a recording and writes its header.
func newTape(d disk, o Options, f audio.Format, now time.Time) (*tape, error) {
	t := &tape{disk: d, name: o.name(now), wrap: o.Cipher.recipient, encode: newEncoder(f, o.Mode, o.Encoding)}
	var err error
	if t.header, err = newHeader(f, o.Mode, o.Encoding); err != nil {
		return nil, err
	}
	if t.layout, err = parseHeader(t.header); err != nil {
		return nil, err
	}
	var key []byte
	switch {
	case o.Cipher.block != nil:
		t.sealer = newSealer(o.Cipher)
	case t.wrap != nil:
		c, wrapped, err := sessionKey(t.wrap)
		if err != nil {
			return nil, err
		}
		t.sealer, key = newSealer(c), wrapped
	}
	for t.choice = 1; t.choice <= maxTries; t.choice++ {
		err := t.create(key)
		if err == nil {
			return t, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: %w", t.name, fs.ErrExist)
}

// filename is the name of the complete file.
func (t *tape) filename() string { return nth(t.name, t.choice) }

// part is the name of the file that is written.
func (t *tape) part() string { return t.filename() + partEnd }

// create makes the file of this choice of the name. The ".part" keeps the name
// for it; whoever finds the name taken has not got it.
func (t *tape) create(key []byte) error {
	f, err := t.disk.create(t.part())
	if err != nil {
		return fmt.Errorf("create %s: %w", t.part(), err)
	}
	t.file = f
	taken, err := t.disk.exists(t.filename())
	if err == nil && taken {
		err = fs.ErrExist
	}
	if err == nil {
		err = t.begin(key)
	}
	if err != nil {
		_ = t.disk.remove(t.part()) // while it is locked
		_ = f.Close()
		return fmt.Errorf("create %s: %w", t.part(), err)
	}
	return nil
}

// begin writes what comes before the audio.
func (t *tape) begin(key []byte) error {
	if key != nil {
		if err := t.writeKey(key); err != nil {
			return err
		}
	}
	t.made = int64(len(t.header))
	err := t.write(t.header)
	if err != nil && key != nil {
		_ = t.disk.remove(t.filename() + keyEnd)
	}
	return err
}

// writeKey writes the wrapped key of the file beside it.
func (t *tape) writeKey(key []byte) error {
	name := t.filename() + keyEnd
	f, err := t.disk.create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(key, 0)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = t.disk.remove(name)
	}
	return err
}

// discard removes the file.
func (t *tape) discard() error {
	var err error
	if t.wrap != nil {
		err = t.disk.remove(t.filename() + keyEnd)
	}
	return errors.Join(err, t.disk.remove(t.part()), t.file.Close())
}

// write adds clear bytes to the file. After an error the file is as it was
// before.
func (t *tape) write(p []byte) error {
	out, at := p, t.size
	if t.sealer != nil {
		out, at = t.sealer.seal(p), t.sealer.at
	}
	if _, err := t.file.WriteAt(out, at); err != nil {
		return errors.Join(err, t.undo())
	}
	if t.sealer != nil {
		t.sealer.commit(p)
	}
	t.size += int64(len(p))
	return nil
}

// undo takes away what a write has left that failed half way. An encrypted file
// gets its padding back, which the write began on.
func (t *tape) undo() error {
	if t.sealer == nil {
		return t.file.Truncate(t.size)
	}
	if err := t.file.Truncate(t.sealer.at + aes.BlockSize); err != nil {
		return err
	}
	_, err := t.file.WriteAt(t.sealer.seal(nil), t.sealer.at)
	return err
}

// store adds a piece of audio. What could not be written earlier becomes
// silence first, so that the piece comes to its place.
func (t *tape) store(piece []byte) error {
	t.made += int64(len(piece))
	if err := t.catchUp(t.made - int64(len(piece))); err != nil {
		return err
	}
	return t.write(piece)
}

// catchUp fills the file with silence up to a size.
func (t *tape) catchUp(size int64) error {
	if t.size >= size {
		return nil
	}
	silence := make([]byte, min(pieceSize, size-t.size))
	t.encode.fill(silence)
	for t.size < size {
		if err := t.write(silence[:min(int64(len(silence)), size-t.size)]); err != nil {
			return err
		}
	}
	return nil
}

// drained says what became of queued frames.
type drained struct {
	lost int64 // frames that could not be written
	err  error // why, the last
}

// drain writes the queued frames before number `until`, and silence for those
// that are missing. With end it writes also what is missing up to there, and
// what the encoder has kept. The memory of scratch is used.
func (t *tape) drain(q *queue, until int64, end bool, scratch []byte) ([]byte, drained) {
	var d drained
	b := scratch[:0]
	frames := int64(0) // in b, of the queue
	flush := func() {
		if len(b) == 0 {
			return
		}
		if err := t.store(b); err != nil {
			d.lost += frames
			d.err = err
		}
		b, frames = b[:0], 0
	}
	add := func(said, heard []int16) {
		b = t.encode.append(b, said, heard)
		t.frames++
		if len(b) >= pieceSize {
			flush()
		}
	}
	for {
		at, said, heard, ok := q.first()
		if !ok || at >= until {
			break
		}
		for t.frames < at {
			add(nil, nil)
		}
		frames++
		add(said, heard)
		q.next()
	}
	if end {
		for t.frames < until {
			add(nil, nil)
		}
		b = t.encode.rest(b)
	}
	flush()
	return b, d
}

// finish completes the file and gives it its name. If something cannot be
// written that is missing, the rest is completed nevertheless.
func (t *tape) finish() error {
	short := t.catchUp(t.made)
	audioSize := t.size - int64(len(t.header))
	if short == nil && audioSize&1 == 1 { // a chunk ends at an even place
		t.made++
		short = t.write([]byte{0})
	}
	head := slices.Clone(t.header)
	t.layout.setLengths(head, uint32(audioSize))
	var err error
	switch {
	case t.sealer == nil:
		_, err = t.file.WriteAt(head, 0)
	case t.wrap == nil:
		err = reseal(t.file, t.sealer.cipher, t.sealer.at+aes.BlockSize, head)
	default:
		return errors.Join(short, t.finishAge(head))
	}
	if err == nil {
		err = t.file.Sync()
	}
	err = errors.Join(short, err, t.settle(t.part()))
	return errors.Join(err, t.file.Close())
}

// settle gives the complete file its name.
func (t *tape) settle(part string) error {
	name, err := settle(t.disk, part, t.name, t.choice)
	if err != nil {
		return err
	}
	for nth(t.name, t.choice) != name { // taken meanwhile by somebody else
		t.choice++
	}
	t.settled = true
	return nil
}

// finishAge makes the age file of what was written.
func (t *tape) finishAge(head []byte) error {
	spool, key, out := t.part(), t.filename()+keyEnd, t.filename()+ageEnd
	f, err := t.disk.create(out)
	if err != nil {
		return errors.Join(fmt.Errorf("create %s: %w", out, err), t.file.Close())
	}
	err = toAge(io.NewOffsetWriter(f, 0), t.wrap, t.file, t.sealer.cipher, t.size, head)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, t.disk.remove(out), f.Close(), t.file.Close())
	}
	// The key goes after the spool, and that before its lock does.
	err = t.settle(out)
	if err == nil {
		err = errors.Join(t.disk.remove(spool), t.disk.remove(key))
	}
	return errors.Join(err, f.Close(), t.file.Close())
}
