package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"mediaserver/bench/baseline"
	"mediaserver/bench/calls"
	"mediaserver/bench/limit"
	"mediaserver/bench/media"
	"mediaserver/bench/process"
	"mediaserver/bench/report"
)

// benchCommand measures the server and the machine.
type benchCommand struct {
	Limit    benchLimitCommand    `cmd:"" help:"Measure what the machine can do at best."`
	Media    benchMediaCommand    `cmd:"" help:"Measure a server with many participants in rooms."`
	Calls    benchCallsCommand    `cmd:"" help:"Measure how many calls a server sets up per second."`
	Table    benchTableCommand    `cmd:"" help:"Print saved results as a Markdown table."`
	Baseline benchBaselineCommand `cmd:"" hidden:"" help:"Serve what bench compares with."`
}

// outputFlags say what happens to a result.
type outputFlags struct {
	JSON bool   `help:"Print JSON."`
	Save string `placeholder:"DIR" help:"Keep the result as a dated JSON file in this directory, such as bench/results."`
}

// deliver prints and keeps a document.
func (f outputFlags) deliver(p *program, d *report.Document) error {
	if f.Save != "" {
		file, err := d.Save(f.Save)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stderr, "saved", file)
	}
	if f.JSON {
		return d.WriteJSON(p.stdout)
	}
	return d.WriteText(p.stdout)
}

// untilSignal gives a context that ends with a signal, so that what was
// started is ended.
func (p *program) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// benchLimitCommand is bench limit.
type benchLimitCommand struct {
	Participants int  `short:"n" default:"1000" help:"Participants of the echoes (${default})."`
	Seconds      int  `default:"3" help:"Length of each echo (${default})."`
	SharedPorts  int  `default:"4" help:"Ports of the echo that shares them (${default})."`
	Threads      int  `default:"1" help:"Threads of the generator, each on a processor of its own if there are several (${default})."`
	Inject       bool `default:"true" negatable:"" help:"Let packets enter the network stack by a tun device, where those of a network card do, if this may be (root); else they are sent by sockets."`
	outputFlags
}

// Run measures.
func (c *benchLimitCommand) Run(ctx context.Context, p *program) error {
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	own, err := process.Own(p.stderr)
	if err != nil {
		return err
	}
	r, err := limit.Measure(ctx, own, limit.Options{
		Participants: c.Participants, Ports: c.SharedPorts, Workers: p.mediaWorkers, Threads: c.Threads, ByMail: !c.Inject,
		Duration: time.Duration(c.Seconds) * time.Second,
	})
	if err != nil {
		return err
	}
	d := report.New("limit", version, os.Args[1:])
	d.Limit = &r
	return c.deliver(p, &d)
}

// benchMediaCommand is bench media.
type benchMediaCommand struct {
	Participants int           `short:"n" default:"500" help:"Participants in all (${default})."`
	RoomSize     int           `default:"4" help:"Participants of each room; 0 puts all into one (${default})."`
	Talkers      int           `default:"-1" help:"Participants of each room that talk; the others send silence. Default: all in rooms of up to four, else three."`
	Probes       int           `default:"20" help:"Participants in all that send bursts, by which latency is measured (${default})."`
	Codec        string        `default:"pcmu" enum:"pcmu,pcma" help:"pcmu or pcma."`
	SRTP         string        `default:"off" enum:"off,gcm,cm" help:"off, gcm or cm."`
	IO           string        `default:"sockets" enum:"sockets,shared" help:"rtp.io of the server: sockets or shared."`
	SharedPorts  int           `help:"rtp.shared_ports of the server."`
	Seconds      int           `default:"10" help:"Length of the measurement (${default})."`
	Settle       time.Duration `default:"2s" help:"Time between the last answer and the measurement (${default})."`
	Rate         int           `default:"150" help:"Calls placed per second (${default})."`
	Threads      int           `default:"1" help:"Threads of the generator, each on a processor of its own if there are several (${default})."`
	Inject       bool          `default:"true" negatable:"" help:"Let packets enter the network stack by a tun device, where those of a network card do, if this may be (root); else they are sent by sockets."`
	Runs         int           `default:"1" help:"Runs, of which the median is shown (${default})."`
	Search       bool          `help:"Raise the number of participants by a quarter until a run does not pass."`
	Most         int           `help:"Where a search ends."`
	Calibrate    bool          `help:"Run the echo and the naive server with as many participants, and print the ratios."`
	Profile      string        `placeholder:"FILE" help:"Write a CPU profile of the server during the measurement."`
	outputFlags
}

// options are those of a run.
func (c *benchMediaCommand) options() media.Options {
	return media.Options{
		Participants: c.Participants, RoomSize: c.RoomSize, Talkers: c.Talkers, Probes: c.Probes, Codec: c.Codec, SRTP: c.SRTP,
		IO: c.IO, SharedPorts: c.SharedPorts, Rate: c.Rate, Duration: time.Duration(c.Seconds) * time.Second, Settle: c.Settle,
		Threads: c.Threads, ByMail: !c.Inject, Calibrate: c.Calibrate, Profile: c.Profile,
	}
}

// Run measures.
func (c *benchMediaCommand) Run(ctx context.Context, p *program) error {
	if err := c.options().Check(); err != nil {
		return usageError{err}
	}
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	own, err := process.Own(p.stderr)
	if err != nil {
		return err
	}
	d := report.New("media", version, os.Args[1:])
	if c.Search {
		d.Media, err = media.Search(ctx, own, c.options(), c.Runs, c.Most, p.stderr)
	} else {
		var s media.Series
		s, err = media.Repeat(ctx, own, c.options(), c.Runs, p.stderr)
		d.Media = append(d.Media, s)
	}
	if err != nil {
		return err
	}
	return c.deliver(p, &d)
}

// benchCallsCommand is bench calls.
type benchCallsCommand struct {
	Rate        int           `default:"100" help:"Calls per second (${default})."`
	Seconds     int           `default:"10" help:"For how long calls are placed (${default})."`
	Hold        int           `default:"3" help:"How long each call lasts [s] (${default})."`
	Alone       time.Duration `default:"3s" help:"For how long the cost of the media by themselves is measured (${default})."`
	Pages       string        `default:"local" enum:"none,local" help:"none: calls go into rooms by conference.direct_dial; local: by the pages of a web application of this process."`
	IO          string        `default:"sockets" enum:"sockets,shared" help:"rtp.io of the server: sockets or shared."`
	SharedPorts int           `help:"rtp.shared_ports of the server."`
	Runs        int           `default:"1" help:"Runs (${default})."`
	outputFlags
}

// Run measures.
func (c *benchCallsCommand) Run(ctx context.Context, p *program) error {
	o := calls.Options{
		Rate: c.Rate, Duration: time.Duration(c.Seconds) * time.Second, Hold: time.Duration(c.Hold) * time.Second,
		Pages: c.Pages, IO: c.IO, SharedPorts: c.SharedPorts, Alone: c.Alone,
	}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	own, err := process.Own(p.stderr)
	if err != nil {
		return err
	}
	d := report.New("calls", version, os.Args[1:])
	for range max(1, c.Runs) {
		r, err := calls.Run(ctx, own, o)
		if err != nil {
			return err
		}
		d.Calls = append(d.Calls, r)
	}
	return c.deliver(p, &d)
}

// benchTableCommand is bench table.
type benchTableCommand struct {
	Files []string `arg:"" type:"existingfile" help:"Results that were saved."`
}

// Run prints.
func (c *benchTableCommand) Run(p *program) error {
	var all []report.Document
	for _, file := range c.Files {
		d, err := report.Load(file)
		if err != nil {
			return err
		}
		all = append(all, d)
	}
	return report.WriteTable(p.stdout, all)
}

// benchBaselineCommand serves a baseline.
type benchBaselineCommand struct {
	Kind         string `required:"" enum:"sockets,shared,unmixed-sockets,unmixed-shared,naive"`
	Participants int    `required:""`
	RoomSize     int
	Ports        int
	Workers      int
}

// Run serves until the standard input ends.
func (c *benchBaselineCommand) Run(ctx context.Context, p *program) error {
	kind := baseline.Kind(c.Kind)
	if kind.Unmixed() {
		collectRarely(p.env, "/") // as the server does
	}
	return baseline.Run(ctx, baseline.Config{
		Kind: kind, Participants: c.Participants, RoomSize: c.RoomSize, Ports: c.Ports, Workers: c.Workers,
	}, os.Stdin, p.stdout)
}
