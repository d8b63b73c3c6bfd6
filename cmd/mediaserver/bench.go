package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"mediaserver/bench/baseline"
	"mediaserver/bench/limit"
	"mediaserver/bench/media"
	"mediaserver/bench/process"
)

// benchCommand measures the server and the machine.
type benchCommand struct {
	Limit    benchLimitCommand    `cmd:"" help:"Measure what the machine can do at best."`
	Media    benchMediaCommand    `cmd:"" help:"Measure a server with many participants in rooms."`
	Baseline benchBaselineCommand `cmd:"" hidden:"" help:"Serve what bench compares with."`
}

// benchLimitCommand is bench limit.
type benchLimitCommand struct {
	Participants int  `short:"n" default:"1000" help:"Participants of the echoes (${default})."`
	Seconds      int  `default:"3" help:"Length of each echo (${default})."`
	JSON         bool `help:"Print JSON."`
}

// Run measures.
func (c *benchLimitCommand) Run(ctx context.Context, p *program) error {
	own, err := process.Own(p.stderr)
	if err != nil {
		return err
	}
	k, err := limit.MeasureKernels()
	if err != nil {
		return err
	}
	for _, kind := range []baseline.Kind{baseline.Sockets, baseline.Shared} {
		cost, err := limit.Run(ctx, own, limit.Options{
			Kind: kind, Participants: c.Participants, Ports: 4, Workers: p.mediaWorkers, Duration: time.Duration(c.Seconds) * time.Second,
		})
		if err != nil {
			return err
		}
		b, _ := json.MarshalIndent(cost, "", "  ")
		fmt.Fprintln(p.stdout, string(b))
	}
	fmt.Fprintf(p.stdout, "%+v\n", k)
	return nil
}

// benchMediaCommand is bench media.
type benchMediaCommand struct {
	Participants int    `short:"n" default:"500" help:"Participants in all (${default})."`
	RoomSize     int    `default:"4" help:"Participants of each room; 0 puts all into one (${default})."`
	Talkers      int    `default:"-1" help:"Participants of each room that talk; the others send silence. Default: all in rooms of up to four, else three."`
	Probes       int    `default:"20" help:"Participants in all that send bursts, by which latency is measured (${default})."`
	Codec        string `default:"pcmu" enum:"pcmu,pcma" help:"pcmu or pcma."`
	SRTP         string `default:"off" enum:"off,gcm,cm" help:"off, gcm or cm."`
	IO           string `default:"sockets" enum:"sockets,shared" help:"rtp.io of the server: sockets or shared."`
	SharedPorts  int    `help:"rtp.shared_ports of the server."`
	Seconds      int    `default:"10" help:"Length of the measurement (${default})."`
	Rate         int    `default:"150" help:"Calls placed per second (${default})."`
	Threads      int    `default:"1" help:"Threads of the generator (${default})."`
	Calibrate    bool   `help:"Run the echo and the naive server with as many participants, and print the ratios."`
	Profile      string `placeholder:"FILE" help:"Write a CPU profile of the server during the measurement."`
	JSON         bool   `help:"Print JSON."`
}

// Run measures.
func (c *benchMediaCommand) Run(ctx context.Context, p *program) error {
	o := media.Options{
		Participants: c.Participants, RoomSize: c.RoomSize, Talkers: c.Talkers, Probes: c.Probes, Codec: c.Codec, SRTP: c.SRTP,
		IO: c.IO, SharedPorts: c.SharedPorts, Rate: c.Rate, Duration: time.Duration(c.Seconds) * time.Second, Settle: media.DefaultSettle,
		Threads: c.Threads, Calibrate: c.Calibrate, Profile: c.Profile,
	}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	own, err := process.Own(p.stderr)
	if err != nil {
		return err
	}
	r, err := media.Run(ctx, own, o)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", "  ")
	fmt.Fprintln(p.stdout, string(b))
	return err
}

// benchBaselineCommand serves a baseline.
type benchBaselineCommand struct {
	Kind         string `required:"" enum:"sockets,shared,naive"`
	Participants int    `required:""`
	RoomSize     int
	Ports        int
	Workers      int
}

// Run serves until the standard input ends.
func (c *benchBaselineCommand) Run(ctx context.Context, p *program) error {
	return baseline.Run(ctx, baseline.Config{
		Kind: baseline.Kind(c.Kind), Participants: c.Participants, RoomSize: c.RoomSize, Ports: c.Ports, Workers: c.Workers,
	}, os.Stdin, p.stdout)
}
