package sip

import (
	"net"
	"testing"

	"mediaserver/internal/leaktest"
)

// TestMain has package net prepare its look-ups outside of any bubble.
func TestMain(m *testing.M) {
	_, _ = net.LookupHost("localhost")
	leaktest.Main(m)
}
