//go:build !linux

package generator

import "time"

const batchSize = 1

// socket does not exist here.
type socket struct{ port uint16 }

func openPair() (rtp, control *socket, err error) { return nil, nil, ErrPlatform }

func (s *socket) close() error                                 { return nil }
func (s *socket) receive() int                                 { return 0 }
func (s *socket) message(int) (b []byte, to [4]byte, at int64) { return nil, to, 0 }

// mail does not exist here.
type mail struct{}

func newMail(*socket) *mail     { return &mail{} }
func (m *mail) add(*stream)     {}
func (m *mail) remove(int)      {}
func (m *mail) wire(int) []byte { return nil }
func (m *mail) send() int       { return 0 }

func hurry() Priority { return Normal }
func settle(int, int) {}

// clock is the time since it was made.
type clock struct{ base time.Time }

func newClock() clock                      { return clock{time.Now()} }
func (c clock) now() time.Duration         { return time.Since(c.base) }
func (c clock) sleepUntil(t time.Duration) { time.Sleep(t - c.now()) }
