package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"mediaserver/bench/baseline"
	"mediaserver/bench/generator"
	"mediaserver/bench/limit"
	"mediaserver/bench/machine"
	"mediaserver/bench/process"
	"mediaserver/sip"
)

// DefaultSettle is the time between the last answer and the measurement in
// which jitter buffers find their place.
const DefaultSettle = 2 * time.Second

// Ports of the server's RTP.
const (
	portMin = 20000
	portMax = 59999
)

// Run makes one run.
func Run(ctx context.Context, p process.Program, o Options) (r Result, err error) {
	if o, err = o.complete(); err != nil {
		return r, err
	}
	var before []limit.Cost
	echo, unmixed := o.references()
	if o.Calibrate {
		if before, err = o.calibrate(ctx, p, echo, unmixed); err != nil {
			return r, err
		}
	}
	if r, err = o.run(ctx, p); err != nil {
		return r, err
	}
	r.judge()
	if o.Calibrate {
		after, err := o.calibrate(ctx, p, unmixed, echo, baseline.Naive)
		if err != nil {
			return r, err
		}
		r.Baselines = append(before, after...)
		r.Ratios = ratios([]Result{r})
	}
	return r, nil
}

// run starts everything, measures and ends everything.
func (o Options) run(ctx context.Context, p process.Program) (r Result, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	app, err := StartApplication(ctx, func(n int) string { return fmt.Sprintf("room-%d", n/o.RoomSize) })
	if err != nil {
		return r, err
	}
	defer app.Close() //nolint:errcheck // nothing is lost
	p.Env = append(p.Env, o.Env...)
	srv, err := p.StartServer(context.WithoutCancel(ctx), process.ServerConfig{
		Application: app.URL(), IO: o.io(), SharedPorts: o.SharedPorts, PortMin: portMin, PortMax: portMax,
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, srv.Stop()) }()
	c := &callers{o: o, to: srv.SIP, cast: newCast(o), log: p.Log}
	if c.gen, err = generator.New(generator.Config{
		Threads: o.Threads, Capacity: o.Participants, Law: o.law(), Amplitude: c.cast.amplitude(), ByMail: o.ByMail,
	}); err != nil {
		return r, err
	}
	tasks.Go(func() { c.gen.Run(ctx) })
	if c.ua, err = sip.New(sip.Config{Listen: []string{"udp://127.0.0.1:0"}}); err != nil {
		return r, err
	}
	if err := c.ua.Listen(); err != nil {
		return r, err
	}
	tasks.Go(func() { c.ua.Serve(ctx, func(context.Context, *sip.Dialog) {}) }) //nolint:errcheck // ends with ctx
	defer c.hangUp(ctx)
	return o.measure(ctx, srv, c)
}

// io is rtp.io; the default is left out, for versions that do not know it.
func (o Options) io() string {
	if o.IO == "sockets" {
		return ""
	}
	return o.IO
}

// measure places the calls and counts.
func (o Options) measure(ctx context.Context, srv *process.Server, c *callers) (r Result, err error) {
	idle, err := takeStock(ctx, srv)
	if err != nil {
		return r, err
	}
	begin := time.Now()
	if err := c.place(ctx); err != nil {
		return r, err
	}
	setUp := time.Since(begin)
	if len(c.calls) == 0 {
		return r, errors.New("bench: no call was answered")
	}
	debug.FreeOSMemory() // what calling left behind is not collected during the measurement
	if err := sleep(ctx, o.Settle); err != nil {
		return r, err
	}
	var a, b reading
	if a.metrics, err = srv.Metrics(ctx); err != nil {
		return r, err
	}
	if a.load, err = machine.Read(srv.PID()); err != nil {
		return r, err
	}
	c.gen.Begin()
	var profile sync.WaitGroup
	var profileErr error
	if o.Profile != "" {
		profile.Go(func() { profileErr = o.profile(ctx, srv) })
	}
	if err := sleep(ctx, o.Duration); err != nil {
		return r, err
	}
	w := c.gen.End()
	if b.load, err = machine.Read(srv.PID()); err != nil {
		return r, err
	}
	b.metrics, err = srv.Metrics(ctx)
	profile.Wait()
	if err := errors.Join(err, profileErr); err != nil {
		return r, err
	}
	full, err := takeStock(ctx, srv)
	if err != nil {
		return r, err
	}
	r = o.result(len(c.calls), a, b, w)
	r.FailedCalls, r.SetUpSeconds = c.failed, setUp.Seconds()
	const kib = 1 << 10
	each := kib * float64(len(c.calls))
	r.Memory.RSS = full.rss / (kib * kib)
	r.Memory.PerParticipant = (full.rss - idle.rss) / each
	r.Memory.Heap = (full.heap - idle.heap) / each
	r.Memory.Stacks = (full.stacks - idle.stacks) / each
	return r, nil
}

// stock is the memory of a server [bytes].
type stock struct{ rss, heap, stacks float64 }

// takeStock reads it: rss as it is, the rest after a collection.
func takeStock(ctx context.Context, srv *process.Server) (s stock, err error) {
	rss, err := machine.RSS(srv.PID())
	if err != nil {
		return s, err
	}
	if err := srv.Collect(ctx); err != nil {
		return s, err
	}
	m, err := srv.Metrics(ctx)
	return stock{float64(rss), m["go_memstats_heap_alloc_bytes"], m["go_memstats_stack_inuse_bytes"]}, err
}

// profile writes the server's CPU profile of the measurement.
func (o Options) profile(ctx context.Context, srv *process.Server) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", srv.Pprof, max(1, int(o.Duration.Seconds())-1))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Close = true // no connection is kept
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("bench: profile: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // read only
	f, err := os.Create(o.Profile)
	if err != nil {
		return fmt.Errorf("bench: profile: %w", err)
	}
	_, err = io.Copy(f, res.Body)
	return errors.Join(err, f.Close())
}

// references are the echo and the server without mixing of the same class of I/O.
func (o Options) references() (echo, unmixed baseline.Kind) {
	if o.IO == "shared" {
		return baseline.Shared, baseline.UnmixedShared
	}
	return baseline.Sockets, baseline.UnmixedSockets
}

// calibrate runs baselines with as many participants.
func (o Options) calibrate(ctx context.Context, p process.Program, kinds ...baseline.Kind) (costs []limit.Cost, err error) {
	const longest = 5 * time.Second
	for _, k := range kinds {
		l := limit.Options{
			Kind: k, Participants: o.Participants, RoomSize: o.RoomSize, Talkers: o.Talkers, Ports: max(o.SharedPorts, defaultSharedPorts),
			Workers: runtime.NumCPU(), SRTP: suites()[o.SRTP], Threads: o.Threads, ByMail: o.ByMail, Duration: min(o.Duration, longest),
		}
		if k.Unmixed() {
			l.Settle = o.age()
		}
		c, err := limit.Run(ctx, p, l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		costs = append(costs, c)
	}
	return costs, nil
}

// defaultSharedPorts is rtp.shared_ports when nothing is said.
const defaultSharedPorts = 4

// sleep waits, or fails with the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("bench: stopped: %w", context.Cause(ctx))
	case <-time.After(d):
		return nil
	}
}
