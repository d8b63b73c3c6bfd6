package main

import (
	"log/slog"
	"runtime"

	"mediaserver/internal/realtime"
)

// beginRealtime has the process run before all other programs, but for the
// runtime's monitor, which would rest less (restMonitor). With a single processor it
// does not: one thread too busy would leave nothing to anybody else. It reports
// whether it does. See docs/decisions/0024-real-time.md.
func beginRealtime(log *slog.Logger) bool {
	if runtime.NumCPU() == 1 {
		log.Debug("media.realtime: not with a single processor")
		return false
	}
	if err := realtime.Begin(monitorThread("/")); err != nil {
		log.Info("other programs may delay audio: media.realtime is not allowed here", "error", err)
		return false
	}
	return true
}
