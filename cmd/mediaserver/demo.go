package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/cmd/mediaserver/internal/demoapp"
	"mediaserver/cmd/mediaserver/internal/robots"
)

// demoCommand runs the server with built-in defaults and three robot callers.
type demoCommand struct {
	Address    string        `default:"0.0.0.0" placeholder:"IP" help:"IP address to serve SIP on (${default})."`
	SIPPort    int           `name:"sip-port" default:"5060" placeholder:"PORT" help:"Port of SIP, UDP and TCP (${default}); 0 takes a free one."`
	HTTPPort   int           `name:"http-port" default:"8080" placeholder:"PORT" help:"Port of HTTP on the loopback address (${default}); 0 takes a free one."`
	RTPPortMin int           `name:"rtp-port-min" default:"20000" placeholder:"PORT" help:"First port of RTP (${default})."`
	RTPPortMax int           `name:"rtp-port-max" default:"39999" placeholder:"PORT" help:"Last port of RTP (${default})."`
	For        time.Duration `placeholder:"DURATION" help:"End after so long, such as 30s. Without it the demo runs until a signal."`
	WAV        string        `name:"wav" default:"demo-listener.wav" placeholder:"FILE" help:"Where what the listener heard is saved (${default})."`
}

// Run serves, lets the robots call, and goes on until a signal or the end of
// --for.
func (c *demoCommand) Run(ctx context.Context, p *program) error {
	cfg, err := c.config(p)
	if err != nil {
		return err
	}
	if c.For > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, c.For)
		defer end()
	}
	return p.serve(ctx, cfg, serverOptions{flags: true, companion: func(ctx context.Context, s *server) error {
		fmt.Fprintln(p.stdout, "  three robots call now; join them with your own phone. Ctrl-C ends the demo.") //nolint:errcheck // nobody reads it
		r := robots.Config{Target: "sip:demo@" + robotTarget(s.addrs.sip), Out: p.stdout, WAV: c.WAV, Guests: s.guests}
		if s.speaks() {
			r.Say = s.say
		}
		return robots.Run(ctx, r)
	}})
}

// guests are the callers in the demo's room.
func (s *server) guests() []string {
	var list []string
	for _, room := range s.parts.calls.Conferences() {
		if room.Name != demoapp.Conference {
			continue
		}
		for i := range room.Participants {
			list = append(list, room.Participants[i].From)
		}
	}
	return list
}

// config is the built-in default with the flags, through the same checks as a
// file. Flags win over variables.
func (c *demoCommand) config(p *program) (*config.Config, error) {
	sip := net.JoinHostPort(c.Address, strconv.Itoa(c.SIPPort))
	flags := []struct{ flag, path, value string }{
		{"--address, --sip-port", "sip.listen", fmt.Sprintf(`["udp://%s", "tcp://%s"]`, sip, sip)},
		{"--http-port", "http.listen", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.HTTPPort))},
		{"--rtp-port-min", "rtp.port_min", strconv.Itoa(c.RTPPortMin)},
		{"--rtp-port-max", "rtp.port_max", strconv.Itoa(c.RTPPortMax)},
	}
	env := []string{config.EnvName("log.level") + "=warn"} // the robots tell enough
	env = append(env, p.env...)
	for _, f := range flags {
		env = append(env, config.EnvName(f.path)+"="+f.value)
	}
	cfg, err := config.Load(config.Source{None: true, Env: env})
	if problems, ok := errors.AsType[config.Problems](err); ok {
		for i := range problems {
			for _, f := range flags {
				if problems[i].Place.Env == config.EnvName(f.path) {
					problems[i].Place.Env = f.flag
				}
			}
		}
		return nil, problems
	}
	if err != nil {
		return nil, err
	}
	cfg.Demo = true
	return cfg, nil
}

// robotTarget is host:port at which the robots on this machine reach the
// server.
func robotTarget(sips []net.Addr) string {
	for _, a := range sips {
		ap, err := netip.ParseAddrPort(a.String())
		if err != nil || a.Network() != "udp" {
			continue
		}
		if ip := ap.Addr(); ip.IsUnspecified() {
			ap = netip.AddrPortFrom(loopback(ip), ap.Port())
		}
		return ap.String()
	}
	return "127.0.0.1"
}
