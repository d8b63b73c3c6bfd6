package main

import (
	"log"
	"log/slog"
)

// logLibraries sends what libraries log, such as the HTTP client about a web
// server that answers unasked, to the process log and in its form, until
// restore is called.
func logLibraries(l *slog.Logger) (restore func()) {
	flags, out := log.Flags(), log.Writer()
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(l.Handler(), slog.LevelWarn).Writer())
	return func() {
		log.SetFlags(flags)
		log.SetOutput(out)
	}
}
