package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/alecthomas/kong"

	"mediaserver/cmd/mediaserver/internal/config"
)

// commands is the command line.
type commands struct {
	Serve       serveCommand       `cmd:"" default:"withargs" help:"Run the server (the default command)."`
	CheckConfig checkConfigCommand `cmd:"" help:"Print the effective configuration, or everything that is wrong with it."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
	Demo        demoCommand        `cmd:"" help:"Run the server with built-in defaults and three robot callers in a conference."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the running server whether it is well; exit 0 if so, else 1."`
	Bench       benchCommand       `cmd:"" help:"Measure the server under load, and what the machine can do."`
	Phone       laterCommand       `cmd:"" help:"Robot phone (not in this version)."`
	Test        laterCommand       `cmd:"" help:"Run scenario files (not in this version)."`
}

// configFlag names the configuration file.
type configFlag struct {
	Config string `placeholder:"FILE" help:"Configuration file. Without it ./mediaserver.yaml if that exists, else built-in defaults."`
}

type (
	serveCommand       struct{ configFlag }
	checkConfigCommand struct{ configFlag }
	versionCommand     struct{}
	laterCommand       struct {
		Args []string `arg:"" optional:"" passthrough:"" hidden:""`
	}
)

// usageError is a fault of the command line or of the configuration.
type usageError struct{ err error }

// Error is the fault itself.
func (e usageError) Error() string { return e.err.Error() }

// Unwrap is the fault itself.
func (e usageError) Unwrap() error { return e.err }

// main runs one command and returns the exit code.
func (p *program) main(ctx context.Context, args []string) int {
	var cli commands
	helped := false
	parser, err := kong.New(&cli,
		kong.Name("mediaserver"),
		kong.Description("A SIP and RTP media server steered by web pages, with a conference mixer."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		panic(err) // the command line is a constant
	}
	parsed, err := parser.Parse(args)
	switch {
	case helped:
		return exitClean
	case err != nil:
		fmt.Fprintf(p.stderr, "mediaserver: %v (see mediaserver --help)\n", err)
		return exitUsage
	}
	return p.report(parsed.Run(p))
}

// report prints why a command failed and gives the exit code.
func (p *program) report(err error) int {
	if err == nil {
		return exitClean
	}
	if problems, ok := errors.AsType[config.Problems](err); ok {
		fmt.Fprintln(p.stderr, problems)
		return exitUsage
	}
	fmt.Fprintf(p.stderr, "mediaserver: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// load reads the configuration a command was given.
func (f configFlag) load(p *program) (*config.Config, error) {
	return config.Load(config.Source{File: f.Config, Env: p.env})
}

// reload gives what reads the configuration anew: from the file that cfg is
// from, so that a file which is gone is an error and not built-in defaults.
func reload(p *program, cfg *config.Config) func() (*config.Config, error) {
	f := configFlag{Config: cfg.Path}
	return func() (*config.Config, error) { return f.load(p) }
}

// Run prints the effective configuration.
func (c *checkConfigCommand) Run(p *program) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if err := checkMachine(cfg); err != nil {
		return err
	}
	_, err = fmt.Fprint(p.stdout, cfg.YAML())
	return err
}

// Run prints the version.
func (c *versionCommand) Run(p *program) error {
	_, err := fmt.Fprintf(p.stdout, "mediaserver %s\n", version)
	return err
}

// Run says that the command comes later.
func (c *laterCommand) Run(k *kong.Context) error {
	return usageError{fmt.Errorf("the command %q is not in this version", k.Selected().Name)}
}

// Run serves until a signal.
func (c *serveCommand) Run(ctx context.Context, p *program) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	defer outliveLog()()
	return p.serve(ctx, cfg, serverOptions{load: reload(p, cfg)})
}

// serve runs a server until the first signal drains it; a second signal, or
// the end of ctx, ends it.
func (p *program) serve(ctx context.Context, cfg *config.Config, o serverOptions) error {
	o.mediaWorkers = p.mediaWorkers
	signal.Notify(p.signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(p.signals)
	ctx, drain := context.WithCancel(ctx)
	defer drain()
	force, ended := make(chan struct{}), make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		if p.signalled(ended) {
			drain()
			p.forgetEchoes()
		}
		if p.signalled(ended) {
			close(force)
		}
	})
	defer watch.Wait()
	defer close(ended)
	collectRarely(p.env, "/")
	restMonitor("/")
	o.log, o.force = newLogger(p.stderr, cfg.Log), force
	o.realtime = p.alone && cfg.Media.Realtime && beginRealtime(o.log)
	defer logLibraries(o.log)()
	if o.out == nil {
		o.out = p.stdout
	}
	return Run(ctx, cfg, o)
}

// newLogger is the process log.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
