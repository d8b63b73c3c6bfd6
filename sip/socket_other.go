//go:build !linux

package sip

import "syscall"

// setReceiveBuffer leaves the system's default, which net.UDPConn's own call
// has raised as far as the system allows.
func setReceiveBuffer(syscall.RawConn, int) error { return nil }
