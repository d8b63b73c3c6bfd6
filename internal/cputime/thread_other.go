//go:build !linux

package cputime

import "time"

// Thread is 0: it is not known here.
func Thread() time.Duration { return 0 }
