package sip

import (
	"net"
	"testing"

	"go.uber.org/goleak"
)

// TestMain has package net prepare its look-ups outside of any bubble.
func TestMain(m *testing.M) {
	_, _ = net.LookupHost("localhost")
	goleak.VerifyTestMain(m)
}
