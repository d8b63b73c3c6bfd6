//go:build !linux

package machine

import (
	"runtime"
	"time"
)

// CPU is the time that all threads of a process have run so far.
func CPU(int) (time.Duration, error) { return 0, ErrPlatform }

// RSS is the resident memory of a process [bytes].
func RSS(int) (int64, error) { return 0, ErrPlatform }

// busy is the time that all processors have worked.
func busy() (worked, stolen time.Duration, err error) { return 0, 0, ErrPlatform }

// Describe says what the machine is.
func Describe() Machine {
	return Machine{Cores: runtime.NumCPU(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
}

func accounted() time.Duration { return 0 }
