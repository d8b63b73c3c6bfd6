package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/sip"
)

// portFlags says whether the ports were chosen by flags; messages then name
// those in place of the keys.
type portFlags bool

// sipChoice tells how to choose another SIP port.
func (f portFlags) sipChoice() string {
	if f {
		return "choose another with --sip-port, for example --sip-port 5070"
	}
	return keyChoice("sip.listen", `["udp://0.0.0.0:5070", "tcp://0.0.0.0:5070"]`)
}

// httpChoice tells how to choose another HTTP port.
func (f portFlags) httpChoice() string {
	if f {
		return "choose another with --http-port, for example --http-port 8081"
	}
	return keyChoice("http.listen", "127.0.0.1:8081")
}

// keyChoice tells which key and variable to set.
func keyChoice(path, example string) string {
	return fmt.Sprintf("choose another with the key %s or the variable %s='%s'", path, config.EnvName(path), example)
}

// explainSIP makes a failure to open a SIP listener understandable.
func explainSIP(err error, f portFlags) error {
	failed, ok := errors.AsType[*sip.ListenError](err)
	if !ok {
		return err
	}
	network, address, _ := strings.Cut(failed.Addr, "://")
	return explainListen(err, "SIP", network, address, f.sipChoice())
}

// explainListen makes a failure to open a listener understandable: what is the
// matter with which port, and what to do about it.
func explainListen(err error, what, network, address, choice string) error {
	host, port, splitErr := net.SplitHostPort(address)
	if splitErr != nil {
		return err
	}
	switch network = strings.ToUpper(network); {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %s port %s of %s is in use by another program; %s: %w", what, network, port, host, choice, syscall.EADDRINUSE)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this machine does not have the address %s; %s: %w", what, host, choice, syscall.EADDRNOTAVAIL)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: no permission to open %s port %s; %s: %w", what, network, port, choice, syscall.EACCES)
	default:
		return fmt.Errorf("%s: %w; %s", what, err, choice)
	}
}
