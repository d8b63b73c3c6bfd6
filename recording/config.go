package recording

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"mediaserver/audio"
)

// Defaults of Config.
const (
	DefaultWriters = 2
	DefaultMaxOpen = 1000
	DefaultQueue   = 128 // frames
	DefaultTimeout = 5 * time.Second
)

const (
	// flushEvery is how often what is queued goes to the disk. An interrupted
	// process loses no more than that and the time the writing takes.
	flushEvery = 400 * time.Millisecond
	// maxDuration is the longest recording; 24 h of two sides are 1.4 GB.
	maxDuration = 24 * time.Hour
)

// ErrConfig is matched by errors of a bad Config.
var ErrConfig = errors.New("recording: bad configuration")

// Config says how a Store works. The zero value is the default, but for
// Directory, which must be given.
type Config struct {
	// Directory is the media directory. Recordings go below it, to
	// rest_api/recordings. It is made if it does not exist.
	Directory string
	Format    audio.Format  // of the frames; zero = 8 kHz, 20 ms
	Writers   int           // goroutines that write; 0 = 2
	MaxOpen   int           // recordings at a time; 0 = 1000. The bound of the memory for queues: 82 kB each
	Queue     int           // frames that a recording may have waiting for the disk, rounded up to a power of two; 0 = 128
	Timeout   time.Duration // how long Open and Close wait for the disk, Close longer for long encrypted ones; 0 = 5 s
	// RetentionDays is after how many days a recording is deleted; 0 = never.
	// The days are those of the name. Retention needs Run.
	RetentionDays int
	Metrics       *Metrics     // nil = not counted
	Logger        *slog.Logger // nil = slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Format == (audio.Format{}) {
		c.Format = audio.Narrowband()
	}
	if c.Writers == 0 {
		c.Writers = DefaultWriters
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = DefaultMaxOpen
	}
	if c.Queue == 0 {
		c.Queue = DefaultQueue
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Directory == "":
		return fmt.Errorf("%w: no directory", ErrConfig)
	case c.Format.Rate < 400 || c.Format.Rate > 48000 || c.Format.Samples() < c.Format.Rate/200:
		return fmt.Errorf("%w: frames of %d samples at %d Hz", ErrConfig, c.Format.Samples(), c.Format.Rate)
	case c.Writers < 0 || c.MaxOpen < 0 || c.Queue < 0 || c.Queue > 1<<16 || c.Timeout < 0 || c.RetentionDays < 0:
		return fmt.Errorf("%w: a number below zero or too large", ErrConfig)
	}
	return nil
}

// Mode says which channels a file has.
type Mode uint8

// The modes.
const (
	Mixed    Mode = iota // one channel, both sides in it
	Separate             // two channels: what was said, what was heard
)

// String is "mixed" or "separate", as in the protocol.
func (m Mode) String() string {
	switch m {
	case Mixed:
		return "mixed"
	case Separate:
		return "separate"
	}
	return "Mode(" + strconv.Itoa(int(m)) + ")"
}

// Encoding is the form of the samples in a file.
type Encoding uint8

// The encodings, both ITU-T G.711.
const (
	ALaw Encoding = iota
	ULaw
)

// String is "alaw" or "ulaw", as in the protocol.
func (e Encoding) String() string {
	switch e {
	case ALaw:
		return "alaw"
	case ULaw:
		return "ulaw"
	}
	return "Encoding(" + strconv.Itoa(int(e)) + ")"
}

// Digits says on which sides of a frame a DTMF digit sounds.
type Digits uint8

// The sides; both may be set.
const (
	DigitSaid  Digits = 1 << iota // the far end presses a key
	DigitHeard                    // a digit is sent to the far end
)

// Options say what is to be recorded.
type Options struct {
	// InstanceID is the id of the application instance, a part of the name:
	// 1 to 64 of A–Z a–z 0–9 . -, no point at either end and no two in a row.
	InstanceID string
	// Call says which call of the instance is recorded as a whole: 1 is the
	// primary call, n its n-th call. 0 is a recording of another kind.
	Call       int
	Start      time.Time // in the name, as UTC; zero = now
	Mode       Mode
	Encoding   Encoding
	KeepDigits bool   // false: a side with a digit is silence
	Cipher     Cipher // zero = not encrypted
}

func (o Options) validate() error {
	switch {
	case !validID(o.InstanceID):
		return fmt.Errorf("%w: instance id %q", ErrOptions, o.InstanceID)
	case o.Call < 0:
		return fmt.Errorf("%w: call %d", ErrOptions, o.Call)
	case o.Mode > Separate || o.Encoding > ULaw:
		return fmt.Errorf("%w: mode %v, encoding %v", ErrOptions, o.Mode, o.Encoding)
	case !o.Start.IsZero() && (o.Start.UTC().Year() < 1 || o.Start.UTC().Year() > 9999):
		return fmt.Errorf("%w: start %v", ErrOptions, o.Start)
	}
	return nil
}
