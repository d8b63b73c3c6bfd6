package mixer

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"mediaserver/audio"
)

// What New and Run may return.
var (
	// ErrConfig: a value of Config is out of range.
	ErrConfig = errors.New("mixer: configuration")
	// ErrStarted: Run was called before.
	ErrStarted = errors.New("mixer: engine has been started before")
)

const (
	// SlotsPerFrame is the number of slots one frame is divided into.
	SlotsPerFrame = 4
	// MaxLateness is how late a worker may be before it skips whole frames.
	MaxLateness = 60 * time.Millisecond
	// GateLevel is the level [dBov] of a frame above which it counts as sound.
	GateLevel = -66.0
	// GateHangover is how long a member goes on contributing below GateLevel.
	GateHangover = 200 * time.Millisecond
	// DefaultMixedTalkers is Config.MixedTalkers when that is 0.
	DefaultMixedTalkers = 32
	// DefaultWideRoom is Config.WideRoom when that is 0.
	DefaultWideRoom = 512
	// DefaultMaxLoad is Config.MaxLoad when that is 0: the other half is for
	// signalling, files, the kernel and other processes.
	DefaultMaxLoad = 0.5

	maxMixedTalkers = 1 << 15 // so many full-scale samples fit an int32
	maxWorkers      = 1024
)

// Config of an Engine. The zero value is the default.
type Config struct {
	Workers      int          // 0: as many as GOMAXPROCS
	Format       audio.Format // of every port and source; zero: audio.Narrowband()
	MixedTalkers int          // most talkers summed in a room, the loudest; 0: DefaultMixedTalkers
	Clock        Clock        // nil: the monotonic system clock
	WideRoom     int          // members of a room at one place before it spreads; 0: DefaultWideRoom, negative: it does not
	MaxLoad      float64      // share of the workers\' time up to which more ports fit, see Headroom; 0: DefaultMaxLoad
	Transport    Transport    // nil: ports do their own I/O
	Realtime     bool         // the program has begun to run in real time: so does each thread that serves a slot
	Metrics      *Metrics     // nil: not registered anywhere
	Logger       *slog.Logger // nil: discards
}

func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Format == (audio.Format{}) {
		c.Format = audio.Narrowband()
	}
	if c.MixedTalkers == 0 {
		c.MixedTalkers = DefaultMixedTalkers
	}
	if c.WideRoom == 0 {
		c.WideRoom = DefaultWideRoom
	}
	if c.MaxLoad == 0 {
		c.MaxLoad = DefaultMaxLoad
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Workers < 1 || c.Workers > maxWorkers:
		return fmt.Errorf("%w: %d workers", ErrConfig, c.Workers)
	case c.MixedTalkers < 1 || c.MixedTalkers > maxMixedTalkers:
		return fmt.Errorf("%w: %d mixed talkers", ErrConfig, c.MixedTalkers)
	case !(c.MaxLoad > 0 && c.MaxLoad <= 1):
		return fmt.Errorf("%w: load of %v", ErrConfig, c.MaxLoad)
	case c.Format.Rate <= 0 || c.Format.Ptime < SlotsPerFrame*time.Millisecond:
		return fmt.Errorf("%w: format of %d Hz, %v", ErrConfig, c.Format.Rate, c.Format.Ptime)
	}
	return nil
}
