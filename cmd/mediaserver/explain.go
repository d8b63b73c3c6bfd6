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

// explainDirectory names the key of a directory that cannot be used.
func explainDirectory(err error, path, example string) error {
	return fmt.Errorf("%w; %s", err, keyChoice(path, example))
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
	var text string
	switch network = strings.ToUpper(network); {
	case errors.Is(err, syscall.EADDRINUSE):
		text = fmt.Sprintf("%s port %s of %s is in use by another program", network, port, host)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		text = fmt.Sprintf("this machine does not have the address %s", host)
	case errors.Is(err, os.ErrPermission):
		text = fmt.Sprintf("no permission to open %s port %s", network, port)
	default:
		text = err.Error()
	}
	return &listenError{text: what + ": " + text + "; " + choice, err: err}
}

// listenError says in words for the operator why a listener could not be
// opened.
type listenError struct {
	text string
	err  error
}

// Error is the words.
func (e *listenError) Error() string { return e.text }

// Unwrap is what the system said.
func (e *listenError) Unwrap() error { return e.err }
